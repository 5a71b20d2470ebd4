/** Dispatching: what is said, how, and what comes back. */
import type { AnyCatalogue, Catalogue, InputOf, TypeOf } from '../core/catalogue.js';

/** How an event is dispatched. */
export interface DispatchOptions {
  /** A UUID of your own; the same id again is a duplicate. @default a fresh UUIDv7 */
  id?: string;
  /** The node that says it. @default the host's node */
  source?: string;
  /** The same key again (same source) gives the first event back: at most one event per key, for ever. Up to 512 characters. @default none */
  idempotencyKey?: string;
  /** Deliveries are due no earlier, epoch ms (up to 8.64e15, the last `Date`); the event is logged now. @default at once */
  notBefore?: number;
  /** What it belongs to: events with the same id are one story. @default the event's own id */
  correlationId?: string;
  /** The id of the event that caused it. @default none */
  causationId?: string;
  /** Small text beside the payload, up to 8 KiB in all. @default {} */
  headers?: Record<string, string>;
}

/** One event of `dispatchMany`. */
export type DispatchItem<E extends Catalogue = AnyCatalogue> = {
  [T in TypeOf<E>]: { type: T; payload: InputOf<E, T>; options?: DispatchOptions };
}[TypeOf<E>];

/** What `dispatch` says when the event is durable. */
export interface Dispatched<T extends string = string> {
  readonly id: string;
  readonly seq: number;
  readonly type: T;
  /** Epoch ms. */
  readonly timestamp: number;
  /** True when it was said before: then `id`, `seq` and `timestamp` are the first one's. */
  readonly duplicate: boolean;
}

/** Dispatches in a transaction of the host. */
export interface Within<E extends Catalogue = AnyCatalogue> {
  /**
   * Validates an event and writes it to the outbox of the host's database, in the transaction that is open there (where none
   * is, in one of its own). If that commits, the event is moved into the log; its `timestamp` is the one of this call. With
   * an idempotency key that was used before, the first event stands for it, under the first one's id.
   *
   * @throws NexusError as `dispatch` without waiting; NEXUS_OUTBOX, and NEXUS_STORAGE or NEXUS_STORAGE_FULL when the host's database does not take the row
   */
  dispatch<T extends TypeOf<E>>(
    type: T,
    payload: InputOf<E, T>,
    options?: DispatchOptions,
  ): { readonly id: string };
}

/** How a handler dispatches: its source, causation and correlation are given. */
export type ChildOptions = Pick<DispatchOptions, 'idempotencyKey' | 'headers' | 'notBefore'>;

/** An event that will be stored with the success of the handler that dispatched it. */
export interface NexusEventDraft {
  /** Its id, unless a former run of the handler dispatched it already. */
  readonly id: string;
  readonly type: string;
}
