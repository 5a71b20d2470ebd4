/** Lets time pass: instant by instant, and at each until nothing more happens. */
import { AssertionError } from 'node:assert';
import type { Delivery, DeliveryDesk } from '../nexus.js';
import { milliseconds, type Duration } from './duration.js';
import type { VirtualClock } from './virtual-clock.js';

export interface Time {
  /** Lets time pass. */
  advance(duration: Duration): Promise<void>;
  /** Works off what is due now. */
  now(): Promise<void>;
  /** Lets time pass until every delivery is final. @throws AssertionError when some do not end */
  untilDone(): Promise<void>;
}

/** Instants without an outcome, and virtual time, after which open deliveries are taken to be stuck. */
const STALLED_STEPS = 200;
const STALLED_MS = 10 * 60_000;
/** So many of the open deliveries are looked at. */
const LOOK_AT = 1_000;

export function createTime(options: {
  readonly clock: VirtualClock;
  /** Resolves when nothing more happens at this instant. */
  readonly rest: () => Promise<void>;
  readonly deliveries: () => DeliveryDesk;
  /** How many outcomes there are. */
  readonly outcomes: () => number;
}): Time {
  const { clock, rest, deliveries, outcomes } = options;
  let last: Promise<void> = Promise.resolve();

  /** One after the other: two at once would both move the clock. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
  const passTo = async (end: number): Promise<void> => {
    await rest();
    for (let next = clock.next(); next !== undefined && next <= end; next = clock.next()) {
      clock.moveTo(next);
      clock.fire();
      await rest();
    }
    clock.moveTo(end);
    await rest();
  };
  const open = async (): Promise<readonly Delivery[]> =>
    (await deliveries().list({ state: ['pending', 'running'], limit: LOOK_AT })).items;

  const untilDone = async (): Promise<void> => {
    let seen = outcomes();
    let steps = 0;
    let since = clock.now();
    for (;;) {
      await rest();
      const left = await open();
      if (left.length === 0) return;
      if (outcomes() !== seen) {
        seen = outcomes();
        steps = 0;
        since = clock.now();
      }
      const later = left.flatMap(({ state, dueAt }) =>
        state === 'pending' && dueAt !== undefined && dueAt > clock.now() ? [dueAt] : [],
      );
      const running = left.some(({ state }) => state === 'running');
      const instant = running || later.length === 0 ? clock.next() : Math.min(...later);
      steps += later.length > 0 && !running ? 0 : 1;
      if (instant === undefined || (steps > STALLED_STEPS && clock.now() - since > STALLED_MS))
        throw stuck(left);
      await passTo(Math.max(instant, clock.now()));
    }
  };

  return {
    advance: (duration) => {
      const ms = milliseconds(duration);
      return inTurn(() => passTo(clock.now() + ms));
    },
    now: () => inTurn(rest),
    untilDone: () => inTurn(untilDone),
  };
}

function stuck(left: readonly Delivery[]): AssertionError {
  const lines = left
    .slice(0, 10)
    .map(
      ({ reactor, eventType, seq, state, attempt }) =>
        `  ${reactor}, ${eventType} seq ${seq}: ${state} after ${attempt} attempts`,
    );
  return new AssertionError({
    message: `${left.length} deliveries do not end, however much time passes:\n${lines.join('\n')}\nIs the reactor paused, not registered in this Nexus, or does its handler wait for something that no test answers?`,
    actual: left.map(({ reactor, eventType, state }) => ({ reactor, eventType, state })),
    expected: [],
    operator: 'drain',
  });
}
