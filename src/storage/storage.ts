/**
 * The storage contract: whole operations, never a transaction handle. Durations go in, instants come out; the adapter's
 * own clock decides leases and due times. Payloads are opaque text. The conformance suite is this contract, executable.
 */
import type { EndReason } from '../core/delivery.js';
import type { Failure, NexusError } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import type { Keeping } from './keeping.js';
import type { NewEvent } from './new-event.js';
import type { DeliveryRef, ReactorRow, Readers } from './readers.js';
import type { NewReplay, ReplayRow } from './replays.js';
import type { Edit, Sweep, Swept } from './upkeep.js';

export type * from './keeping.js';
export type * from './new-event.js';
export type * from './readers.js';
export type * from './replays.js';
export type * from './upkeep.js';

/** What an adapter can do. The engine and the tests ask these, never the adapter's name. */
export interface StorageCapabilities {
  /** What an acknowledged commit survives: power cuts, a kill of the process, or nothing. */
  readonly durability: 'disk' | 'process' | 'none';
  /** Whether several processes may share it. */
  readonly processes: 'one' | 'many';
  /** Whether events are linked by hashes. */
  readonly chain: boolean;
  /** Whether events can come through outboxes: one whose id was given before is the same event, so it may be moved twice. */
  readonly outbox: boolean;
  /** Whether it can be copied while in use. */
  readonly backup: boolean;
}

/** Where Nexus keeps log, deliveries, positions and leases. */
export interface Storage extends Keeping {
  readonly capabilities: StorageCapabilities;

  /**
   * Opens for one instance: creates or migrates the schema, takes the instance's lease. Called again while open, it
   * gives the engine a new instance identity; what the old one held stays with the old one until recovered.
   * It may be called again after it failed, and after `close`.
   * When the log is shorter than what was acknowledged, it says so, once: numbering goes on above what is missing, behind
   * the event that `gap` makes.
   *
   * @throws NexusError NEXUS_STORAGE, NEXUS_STORAGE_FOREIGN, NEXUS_STORAGE_NEWER, NEXUS_STORAGE_OLDER (to read), NEXUS_STORAGE_CORRUPT, NEXUS_STORAGE_FULL, NEXUS_SQLITE_BINDING
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
   * Writes or finds the row of a schedule. Another definition than the one that is there replaces it: it bumps the
   * generation and counts from `since` on, or from its last tick if that is later.
   */
  schedule(registration: ScheduleRegistration): Promise<ScheduleRow>;

  /**
   * One atomic, durable step: remember → settle → append → fan out → head. Lost leases, duplicates, conflicts and superseded
   * reactors are outcomes; only what keeps the whole batch from being stored throws.
   *
   * @throws NexusError NEXUS_STORAGE with `details.retryable` and `details.outcome` ('not_stored' | 'unknown'), NEXUS_STORAGE_FULL; with its `details.eventsOnly` the batch would be stored without its new events (children of settlements may stay)
   */
  commit(batch: Batch): Promise<Committed>;

  /** Leases due deliveries of the named reactors to this instance, per reactor oldest due first. */
  claim(wants: Wants): Promise<Claimed>;

  /** Marks suspects as started, before their handler is called. False where the lease is lost. */
  markStarted(leases: readonly Lease[]): Promise<boolean[]>;

  /** Extends this instance's lease. `lost` when another instance has taken over what it held. */
  renew(): Promise<'held' | 'lost'>;

  /**
   * Takes back what dead instances (proven, or their lease ran out) hold: their deliveries become pending suspects; one
   * that had its start marked counts a crash, and with three it is dead with reason `crashed`.
   */
  recover(options: { readonly limit: number }): Promise<Recovered>;

  /** Milliseconds until the earliest pending delivery of these reactors, live or of replays (paused ones and suspects apart), is due; 0 or less is now. */
  nextDueInMs(reactors: readonly number[], lane?: Lane): Promise<number | undefined>;

  /** Writes down a replay, `running`; its deliveries are created page by page. */
  startReplay(replay: NewReplay): Promise<ReplayRow>;

