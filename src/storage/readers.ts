/** What a storage keeps, and the bounded reads of it. */
import type { DeliveryState, EndReason } from '../core/delivery.js';
import type { Failure } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import type { Subscription } from '../core/subscription.js';
import type { ReplayReaders } from './replays.js';

/** A reactor as stored. */
export type ReactorRow = {
  /** Its number: never used again, so a lease of a removed reactor can never mean one that came later under the same name. */
  readonly key: number;
  readonly name: string;
  readonly generation: number;
  readonly subscription: Subscription;
  readonly ordered: boolean;
  /** The `seq` up to which its deliveries have been created. */
  readonly position: number;
  readonly paused: boolean;
  /** The highest `seq` whose live delivery was removed by a sweep; 0 when none was. */
  readonly prunedTo: number;
};

/** Where a delivery is. Run 0 is live, each replay has its own. */
export type DeliveryRef = { readonly reactor: number; readonly run: number; readonly seq: number };

/** Where the result of an effect is remembered. */
export type OncePlace = {
  readonly reactor: number;
  readonly seq: number;
  /** 0, or that of a replay that remembers for itself. */
  readonly run: number;
  readonly key: string;
};

/** A delivery as stored. */
export type StoredDelivery = DeliveryRef & {
  readonly reactorName: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly state: DeliveryState;
  readonly reason: EndReason | null;
  readonly attempt: number;
  readonly postponed: number;
  readonly crashes: number;
  readonly suspect: boolean;
  readonly orderKey: string | null;
  /** When it is or was due, while pending (null while it waits for an earlier one of its key); epoch ms. */
  readonly dueAt: number | null;
  /** When it became final, epoch ms. */
  readonly finishedAt: number | null;
  /** How long the last handler call took, milliseconds. */
  readonly ms: number | null;
  /** The last error, kept when a later attempt succeeds. */
  readonly error: Failure | null;
};

/** An attempt that did not succeed (the one that did is the delivery itself). */
export type StoredAttempt = {
  /** 1-based, in the order they were recorded. */
  readonly index: number;
  readonly attempt: number;
  readonly outcome: 'retry' | 'dead' | 'crashed' | 'postponed';
  /** When it was recorded, epoch ms. */
  readonly at: number;
  /** How long the handler took, milliseconds. */
  readonly ms: number;
  readonly error: Failure;
};

/** Which events. */
export type EventQuery = {
  readonly types?: readonly string[];
  readonly source?: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  /** Instants, epoch ms, `from <= timestamp < to`. */
  readonly from?: number;
  readonly to?: number;
  /** `after < seq < before`; with `after` ascending from there, otherwise the newest first. */
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
};

/** Which deliveries. */
export type DeliveryQuery = {
  readonly states?: readonly DeliveryState[];
  readonly reactor?: string;
  readonly eventId?: string;
  /** Of this run; 0 is live. Every run where it is not given. */
  readonly run?: number;
  readonly eventType?: string;
  readonly errorCode?: string;
  readonly limit: number;
  /** Continue behind this one. */
  readonly after?: DeliveryRef;
};

/** How many deliveries are in each state. */
export type DeliveryCounts = Readonly<Record<DeliveryState, number>>;

/** What holds up an ordering key, and how much. */
export type BlockedKey = {
  readonly orderKey: string;
  /** Of the delivery at its head. */
  readonly seq: number;
  /** Attempts made. */
  readonly attempt: number;
  /** When it is tried again, epoch ms. */
  readonly dueAt: number;
  /** Open deliveries behind it. */
  readonly waiting: number;
};

/** What a storage takes on its disk, or in memory. */
export type StorageSizes = {
  /** All of it, bytes. */
  readonly databaseBytes: number;
  /** Of a write-ahead log, bytes; 0 where there is none. */
  readonly walBytes: number;
};

/** What the chain stands on. */
export type Origin = {
  readonly logId: string;
  /** The last event that was pruned; before any was, seq 0 and the genesis hash. */
  readonly base: { readonly seq: number; readonly hash: string };
  /** The `seq` of the highest checkpoint that was handed out, as far as it was remembered; 0 for none. */
  readonly checkpointed: number;
};

/** Reads for verifying the log. */
export interface ChainReaders {
  /** Which log it is, and where it begins. */
  origin(): Promise<Origin>;
  /**
   * Events as they are stored, upward from a `seq`, whether the log begins above it or not; bounded by number and by about
   * 4 MiB, empty at the end.
   *
   * @throws NexusError NEXUS_STORAGE_CORRUPT where they cannot be read
   */
  chain(range: { readonly after: number; readonly limit: number }): Promise<readonly StoredEvent[]>;
}

/** Bounded reads, which never wait for writers. */
export interface Readers extends ReplayReaders, ChainReaders {
  /** The last event; in a log without any, its base. */
  head(): Promise<{ readonly seq: number; readonly hash: string }>;
  /** By its id. */
  event(id: string): Promise<StoredEvent | undefined>;
  /** The stored ones among these ids, in any order. */
  eventsById(ids: readonly string[]): Promise<readonly StoredEvent[]>;
  /** The event that a dedupe key of a source was recorded for. */
  eventByKey(source: string, key: string): Promise<StoredEvent | undefined>;
  /** A page; `next` is the cursor (`after` or `before`, as asked) when there may be more. A page may be short, even empty, with a `next`. */
  events(
    query: EventQuery,
  ): Promise<{ readonly items: readonly StoredEvent[]; readonly next: number | undefined }>;
  /** The log upward from a `seq`, bounded by number and by about 4 MiB; `to` is how far it looked. */
  log(range: {
    readonly after: number;
    readonly limit: number;
  }): Promise<{ readonly events: readonly StoredEvent[]; readonly to: number; readonly head: number }>;
  /** By its place. */
  delivery(ref: DeliveryRef): Promise<StoredDelivery | undefined>;
  /** A remembered result. */
  once(place: OncePlace): Promise<string | undefined>;
  /** A page by reactor, run and `seq`; `next` is the cursor when there may be more. */
  deliveries(
    query: DeliveryQuery,
  ): Promise<{ readonly items: readonly StoredDelivery[]; readonly next: DeliveryRef | undefined }>;
  /** The attempts of a delivery that did not succeed, in the order they were recorded. */
  attempts(ref: DeliveryRef): Promise<readonly StoredAttempt[]>;
  /** The reactors that are not removed, by name. */
  reactors(): Promise<readonly ReactorRow[]>;
  /** Deliveries by state, of one reactor or of all. Counting what is final may take time proportional to it. */
  counts(reactor?: number): Promise<DeliveryCounts>;
  /** Keys of an ordered reactor whose first delivery waits for a retry while others wait behind it; soonest retry first. */
  blockedKeys(reactor: number, limit: number): Promise<readonly BlockedKey[]>;
  /** Cheap; undefined where it is not known. */
  sizes(): Promise<StorageSizes | undefined>;
  /** Deliveries that are not final, and the dead, without counting the rest: cheap. */
  backlog(): Promise<{
    readonly pending: number;
    readonly retrying: number;
    readonly running: number;
    readonly dead: number;
    readonly oldestDueAt: number | undefined;
  }>;
}
