/** How late the event loop is: what blocks it blocks every commit and every handler. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoop {
  /** Seconds beyond the expected, since it was asked before, with the percentile of each. */
  read(): readonly (readonly [number, string])[];
  stop(): void;
}

/** It looks so often, milliseconds. */
const RESOLUTION = 20;
const PERCENTILES = [50, 90, 99];

/** Its timer does not keep the process alive. */
export function watchEventLoop(): EventLoop {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION });
  delays.enable();
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION / 1e3);
  return {
    read: () => {
      // Before anything was measured its numbers are none.
      const none = delays.count === 0;
      const values = [
        ...PERCENTILES.map((each) => [none ? 0 : late(delays.percentile(each)), String(each)] as const),
        [none ? 0 : late(delays.max), '100'] as const,
      ];
      delays.reset();
      return values;
    },
    stop: () => void delays.disable(),
  };
}
