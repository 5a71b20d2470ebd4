/**
 * The outbox contract: a table in a database of the host. What the host writes there in its own transaction waits until it
 * is committed and moved into the log. Apart from the storage contract, for the host's database is not the storage's.
 */
import type { EventFields } from '../core/event.js';
import type { Failure } from '../core/errors.js';

/** An event that was accepted, on its way into the log. */
export type OutboxEvent = EventFields & {
  readonly payload: string;
  /** Its dedupe key, or null. */
  readonly key: string | null;
};

/** An event that waits: `row` orders the events of one outbox, and is never used again. */
export type OutboxRow = OutboxEvent & { readonly row: number };

/** The outbox of one database of the host, seen through one connection. */
export interface Outbox {
  /** What messages call it: the path of its file. */
  readonly name: string;

  /** False once the host has closed the connection. */
  isOpen(): boolean;

  /**
   * Writes in the transaction that is open; where none is, in one of its own.
   *
   * @throws NexusError NEXUS_STORAGE, NEXUS_STORAGE_FULL, NEXUS_OUTBOX
   */
  write(event: OutboxEvent): void | Promise<void>;

  /**
   * The first rows that are committed and not set aside, in the order in which they were written. `later` while it cannot
   * be told: the host's transaction is open on the connection, or another one holds a lock. At most so many rows, and so many
   * characters of payload unless the first row alone has more.
   */
  read(most: { readonly rows: number; readonly characters: number }): Promise<readonly OutboxRow[] | 'later'>;

  /** Removes rows that are in the log, and sets aside, with the error, what the log refused. Never in a transaction of the host. */
  finish(rows: {
    readonly forwarded: readonly number[];
    readonly refused: readonly Refusal[];
  }): Promise<'done' | 'later'>;

  /** How many rows are set aside, or were when it could last be told. */
  refused(): Promise<number>;

  /** Calls `hint` when another connection may have written, or this one was closed. Returns its end. */
  onChange(hint: () => void): () => void;
}

export type Refusal = { readonly row: number; readonly error: Failure };
