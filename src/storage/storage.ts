/**
 * The storage contract: whole operations, never a transaction handle. Durations go in, instants come out; the adapter's
 * own clock decides leases and due times. Payloads are opaque text. The conformance suite is this contract, executable.
 */
import type { EndReason } from '../core/delivery.js';
import type { Failure, NexusError } from '../core/errors.js';
import type { EventFields, StoredEvent } from '../core/event.js';
import type { DeliveryRef, ReactorRow, Readers } from './readers.js';

export type * from './readers.js';

/** What an adapter can do. The engine and the tests ask these, never the adapter's name. */
export interface StorageCapabilities {
  /** What an acknowledged commit survives: power cuts, a kill of the process, or nothing. */
  readonly durability: 'disk' | 'process' | 'none';
  /** Whether several processes may share it. */
  readonly processes: 'one' | 'many';
  /** Whether events are linked by hashes. */
  readonly chain: boolean;
  /** Whether the host's own transactions can carry events. */
  readonly outbox: boolean;
  /** Whether it can be copied while in use. */
  readonly backup: boolean;
}

/** Where Nexus keeps log, deliveries, positions and leases. */
export interface Storage {
  readonly capabilities: StorageCapabilities;

  /**
   * Opens for one instance: creates or migrates the schema, takes the instance's lease. Called again while open, it
   * gives the engine a new instance identity; what the old one held stays with the old one until recovered.
   * It may be called again after it failed, and after `close`.
   * When the log is shorter than what was acknowledged, it says so, once: numbering goes on above what is missing, behind
   * the event that `gap` makes.
   *
   * @throws NexusError NEXUS_STORAGE, NEXUS_STORAGE_FOREIGN, NEXUS_STORAGE_NEWER, NEXUS_STORAGE_CORRUPT, NEXUS_STORAGE_FULL, NEXUS_SQLITE_BINDING
   */
  open(options: OpenOptions): Promise<Opened>;

  /**
   * Writes or finds the row of a reactor. Other types, or ordered where it was not, bump the generation and change the
   * subscription as `resubscribe` says; `from` counts only when the row is written first.
   *
   * @throws NexusError NEXUS_POSITION_AHEAD when `from` is above the head
   */
  register(registration: Registration): Promise<ReactorRow>;

  /**
   * One atomic, durable step: settle → append → fan out → head. Lost leases, duplicates, conflicts and superseded
   * reactors are outcomes; only what keeps the whole batch from being stored throws.
   *
   * @throws NexusError NEXUS_STORAGE with `details.retryable` and `details.outcome` ('not_stored' | 'unknown'), NEXUS_STORAGE_FULL; with its `details.eventsOnly` the batch would be stored without its new events (children of settlements may stay)
   */
  commit(batch: Batch): Promise<Committed>;

  /** Leases due deliveries of the named reactors to this instance, per reactor oldest due first. */
  claim(wants: Wants): Promise<Claimed>;

  /** Marks suspects as started, before their handler is called. False where the lease is lost. */
  markStarted(leases: readonly Lease[]): Promise<boolean[]>;

  /** Remembers the result of an effect for a reactor and an event; a result that is there already stays. */
  saveOnce(record: {
    readonly lease: Lease;
    readonly run: number;
    readonly key: string;
    readonly result: string;
  }): Promise<'saved' | 'lease_lost'>;

  /** Extends this instance's lease. `lost` when another instance has taken over what it held. */
  renew(): Promise<'held' | 'lost'>;

  /**
   * Takes back what dead instances (proven, or their lease ran out) hold: their deliveries become pending suspects; one
   * that had its start marked counts a crash, and with {@link MAX_CRASHES} it is dead with reason `crashed`.
   */
  recover(options: { readonly limit: number }): Promise<Recovered>;

  /** Milliseconds until the earliest pending delivery of these reactors (paused ones and suspects apart) is due; 0 or less is now. */
  nextDueInMs(reactors: readonly number[]): Promise<number | undefined>;

  /** Bounded reads. They never wait for writers. */
  readonly read: Readers;

  /** What operators do. */
  edit(edit: Edit): Promise<{ readonly changed: number }>;

  /** Calls `hint` when someone else may have written; hints may be lost and may be spurious. Returns its end. */
  onChange(hint: () => void): () => void;