  /** Creates a page of a replay's deliveries, pending and due, and moves its position in the same step. */
  fanOutReplay(page: ReplayPage): Promise<ReplayFannedOut>;

  /** Bounded reads. They never wait for writers. */
  readonly read: Readers;

  /**
   * One step of a pass that removes what has been final for long enough: deliveries, their attempts and remembered
   * results, then replays and removed reactors of which nothing is left. Events and dedupe keys stay. Nothing above a
   * reactor's position goes, nor anything of a reactor that takes part in a running replay.
   */
  sweep(sweep: Sweep): Promise<Swept>;

  /** What operators do. */
  edit(edit: Edit): Promise<{ readonly changed: number }>;

  /**
   * Copies everything into a new file, while it is in use, with everything that was committed before. A copy that fails
   * leaves nothing behind.
   *
   * @throws NexusError NEXUS_NOT_SUPPORTED, NEXUS_INVALID_OPTION when the path is taken, NEXUS_STORAGE, NEXUS_STORAGE_FULL, NEXUS_CLOSED when it is closed meanwhile
   */
  backup(to: BackupTo): Promise<void>;

  /** Calls `hint` when someone else may have written; hints may be lost and may be spurious. Returns its end. */
  onChange(hint: () => void): () => void;

  /** Tells what is wrong with the storage, now if there is something and whenever that changes. Returns its end. */
  onTrouble(tell: (troubles: readonly Trouble[]) => void): () => void;

  /** Gives back the lease and closes. What is still leased is recovered by the next to open. Idempotent. */
  close(): Promise<void>;
}

/** How a storage is opened. */
export type OpenOptions = {
  /** A fresh UUID for this start. */
  readonly instance: string;
  /** How long the instance's lease holds without renewal, milliseconds. */
  readonly leaseMs: number;
  /** `read` writes nothing and takes no lease. */
  readonly mode: 'run' | 'read';
  /** What to append where acknowledged events are missing. @default none: such a log is not opened to `run` */
  readonly gap?: (lost: Lost) => NewEvent;
};

/** What was opened. */
export type Opened = {
  readonly logId: string;
  /** The last `seq`, or the base of an empty log (0 in a new one). */
  readonly head: number;
  /** Of a copy that is run for the first time: of what. */
  readonly copyOf?: CopyOf;
  /** Told to the one instance that found it out. */
  readonly lost?: Lost;
};

/** What a backup is a copy of. */
export type CopyOf = {
  /** When it was made, epoch ms. */
  readonly at: number;
  /** Where the original was. */
  readonly from: string;
  /** The last `seq` in it. */
  readonly head: number;
};

