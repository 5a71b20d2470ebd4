/** Waiting until everything that can happen at this instant has happened. */

/** Turns of the event loop without a stir that prove it, where there was one: the engine's own pauses are one turn each. */
const QUIET_TURNS = 2;
/** So many turns are taken at full speed; then it is the world outside that is waited for. */
const QUICK_TURNS = 50;

export interface Stillness {
  /** Something happens: an operation of a storage, a handler's beginning or end, a request at a fake node. */
  stirred(): void;
  /** Resolves when nothing stirs any more, or when what runs has kept still for the patience that there is. */
  rest(): Promise<void>;
}

export function createStillness(options: {
  /** Operations and starts under way: they end by themselves. */
  readonly busy: () => number;
  /** Handlers and requests that wait for something real. */
  readonly awake: () => number;
  /** Nothing moved for `patienceMs` though something is awake. */
  readonly giveUp: () => void;
  readonly patienceMs: number;
}): Stillness {
  const { busy, awake, giveUp, patienceMs } = options;
  let stirs = 0;
  let rested = 0;

  const rest = async (): Promise<void> => {
    let seen = rested;
    let quiet = 0;
    let needed = 1;
    let since = performance.now();
    for (let turns = 1; quiet < needed; turns++) {
      await turn(turns > QUICK_TURNS && (busy() > 0 || awake() > 0));
      const moved = stirs !== seen;
      seen = stirs;
      if (moved) needed = QUIET_TURNS;
      if (moved || busy() > 0 || awake() > 0) quiet = 0;
      else quiet += 1;
      if (moved || busy() > 0) since = performance.now();
      else if (awake() > 0 && performance.now() - since > patienceMs) giveUp();
    }
    rested = stirs;
  };
  return {
    stirred: () => {
      stirs += 1;
    },
    rest,
  };
}

/** A timer where the outside needs time, so that waiting does not take a processor of its own. */
function turn(slow: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (slow) setTimeout(resolve, 1);
    else setImmediate(resolve);
  });
}