  /** Tells what is wrong with the storage, now if there is something and whenever that changes. Returns its end. */
  onTrouble(tell: (troubles: readonly Trouble[]) => void): () => void;

  /** Gives back the lease and closes. What is still leased is recovered by the next to open. Idempotent. */
  close(): Promise<void>;
}

export type OpenOptions = {
  /** A fresh UUID for this start. */
  readonly instance: string;
  readonly leaseMs: number;
  /** `read` writes nothing and takes no lease. */
  readonly mode: 'run' | 'read';
  /** What to append where acknowledged events are missing. Without it such a log is not opened to `run`. */
  readonly gap?: (lost: Lost) => NewEvent;
};

export type Opened = {
  readonly logId: string;
  /** The last `seq`, or the base of an empty log (0 in a new one). */
  readonly head: number;
  /** Told to the one instance that found it out. */
  readonly lost?: Lost;
};

/** Acknowledged events that are not in the log any more: every `seq` of `from <= seq <= to`. */
export type Lost = {
  readonly events: number;
  readonly from: number;
  readonly to: number;
  /** How the hash of the last of them began, in hex: enough to know it again in a copy. */
  readonly hash: string;
};

/** Something that is wrong, and whether it keeps events from being stored. The same object as long as it lasts. */
export type Trouble = { readonly error: NexusError; readonly refusesEvents: boolean };

export type Registration = {
  readonly name: string;
  /** Canonical: sorted, no repeats. */
  readonly types: readonly string[];
  /** Whether it has an ordering key. */
  readonly ordered: boolean;
  /** Where a new reactor starts: at the head, at the first event, or after an earlier `seq`. */
  readonly from: 'now' | 'beginning' | number;
};

/** The right to settle a delivery: the token differs at every claim of it. */
export type Lease = DeliveryRef & { readonly token: number };

export type Batch = {
  readonly settlements: readonly Settlement[];
  readonly events: readonly NewEvent[];
  readonly fanOuts: readonly FanOut[];
};

/** How an attempt ended. It counts only while its lease holds. */
export type Settlement = {
  readonly lease: Lease;
  readonly outcome: Outcome;
  /** Attempts and postponements of the delivery, this one included. */
  readonly attempt: number;
  readonly postponed: number;
  /** How long the handler took, milliseconds. */
  readonly ms: number;
};

export type Outcome =
  | { readonly to: 'succeeded' }
  /** A retry or a postponement (with its error; only a retry counts as an attempt), or a release (without). */
  | { readonly to: 'pending'; readonly delayMs: number; readonly counted: boolean; readonly error?: Failure }
  | { readonly to: 'dead'; readonly reason: EndReason; readonly error: Failure }
  | { readonly to: 'cancelled'; readonly reason: EndReason };

/** An event to append. */
export type NewEvent = EventFields & {
  /** 32 random hex digits. */
  readonly salt: string;
  readonly payload: string;
  readonly payloadHash: string;
  /**
   * Dedupe keys within its source, strongest first. The first is looked up; acceptance records all (a weaker one that
   * is taken already stays with its owner).
   */
  readonly keys: readonly string[];
  /** What to do about a key or id used before for other content: `conflict`, or take the first one for it. */
  readonly onOther: 'conflict' | 'duplicate';
  /** True when the caller chose the id, so that it may have been used before. */
  readonly idGiven: boolean;
  /** Append only if the settlement at this index of the batch held. */
  readonly onlyIf?: number;
};

/** Deliveries to create for one reactor; conditional on its generation and position. */
export type FanOut = {
  readonly reactor: number;
  readonly generation: number;
  /** The events of this batch (only when the position is the head before it), or the stored ones with `after < seq <= to` (only when the position is `after`). */
  readonly over: 'this-batch' | { readonly after: number; readonly to: number };
  readonly matches: readonly Match[];
  /** How many of the matches, at most and in order, are leased to this instance at once; the rest is written pending. */
  readonly lease: number;
};

export type Match = {
  /** Index into the batch's events, or the `seq` of a stored one. Not appended: nothing is created. */
  readonly event: number;
  readonly orderKey?: string;
  /** Not before this instant, epoch ms. */
  readonly notBefore?: number;
  /** Born dead: its ordering key could not be computed. */
  readonly dead?: { readonly reason: EndReason; readonly error: Failure };
};

