/** Acknowledged events that the storage has no more: what the log says of them, and who is told. */
import { GAP_TYPE } from '../core/chain-walk.js';
import type { Lost, NewEvent } from '../storage/storage.js';
import type { Lifecycle } from './lifecycle.js';
import type { MakeNote } from './note.js';

export interface Loss {
  /** The event that stands in the log for what is missing. */
  gap(lost: Lost): NewEvent;
  /** Something is missing: says so, and goes on saying so in `health()`. */
  found(lost: Lost): void;
  reasons(): readonly string[];
}

export function createLoss(note: MakeNote, lifecycle: Lifecycle): Loss {
  const reasons: string[] = [];
  return {
    gap: ({ from, to, events, hash }) => note(GAP_TYPE, { from, to, lost: events, lastHash: hash }),
    found: ({ events, from, to }) => {
      const reason = `${events} acknowledged events are missing from the log (seq ${from} to ${to})`;
      reasons.push(reason);
      lifecycle.tell('log:lost', () => ({ events, from, to }));
    },
    reasons: () => reasons,
  };
}
