/** What operators read and correct. */
import type { DeliveryState, EndReason } from '../core/delivery.js';
import type { Failure } from '../core/errors.js';
import type { NexusEvent } from '../core/event.js';
import type { BlockedKey, DeliveryCounts } from '../storage/storage.js';

/** A page and where to go on. */
export interface Page<T, C> {
  readonly items: readonly T[];
  /** The cursor for the next page, absent at the end. A page may be short, even empty, and still have a next. */
  readonly next: C | undefined;
}

/** Which events. */
export interface EventFilter {
  /** Of this type, or of one of these. @default every type */
  type?: string | readonly string[];
  /** Said by this node. @default every node */
  source?: string;
  /** Of this story: see `DispatchOptions`. @default every story */
  correlationId?: string;
  /** Dispatched by handlers of this event. @default every event */
  causationId?: string;
  /** Ascending from this `seq`, which is not among them. @default the newest first */
  after?: number;
  /** Descending from this `seq`, which is not among them. @default the newest first */
  before?: number;
  /** Accepted at this instant (epoch ms or a date) or later. @default the beginning */
  from?: number | Date;
  /** Accepted before this instant (epoch ms or a date). @default the end */
  to?: number | Date;
  /** How many at most, 1 to 1,000. @default 100 */
  limit?: number;
}

/** Reads the log. */
export interface EventReader {
  /** By its id; undefined where the log has no such event. */
  get(id: string): Promise<NexusEvent | undefined>;
  /**
   * A page. The cursor goes into `after` where `after` was given, otherwise into `before`.
   *
   * @throws NexusError NEXUS_POSITION_AHEAD (`after` above the head), NEXUS_POSITION_PRUNED (`after` in what was pruned), NEXUS_INVALID_OPTION
   */
  list(filter?: EventFilter): Promise<Page<NexusEvent, number>>;
}

/** A delivery: one event for one reactor in one run. */
export interface Delivery {
  /** What `deliveries.get`, `.retry` and `.cancel` take. */
  readonly id: string;
  readonly reactor: string;
  /** 0 is live, each replay has its own. */
  readonly run: number;
  readonly seq: number;
  readonly eventId: string;
  readonly eventType: string;
  readonly state: DeliveryState;
  /** Why it is dead or cancelled. */
  readonly reason: EndReason | undefined;
  /** Attempts made. */
  readonly attempt: number;
  /** Times it was put off without spending an attempt: see `RetryAfterError`. */
  readonly postponed: number;
  /** Times its process died while its handler ran. */
  readonly crashes: number;
  /** When it is due, while pending; epoch ms. */
  readonly dueAt: number | undefined;
  /** Epoch ms. */
  readonly finishedAt: number | undefined;
  /** How long the last handler call took, milliseconds. */
  readonly ms: number | undefined;
  /** The last error. */
  readonly error: Failure | undefined;
}

/** One attempt that did not succeed, for `explain`. */
export interface AttemptRecord {
  readonly attempt: number;
  readonly outcome: 'retry' | 'dead' | 'crashed' | 'postponed';
  /** Epoch ms. */
  readonly at: number;
  /** How long its handler took, milliseconds. */
  readonly ms: number;
  readonly error: Failure;
}

/** The whole story of an event. */
export interface Explanation {
  /** The event itself. */
  readonly event: NexusEvent;
  /** Its deliveries, those of replays too, with every attempt that failed. */
  readonly deliveries: readonly (Delivery & { readonly attempts: readonly AttemptRecord[] })[];
  /** Reactors with a subscription to its type that have not reached it yet. */
  readonly waiting: readonly { readonly reactor: string; readonly position: number }[];
  /** Reactors for its type without a delivery of it, at a place where retention has removed them. */
  readonly pruned: readonly string[];
  /** The stories of the events that its handlers dispatched. */
  readonly children: readonly Explanation[];
  /** True where there are more children than are shown (100 per event, 10 levels). */
  readonly truncated: boolean;
}

/** Which deliveries. */
export interface DeliveryFilter {
  /** In this state, or in one of these. @default every state */
  state?: DeliveryState | readonly DeliveryState[];
  /** Of the reactor with this name. @default every reactor */
  reactor?: string;
  /** Of this event. @default every event */
  eventId?: string;
  /** Of this run; 0 is live. @default all of them */
  run?: number;
  /** Of events of this type. @default every type */
  type?: string;
  /** Whose last error has this code. @default whatever it was */
  errorCode?: string;
  /** The cursor of the page before. @default the first page */
  after?: string;
  /** How many at most, 1 to 1,000. @default 100 */
  limit?: number;
}