export type Committed = {
  /** Parallel to the batch's settlements. */
  readonly settlements: readonly ('settled' | 'lease_lost')[];
  /** Parallel to the batch's events. */
  readonly events: readonly Appended[];
  /** Parallel to the batch's fan-outs. */
  readonly fanOuts: readonly FannedOut[];
  readonly head: number;
  /** `lost`: another instance has taken over what this one held. Then nothing was leased to it. */
  readonly instance: 'held' | 'lost';
};

export type Appended =
  | { readonly outcome: 'appended'; readonly seq: number; readonly hash: string }
  /** Said before: this is the first one. */
  | {
      readonly outcome: 'duplicate' | 'conflict';
      readonly id: string;
      readonly seq: number;
      readonly timestamp: number;
    }
  /** Its settlement did not hold. */
  | { readonly outcome: 'skipped' };

export type FannedOut =
  | {
      readonly outcome: 'done';
      readonly leased: readonly { readonly match: number; readonly token: number }[];
      readonly pending: number;
    }
  /** The position is not what was expected. */
  | { readonly outcome: 'moved'; readonly position: number }
  /** Another registration, or a removal, has replaced this one. */
  | { readonly outcome: 'superseded' };

export type Wants = {
  readonly reactors: readonly {
    readonly reactor: number;
    readonly generation: number;
    readonly limit: number;
  }[];
  /** How many suspects, over all these reactors: those that never crashed with their start marked, or (`crashed`) those that did. */
  readonly suspects: { readonly limit: number; readonly crashed: boolean };
  /** Deliveries this instance still has in memory: never claimed. */
  readonly except: readonly DeliveryRef[];
};

export type Claimed = {
  readonly leased: readonly Leased[];
  /** Per wanted reactor: whether more is due now, and whether the registration is superseded (then nothing was claimed). */
  readonly reactors: readonly { readonly more: boolean; readonly superseded: boolean }[];
  /** `lost`: another instance has taken over what this one held. Then nothing was leased to it. */
  readonly instance: 'held' | 'lost';
};

/** A delivery leased to this instance, with its event. */
export type Leased = {
  readonly lease: Lease;
  readonly event: StoredEvent;
  readonly suspect: boolean;
  /** Of a replay that forgets what earlier runs did. */
  readonly fresh: boolean;
  /** Attempts made so far, and postponements. */
  readonly attempt: number;
  readonly postponed: number;
  /** When it became due, epoch ms. */
  readonly dueAt: number;
};

export type Recovered = {
  /** Deliveries taken back. */
  readonly recovered: readonly { readonly delivery: DeliveryRef; readonly state: 'pending' | 'dead' }[];
  /** True when the limit cut it short. */
  readonly more: boolean;
};

export type DeliverySelection = {
  readonly refs?: readonly DeliveryRef[];
  readonly reactor?: string;
  readonly eventType?: string;
  readonly errorCode?: string;
  readonly limit: number;
};

/** `changed` counts rows of the kind that is named. */
export type Edit =
  | { readonly edit: 'pause' | 'resume'; readonly reactor: string }
  /**
   * Moves the position. Forward, what lies between gets no deliveries; backward, deliveries that are missing there are
   * created again, those that exist stay as they are.
   *
   * @throws NexusError NEXUS_POSITION_AHEAD
   */
  | { readonly edit: 'seek'; readonly reactor: string; readonly to: number | 'now' }
  /** Takes the reactor away; cancels up to `limit` of its open deliveries (`changed`), to be called until it is 0. */
  | { readonly edit: 'remove'; readonly reactor: string; readonly limit: number }
  /** Dead deliveries become pending and due, with all attempts before them. */
  | { readonly edit: 'redrive'; readonly which: DeliverySelection }
  /** Dead deliveries become cancelled, reason `discarded`. */
  | { readonly edit: 'discard'; readonly which: DeliverySelection }
  /** A delivery that is final or waiting becomes pending and due now. */
  | { readonly edit: 'retry'; readonly delivery: DeliveryRef }
  /** A delivery that is not final becomes cancelled. */
  | { readonly edit: 'cancel'; readonly delivery: DeliveryRef };
