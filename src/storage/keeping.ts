/** The two ways in which something leaves the log: the payload of an event is erased, the beginning is removed. */
import type { NewEvent } from './new-event.js';
import type { DeliveryRef } from './readers.js';

/** Erase an event, and append the note of it, in one step. */
export type Redact = { readonly id: string; readonly note: NewEvent };

/** What a redaction came to. */
export type Redacted = {
  /** `already`: it was erased before, and no note was appended. */
  readonly outcome: 'redacted' | 'already' | 'not_found';
  /** Deliveries that were open or dead. */
  readonly cancelled: readonly DeliveryRef[];
  /** False while the bytes of the payload may still be in a file of the storage, for somebody else reads it. */
  readonly complete: boolean;
};

/**
 * A step of removing the beginning of the log: events up to `to`, about `rows` of them, with their deliveries, attempts and
 * results. It stops before what is needed: the position of a reactor or of a running replay, deliveries that are open or
 * dead. Ids and dedupe keys stay known. The note is appended in the first step that removes something.
 */
export type Prune = { readonly to: number; readonly rows: number; readonly note: NewEvent | undefined };

/** What a step of pruning came to. */
export type Pruned = {
  readonly removed: number;
  /** Where the log begins now. */
  readonly base: number;
  /** Why nothing above `base` can go at present; undefined when `to` is reached, or there may be more to do. */
  readonly heldBy: 'position' | 'replay' | 'delivery' | 'dead_letter' | undefined;
};

/** What takes something out of the log. */
export interface Keeping {
  /** Erases the payload of an event with every copy of it, and ends its deliveries. */
  redact(redact: Redact): Promise<Redacted>;
  /** Removes events from the beginning, a step at a time. */
  prune(prune: Prune): Promise<Pruned>;
}
