/** The log as evidence: what it proves, what is taken out of it, and how that is told. */

/**
 * A note of how the log was. Kept where whoever can write the database cannot, it proves later that everything up to `seq`
 * is still what it was. Plain data: `JSON.stringify` is enough to keep it.
 */
export interface Checkpoint {
  /** Which log. */
  readonly logId: string;
  /** The last event. */
  readonly seq: number;
  /** Its hash, which stands for all events before it as well. */
  readonly hash: string;
  /** When it was taken, epoch ms. Not part of what is proven. */
  readonly at: number;
}

/** For `audit.verify`. */
export interface VerifyOptions {
  /** Begin at this `seq` and take for granted what is below. @default the first event there is */
  from?: number;
  /** Checkpoints that were kept elsewhere; each is compared. @default none */
  checkpoint?: Checkpoint | readonly Checkpoint[];
  /** Told after each page. What it throws is logged and ends nothing. @default nobody is told */
  onProgress?: (progress: VerifyProgress) => void;
  /** Ends it: it rejects with the signal's reason. @default none: it comes to its end */
  signal?: AbortSignal;
}

/** How far a verification is. */
export interface VerifyProgress {
  /** Places of the log that are behind it, and places in all. */
  readonly done: number;
  readonly total: number;
}

/**
 * What is wrong with the log.
 *
 * - `payload`: salt or payload are not what the row's payload hash says.
 * - `hash`: the row's fields, or the hash before it, are not what its own hash says.
 * - `missing`: events are gone from the middle; `seq` is the first of them.
 * - `truncated`: the log ends before a checkpoint: events were cut off, or this is an older copy.
 * - `checkpoint`: the hashes agree with each other but not with the checkpoint: events were changed and the chain computed anew, or this copy has gone on by itself.
 * - `foreign`: the checkpoint is of another log.
 * - `base`: the beginning was cut off, and no event `nexus.log.pruned` says so; or there are events below where it was cut.
 * - `erased`: the payload is gone, and no event `nexus.event.redacted` says so.
 * - `unreadable`: the storage cannot read what is there.
 */
export type AuditReason =
  'payload' | 'hash' | 'missing' | 'truncated' | 'checkpoint' | 'foreign' | 'base' | 'erased' | 'unreadable';

/** Where the log is first found to be other than it was. */
export interface AuditFault {
  /** The lowest `seq` that is wrong. For `checkpoint`: that of the checkpoint, which everything from `vouchedTo` up to it may be at fault for. */
  readonly seq: number;
  readonly reason: AuditReason;
  /** The same in a sentence. */
  readonly message: string;
}

/** What a verification looked at. */
export interface AuditExtent {
  readonly logId: string;
  /** The first and the last `seq` that were found to be right; `to` below `from`: none. */
  readonly from: number;
  readonly to: number;
  /** The hash at `to`. */
  readonly hash: string;
  /** Events that were found to be right; of these, the redacted. */
  readonly events: number;
  readonly redacted: number;
  /** Places at which acknowledged events were lost, and an event `nexus.log.gap` says so. */
  readonly gaps: number;
  /** The highest `seq` that was pruned, 0 for none. */
  readonly base: number;
  /** Checkpoints that agree, and those that say nothing: they are below the base or below `from`. */
  readonly checkpoints: { readonly matched: number; readonly unusable: number };
  /** The `seq` of the highest checkpoint that agrees: up to there the log is what it was. 0 for none. */
  readonly vouchedTo: number;
  /** How long it took, milliseconds. */
  readonly ms: number;
}

/** What a verification came to. */
export type AuditReport =
  | (AuditExtent & { readonly ok: true; readonly firstBad: undefined })
  | (AuditExtent & { readonly ok: false; readonly firstBad: AuditFault });

/** What a redaction came to. */
export interface Redaction {
  readonly eventId: string;
  readonly seq: number;
  /** True when it had been redacted before: nothing was changed. */
  readonly already: boolean;
  /** Its open and dead deliveries, which were cancelled with reason `redacted`. */
  readonly cancelled: number;
  /** False while somebody else reads the database: its write-ahead log may still hold the bytes. Call it again later. */
  readonly complete: boolean;
}

/** For `audit.prune`. */
export interface PruneOptions {
  /** Everything below this `seq`, or said before this instant, may go. */
  before: number | Date;
  /** One that is kept elsewhere and agrees with the log: nothing above it goes. @default the last that `checkpoint()` gave */
  checkpoint?: Checkpoint;
}

/** What kept a prune from going on: a reactor that has not come so far, a replay, an open or a dead delivery. */
export type PruneHold = 'position' | 'replay' | 'delivery' | 'dead_letter';

/** What a prune came to. */
export interface PruneReport {
  /** Events that were removed. */
  readonly removed: number;
  /** The highest `seq` that is gone. The log begins above it. */
  readonly base: number;
  /** Why it ended before it came to `before`, if it did. */
  readonly heldBy: PruneHold | 'checkpoint' | undefined;
}

/** The log as evidence. */
export interface Audit {
  /**
   * Recomputes the chain, in pages, and compares it with checkpoints. A chain that is broken is an answer, not an error; it is
   * also told as `audit:broken` and by `health()`.
   *
   * @example
   * const report = await nexus.audit.verify({ checkpoint: JSON.parse(await readFile('/elsewhere/checkpoint.json', 'utf8')) });
   * if (!report.ok) throw new Error(report.firstBad.message);
   *
   * @throws NexusError NEXUS_INVALID_OPTION, NEXUS_POSITION_AHEAD (`from`), NEXUS_STORAGE, NEXUS_CLOSED
   */
  verify(options?: VerifyOptions): Promise<AuditReport>;
  /** How the log is now, to be kept elsewhere. It does not verify what it stands for. @throws NexusError NEXUS_STORAGE, NEXUS_CLOSED */
  checkpoint(): Promise<Checkpoint>;
  /**
   * Erases the payload of an event, and what else the storage keeps of it: errors and results of its deliveries, their
   * ordering keys. The chain still verifies. Deliveries that are not final are cancelled, readers find it with `redacted`,
   * and an event `nexus.event.redacted` says so, with the reason: which therefore must not repeat what was erased.
   *
   * @throws NexusError NEXUS_NOT_FOUND, NEXUS_INVALID_OPTION, NEXUS_STORAGE, NEXUS_CLOSED
   */
  redact(eventId: string, reason: string): Promise<Redaction>;
  /**
   * Removes the beginning of the log, in small steps, with all deliveries of what is removed. It goes no further than a
   * checkpoint, a position, or a delivery that somebody still needs. Ids and idempotency keys stay known. An event
   * `nexus.log.pruned` says so, and the rest still verifies.
   *
   * @throws NexusError NEXUS_CHECKPOINT_MISSING, NEXUS_INVALID_OPTION, NEXUS_STORAGE, NEXUS_CLOSED
   */
  prune(options: PruneOptions): Promise<PruneReport>;
}
