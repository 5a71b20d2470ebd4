/** A clock whose time passes when a test says so. */
import type { Clock } from '../../src/core/clock.js';

export interface TestClock extends Clock {
  /** Lets time pass: fires what becomes due, in order, with the event loop running in between. */
  advance(ms: number): Promise<void>;
  /** Timers that are set. */
  timers(): number;
}

export function createTestClock(start = 1_800_000_000_000): TestClock {
  let now = start;
  let timers: { at: number; fn: () => void }[] = [];
  return {
    now: () => now,
    setTimer: (fn, ms) => {
      const timer = { at: now + Math.max(0, ms), fn };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    timers: () => timers.length,
    advance: async (ms) => {
      const end = now + ms;
      await turns();
      for (;;) {
        const next = timers.reduce<(typeof timers)[number] | undefined>(
          (first, each) => (first && first.at <= each.at ? first : each),
          undefined,
        );
        if (!next || next.at > end) break;
        now = Math.max(now, next.at);
        timers = timers.filter((each) => each !== next);
        next.fn();
        await turns();
      }
      now = end;
      await turns();
    },
  };
}

/** Enough turns of the event loop for work that waits for no timer to come to rest. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
