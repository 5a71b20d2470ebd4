/** Time that passes when a test says so. */
import type { Clock } from '../core/clock.js';

/** The timers of one process: they end with it. */
export interface ProcessClock extends Clock {
  /** Its timers are gone, and it sets no more. */
  stop(): void;
  /** Its timers fire at once from now on: whatever it waits for comes to its end. */
  hurry(): void;
}

/** One time for all processes of a test. */
export interface VirtualClock extends Clock {
  /** The instant of the earliest timer, epoch ms. */
  next(): number | undefined;
  /** Goes on to an instant, if that is later. */
  moveTo(at: number): void;
  /** Calls the earliest timer that is due, if there is one. Those of one instant come in the order in which they were set. */
  fire(): boolean;
  /** A process's own view of it. */
  process(): ProcessClock;
}

type Timer = { readonly at: number; readonly fn: () => void };

export function createVirtualClock(start: number): VirtualClock {
  let time = start;
  const timers = new Set<Timer>();

  const earliest = (): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) if (!first || timer.at < first.at) first = timer;
    return first;
  };
  const now = (): number => time;
  const setTimer = (fn: () => void, ms: number): (() => void) => {
    const timer = { at: time + Math.max(0, ms), fn };
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  return {
    now,
    setTimer,
    next: () => earliest()?.at,
    moveTo: (at) => {
      time = Math.max(time, at);
    },
    fire: () => {
      const timer = earliest();
      if (!timer || timer.at > time) return false;
      timers.delete(timer);
      timer.fn();
      return true;
    },
    process: () => {
      const own = new Set<() => void>();
      let state: 'runs' | 'stopped' | 'hurries' = 'runs';
      const stop = (): void => {
        state = 'stopped';
        for (const cancel of own) cancel();
        own.clear();
      };
      return {
        now,
        setTimer: (fn, ms) => {
          if (state === 'stopped') return () => undefined;
          if (state === 'hurries') {
            const immediate = setImmediate(fn);
            return () => clearImmediate(immediate);
          }
          const cancel = setTimer(() => {
            own.delete(cancel);
            fn();
          }, ms);
          own.add(cancel);
          return () => {
            own.delete(cancel);
            cancel();
          };
        },
        stop,
        hurry: () => {
          stop();
          state = 'hurries';
        },
      };
    },
  };
}