/** Reads and corrects deliveries. */
export interface DeliveryDesk {
  /** By its id; undefined where there is none, or none any more. @throws NexusError NEXUS_NOT_FOUND (no id of a delivery) */
  get(id: string): Promise<Delivery | undefined>;
  /** A page, in the order of reactors, runs and the log. @throws NexusError NEXUS_INVALID_OPTION */
  list(filter?: DeliveryFilter): Promise<Page<Delivery, string>>;
  /** Makes a delivery that is final or waiting due now, with a fresh set of attempts. One that is running stays as it is. @throws NexusError NEXUS_NOT_FOUND, NEXUS_EVENT_REDACTED */
  retry(id: string): Promise<void>;
  /** Ends a delivery that is not final; one that is stays as it is. @throws NexusError NEXUS_NOT_FOUND */
  cancel(id: string): Promise<void>;
}

/** Which dead letters. */
export interface DeadLetterFilter {
  /** The deliveries with these ids. @default all that are dead */
  ids?: readonly string[];
  /** Of the reactor with this name. @default every reactor */
  reactor?: string;
  /** Of events of this type. @default every type */
  type?: string;
  /** Whose last error has this code. @default whatever it was */
  errorCode?: string;
  /** At most so many. @default 1_000 */
  limit?: number;
}

/** Deliveries in state `dead`. */
export interface DeadLetterDesk {
  /** A page of them. */
  list(filter?: Omit<DeliveryFilter, 'state'>): Promise<Page<Delivery, string>>;
  /** Makes them pending and due, with a fresh set of attempts. */
  redrive(filter?: DeadLetterFilter): Promise<{ readonly redriven: number }>;
  /** Cancels them for good. */
  discard(filter?: DeadLetterFilter): Promise<{ readonly discarded: number }>;
}

/** A reactor as its row and its deliveries say. */
export interface ReactorInfo {
  readonly name: string;
  readonly types: readonly string[];
  readonly ordered: boolean;
  readonly generation: number;
  /** The `seq` up to which its deliveries have been created. */
  readonly position: number;
  /** The highest `seq` of which retention has removed a delivery, 0 for none: `seek` goes no further down. */
  readonly prunedTo: number;
  /** How far the position is behind the head. */
  readonly lag: number;
  readonly paused: boolean;
  /** `running` here, `superseded` here by another registration, or not in this process. */
  readonly here: 'running' | 'superseded' | 'absent';
  readonly counts: DeliveryCounts;
  /** Of an ordered reactor, the keys that a failing delivery holds up: at most 20, soonest retry first. */
  readonly blockedKeys: readonly BlockedKey[];
}

/** Sees and steers reactors, those of other processes included. */
export interface ReactorDesk {
  /** All that have a row, by name. Counting what is final takes time proportional to it; `stats()` has the lag for nothing. */
  list(): Promise<ReactorInfo[]>;
  /** No further delivery is started; running handlers end. @throws NexusError NEXUS_NOT_FOUND */
  pause(name: string): Promise<void>;
  /** @throws NexusError NEXUS_NOT_FOUND */
  resume(name: string): Promise<void>;
  /** Moves the position. Backward, missing deliveries are created again; those that exist stay; not below `prunedTo`. @throws NexusError NEXUS_NOT_FOUND, NEXUS_POSITION_AHEAD, NEXUS_POSITION_PRUNED */
  seek(name: string, to: 'now' | number): Promise<void>;
  /** Stops it, cancels its open deliveries and forgets its position. @throws NexusError NEXUS_NOT_FOUND */
  remove(name: string): Promise<{ readonly cancelled: number }>;
}

/** How far a reactor is; `nexus.reactors.list()` has the rest, which costs more to find out. */
export type ReactorLag = Pick<ReactorInfo, 'name' | 'lag' | 'paused'>;

/** Numbers of the moment. */
export interface NexusStats {
  /** The `seq` of the last event. */
  readonly head: number;
  /** Events stored by this process in the last minute. */
  readonly eventsPerMinute: number;
  /** Deliveries that are not final, and dead letters. */
  readonly deliveries: {
    readonly pending: number;
    /** Of the pending ones, those that wait for another attempt. */
    readonly retrying: number;
    readonly running: number;
    readonly dead: number;
  };
  /** How long the oldest due delivery has waited, milliseconds; 0 when none is due. */
  readonly oldestDueAgeMs: number;
  /** Deliveries in this process's memory. */
  readonly inFlight: number;
  /** Of these, those whose handler is running. */
  readonly handling: number;
  /** Dispatches and outcomes waiting for their commit. */
  readonly queued: number;
  /** Every reactor there is, those of other processes included. */
  readonly reactors: readonly ReactorLag[];
  /** What the storage takes on disk, bytes; undefined where the adapter does not know. */
  readonly databaseBytes: number | undefined;
  /** What its write-ahead log takes, bytes; undefined where the adapter does not know. */
  readonly walBytes: number | undefined;
  /** Readers that are connected to this process. */
  readonly connections: { readonly webSocket: number; readonly sse: number };
}

/** Whether it works. */
export interface Health {
  /** `ok`, `degraded` (something needs attention, work goes on) or `down` (events are not accepted). */
  readonly status: 'ok' | 'degraded' | 'down';
  /** What needs attention, in words for people; empty when it is `ok`. */
  readonly reasons: readonly string[];
  /** The `seq` of the last event; undefined while the storage does not answer. */
  readonly head: number | undefined;
}
