/** What waits for the committer. */
import type { JsonObject, StoredEvent } from '../core/event.js';
import type { SucceededDelivery } from '../nexus.js';
import type { Appended, NewEvent, OnceRecord, Settlement } from '../storage/storage.js';

/** An event on its way into the log: it gets its place there once it is committed, and is an event of the log from then on. */
export type Draft = NewEvent & { -readonly [K in 'seq' | 'hash']: StoredEvent[K] } & {
  /** What its text says, for the first handler in this process: that saves reading the text again. Whoever takes it clears it. */
  unread: JsonObject | undefined;
};

/** Events of one `dispatch` or `dispatchMany`. */
export type AppendWork = {
  readonly kind: 'append';
  readonly events: readonly Draft[];
  /** When it was said by someone who waits for it, epoch ms. */
  readonly saidAt?: number;
  /** Its results begin at `from` of the commit's. */
  done(results: readonly Appended[], from: number): void;
  failed(error: unknown): void;
};

/** The outcome of an attempt, with what its handler dispatched. */
export type SettleWork = {
  readonly kind: 'settle';
  readonly settlement: Settlement;
  readonly events: readonly Draft[];
  /** What a commit tells of it; undefined unless its handler succeeded. */
  readonly succeeded: SucceededDelivery | undefined;
  /** The results of its children begin at `from` of the commit's. */
  done(outcome: 'settled' | 'lease_lost', results: readonly Appended[], from: number): void;
  failed(error: unknown): void;
};

/** The result of an effect, to be remembered. */
export type OnceWork = {
  readonly kind: 'once';
  readonly record: OnceRecord;
  readonly events: readonly never[];
  done(outcome: 'saved' | 'lease_lost'): void;
  failed(error: unknown): void;
};

/** Something that must happen between the commits of what was said before and after it. */
export type TaskWork = { readonly kind: 'task'; readonly run: () => Promise<void> };

export type CommitWork = AppendWork | SettleWork | OnceWork;
export type Work = CommitWork | TaskWork;

/** What a batch may cost: events, bytes and settlements. */
export const MAX_BATCH_EVENTS = 1_000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MAX_BATCH_SETTLEMENTS = 2_000;

/** An unbounded first-in-first-out queue of work that knows its size. */
export interface WorkQueue {
  push(work: Work): void;
  /** Back to the front, in order. */
  putBack(work: readonly Work[]): void;
  /** The front, when it is a task. */
  takeTask(): TaskWork | undefined;
  /** What fits in one batch, up to the next task; at least one item. */
  takeBatch(maxEvents: number): CommitWork[];
  /** Everything. */
  takeAll(): Work[];
  readonly length: number;
  /** Bytes of payload that wait. */
  readonly bytes: number;
}

/** How many places of what was taken are kept, at most as many as there are others. */
const KEPT_PLACES = 1_024;

export function createWorkQueue(): WorkQueue {
  /** From `first` on; before it there is nothing any more. */
  let items: (Work | undefined)[] = [];
  let first = 0;
  let bytes = 0;

  const size = (work: Work): number => {
    if (work.kind === 'task') return 0;
    let sum = 0;
    for (const event of work.events) sum += event.payload.length;
    return sum;
  };
  const left = (): Work[] => items.slice(first) as Work[];
  const takenFirst = (): void => {
    // Who is taken is not kept, however long the queue never runs empty.
    items[first] = undefined;
    first += 1;
    if (first === items.length || (first > KEPT_PLACES && first * 2 > items.length)) {
      items = left();
      first = 0;
    }
  };
  return {
    push: (work) => {
      items.push(work);
      bytes += size(work);
    },
    putBack: (work) => {
      items = [...work, ...left()];
      first = 0;
      for (const each of work) bytes += size(each);
    },
    takeTask: () => {
      const work = items[first];
      if (work?.kind !== 'task') return undefined;
      takenFirst();
      return work;
    },
    takeBatch: (maxEvents) => {
      const batch: CommitWork[] = [];
      let events = 0;
      let settlements = 0;
      let batchBytes = 0;
      for (;;) {
        const work = items[first];
        if (work === undefined || work.kind === 'task') return batch;
        const workBytes = size(work);
        if (work.kind !== 'append') settlements += 1;
        events += work.events.length;
        batchBytes += workBytes;
        const full =
          events > maxEvents || settlements > MAX_BATCH_SETTLEMENTS || batchBytes > MAX_BATCH_BYTES;
        if (full && batch.length > 0) return batch;
        batch.push(work);
        bytes -= workBytes;
        takenFirst();
      }
    },
    takeAll: () => {
      const all = left();
      items = [];
      first = 0;
      bytes = 0;
      return all;
    },
    get length() {
      return items.length - first;
    },
    get bytes() {
      return bytes;
    },
  };
}