/** Where a copy goes. */
export type BackupTo = {
  /** A file that is not there yet. */
  readonly path: string;
  /** Bytes copied, and bytes in all. @default nobody is told */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
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

/** How a reactor is registered. */
export type Registration = {
  readonly name: string;
  /** Canonical: sorted, no repeats. */
  readonly types: readonly string[];
  /** Whether it has an ordering key. */
  readonly ordered: boolean;
  /** Where a new reactor starts: at the head, at the first event, or after an earlier `seq`. */
  readonly from: 'now' | 'beginning' | number;
};

/** How a schedule is kept. */
export type ScheduleRegistration = {
  readonly name: string;
  /** What it does and when, as text: the same text is the same schedule. */
  readonly definition: string;
  /** From where a new one counts, epoch ms. */
  readonly since: number;
};

/** A schedule as stored. */
export type ScheduleRow = {
  readonly generation: number;
  /** The last tick for which an event was appended, or from where it counts; epoch ms. */
  readonly tickAt: number;
};

/** The right to settle a delivery: the token differs at every claim of it. */
export type Lease = DeliveryRef & { readonly token: number };

/** One commit: all of it, or nothing. */
export type Batch = {
  /** Results to remember. @default none */
  readonly once?: readonly OnceRecord[];
  readonly settlements: readonly Settlement[];
  readonly events: readonly NewEvent[];
  readonly fanOuts: readonly FanOut[];
};

/** The result of an effect, for a reactor and an event. It counts only while its lease holds; one that is there already stays. */
export type OnceRecord = {
  readonly lease: Lease;
  /** 0, or that of a replay that remembers for itself. */
  readonly run: number;
  readonly key: string;
  readonly result: string;
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

/** What becomes of a delivery whose attempt has ended. */
export type Outcome =
  | { readonly to: 'succeeded' }
  /** A retry or a postponement (with its error; only a retry counts as an attempt), or a release (without). */
  | {
      readonly to: 'pending';
      /** From now until it is due, milliseconds. */
      readonly delayMs: number;
      readonly counted: boolean;
      readonly error?: Failure;
    }
  | { readonly to: 'dead'; readonly reason: EndReason; readonly error: Failure }
  | { readonly to: 'cancelled'; readonly reason: EndReason };

/** Deliveries to create for one reactor; conditional on its generation and position. Those of redacted events are born cancelled, reason `redacted`. */
export type FanOut = {
  readonly reactor: number;
  readonly generation: number;
  /** The events of this batch (only when the position is the head before it), or the stored ones with `after < seq <= to` (only when the position is `after`). */
  readonly over: 'this-batch' | { readonly after: number; readonly to: number };
  readonly matches: readonly Match[];
  /** How many of the matches, at most and in order, are leased to this instance at once; the rest is written pending. */
  readonly lease: number;
};

/** An event that a reactor is to get. */
export type Match = {
  /** Index into the batch's events, or the `seq` of a stored one. Not appended: nothing is created. */
  readonly event: number;
  readonly orderKey?: string;
  /** Not before this instant, epoch ms. */
  readonly notBefore?: number;
  /** Born dead: its ordering key could not be computed. */
  readonly dead?: { readonly reason: EndReason; readonly error: Failure };
};

/** What a commit came to. */
export type Committed = {
  /** Parallel to the batch's results to remember. */
  readonly once: readonly ('saved' | 'lease_lost')[];
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

/** What became of an event of a batch. */
export type Appended =
  | { readonly outcome: 'appended'; readonly seq: number; readonly hash: string }
  /** Said before: this is the first one. */
  | {
      readonly outcome: 'duplicate' | 'conflict';
      readonly id: string;
      readonly seq: number;
      /** Epoch ms. */
      readonly timestamp: number;
    }
  /** Its settlement did not hold. */
  | { readonly outcome: 'skipped' }
  /** Its schedule is at another tick already. */
  | {
      readonly outcome: 'ticked';
      /** Epoch ms. */
      readonly tickAt: number;
    }
  /** Its schedule has another definition now. */
  | { readonly outcome: 'redefined' };

/** What became of a fan-out of a batch. */
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

/** Live deliveries (run 0), or those of replays. */
export type Lane = 'live' | 'replays';

/** A step of a replay for one reactor; conditional on its generation and on the replay's position being `after`. */
export type ReplayPage = {
  readonly run: number;
  readonly reactor: number;
  readonly generation: number;
  readonly after: number;
  readonly to: number;
  /** By `seq`. What is in progress is left out and counted: above the reactor's position, or not final in the live run or in another running replay. */
  readonly matches: readonly Match[];
};

/** What became of a page of a replay. */
export type ReplayFannedOut =
  | { readonly outcome: 'done'; readonly created: number; readonly skipped: number }
  /** The position is not what was expected. */
  | { readonly outcome: 'moved'; readonly position: number }
  /** Another registration, or a removal, has replaced this one. */
  | { readonly outcome: 'superseded' }
  /** The replay is not running any more. */
  | { readonly outcome: 'over' };

/** What an instance has room for. */
export type Wants = {
  /** Which to claim; suspects are claimed whatever their lane. @default 'live' */
  readonly lane?: Lane;
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

/** What a claim came to. */
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

/** What was taken back from dead instances. */
export type Recovered = {
  /** Deliveries taken back. */
  readonly recovered: readonly { readonly delivery: DeliveryRef; readonly state: 'pending' | 'dead' }[];
  /** True when the limit cut it short. */
  readonly more: boolean;
};
