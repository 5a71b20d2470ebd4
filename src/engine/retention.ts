/** Removes deliveries that have been final for long enough: now and then a pass, in steps too short to be felt. */
import type { Clock } from '../core/clock.js';
import type { KeepFor } from '../core/retention.js';
import type { LoggerLike } from '../nexus.js';
import type { Storage, Swept } from '../storage/storage.js';
import type { Alarm } from './alarm.js';

export interface Retention {
  /** The storage is open. */
  start(): void;
  /** Resolves when the step that runs has ended. */
  stop(): Promise<void>;
}

const STEP = { rows: 1_024, ms: 4 };
/** From step to step: most of the time belongs to what the host does. */
const PAUSE_MS = 50;
const AFTER_START_MS = 10_000;
const MINUTE_MS = 60_000;
/** How much longer than asked something may be kept, as a share, so that passes can be few; at most an hour. */
const LATENESS = 1 / 20;

export function createRetention(options: {
  storage: Storage;
  clock: Clock;
  random: () => number;
  alarm: Alarm;
  logger: LoggerLike;
  keepFor: KeepFor;
  failed: (error: unknown) => void;
}): Retention {
  const { storage, clock, alarm, keepFor } = options;
  const shortest = Math.min(keepFor.succeededMs, keepFor.deadMs);
  const restMs = Math.min(Math.max(shortest * LATENESS, MINUTE_MS), 60 * MINUTE_MS);
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  let removed = 0;

  /** With jitter: of several processes one comes first, and leaves nothing to do for the others. */
  const rest = (ms: number): void => {
    if (!stopped) alarm.set('sweep', clock.now() + ms + (options.random() * restMs) / 4);
  };
  const step = async (): Promise<void> => {
    let swept: Swept;
    try {
      swept = await storage.sweep({ ...keepFor, ...STEP });
    } catch (error) {
      options.failed(error);
      rest(restMs);
      return;
    }
    removed += swept.removed;
    if (swept.more) {
      if (!stopped) alarm.set('sweep', clock.now() + PAUSE_MS);
      return;
    }
    if (removed > 0) options.logger.debug({ deliveries: removed }, 'removed finished deliveries');
    removed = 0;
    rest(Math.max(swept.nextInMs, restMs));
  };
  alarm.when('sweep', () => {
    if (!stopped) running = step();
  });

  return {
    start: () => {
      if (shortest !== Infinity)
        alarm.set('sweep', clock.now() + AFTER_START_MS * (1 + 2 * options.random()));
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
