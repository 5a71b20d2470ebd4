/** Acknowledged events that the log has no more: the log ends below the highest mark. */
import { NexusError } from '../../core/errors.js';
import type { Lost, NewEvent } from '../storage.js';
import type { Append } from './append.js';
import type { HeadCache } from './head-cache.js';
import type { Marks } from './marks.js';

/** Makes the event that stands for what is missing. */
export type Gap = (lost: Lost) => NewEvent;

export interface Losses {
  /** Only reads. */
  found(): Lost | undefined;
  /** In a write transaction: numbering goes on above what is missing, behind the gap's event, so it is found once. */
  record(gap: Gap | undefined): Lost | undefined;
}

export function createLosses(cache: HeadCache, append: Append, marks: Marks): Losses {
  const found = (): Lost | undefined => {
    // In this order: what is committed in between makes the head higher, never the mark.
    const mark = marks.highest();
    cache.check();
    const head = cache.head().seq;
    if (!mark || mark.seq <= head) return undefined;
    return { events: mark.seq - head, from: head + 1, to: mark.seq, hash: mark.hash };
  };
  return {
    found,
    record: (gap) => {
      const lost = found();
      if (!lost) return undefined;
      if (!gap) {
        throw new NexusError(
          'NEXUS_STORAGE_CORRUPT',
          `${lost.events} acknowledged events are missing from the log (seq ${lost.from} to ${lost.to}); open it with an event to record that, or restore a backup`,
          { details: { ...lost } },
        );
      }
      cache.moved(lost.to, cache.head().hash);
      append([gap(lost)], () => true);
      return lost;
    },
  };
}
