/** Replays: durable runs of reactors over events that are in the log. */
import type { Page } from './desks.js';

/** What to replay, and how. */
export interface ReplayOptions {
  /** A number is a `seq`, the first one to replay; a `Date` an instant, inclusive. @default the first event */
  from?: number | Date;
  /** A number is a `seq`, the last one to replay; a `Date` an instant, exclusive. @default the head of the log at the call */
  to?: number | Date;
  /** Of these types only. A reactor is given events of its own types, whenever it subscribed to them. @default all of them */
  types?: readonly string[];
  /** Their names; one that is not in this process is carried on by those that have it. @default the reactors of this process */
  reactors?: readonly string[];
  /** Write nothing, and say what would run, and what it dispatched before. @default false */
  dryRun?: boolean;
  /** Forget what earlier runs did: `ctx.once` runs its effects again, and `ctx.dispatch` appends new children. @default false */
  fresh?: boolean;
  /**
   * Of events whose deliveries retention has removed, what `ctx.once` remembered is gone, too: `run` calls its effects
   * again (children are recognised even so), `refuse` refuses such a replay. @default 'refuse'
   */
  forgotten?: 'refuse' | 'run';
  /** Called when the replay has begun, and as it goes on. A listener that throws hurts nobody. @default nobody is told */
  onProgress?: (progress: ReplayProgress) => unknown;
  /** Ends a dry run, and the waiting for a replay, which itself goes on: it rejects with the signal's reason. @default none */
  signal?: AbortSignal;
}

/** How far a replay is. */
export interface ReplayProgress {
  /** Of the replay, for `nexus.replays`; undefined in a dry run. */
  readonly run: number | undefined;
  /** Places of the log that are over with, of all that the replay covers, counted for each reactor. */
  readonly done: number;
  readonly total: number;
}

/** What a replay came to, or would come to. */
export interface ReplayReport {
  /** Its number, which its deliveries bear; undefined for a dry run. */
  readonly run: number | undefined;
  readonly state: 'done' | 'cancelled' | 'dry-run';
  readonly fresh: boolean;
  readonly reactors: readonly ReplayedReactor[];
}

/** A reactor in a replay. */
export interface ReplayedReactor {
  readonly reactor: string;
  /** Deliveries that the replay has, or would have. */
  readonly events: number;
  /** Events left out: their live delivery, or one of another running replay, was not final, or the reactor's position had not reached them. */
  readonly skipped: number;
  /** Of `events`, the deliveries that are not final, and those that are dead. */
  readonly open: number;
  readonly dead: number;
  /** In a dry run: what its live runs left behind for these events. Kept, or with `fresh` done again. */
  readonly before: ReplayedBefore | undefined;
}

/** What the live runs of a reactor left behind. */
export interface ReplayedBefore {
  /** Children by type. Without `fresh` they are recognised and not appended again. Those dispatched with a key of their own are never appended again, and not counted. */
  readonly children: readonly { readonly type: string; readonly count: number }[];
  /** Results of `ctx.once`. With `fresh` they are forgotten, so their effects happen again. */
  readonly once: number;
}

/** A replay as it is stored. */
export interface Replay {
  readonly run: number;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly fresh: boolean;
  /** The first and the last `seq`. */
  readonly from: number;
  readonly to: number;
  /** Epoch ms, inclusive, where the replay was bounded by a `Date`. */
  readonly fromAt: number | undefined;
  /** Epoch ms, exclusive, where the replay was bounded by a `Date`. */
  readonly toAt: number | undefined;
  /** Undefined: whatever each reactor subscribes to. */
  readonly types: readonly string[] | undefined;
  /** Epoch ms. */
  readonly createdAt: number;
  /** Epoch ms. */
  readonly finishedAt: number | undefined;
  /** As in {@link ReplayProgress}. */
  readonly done: number;
  readonly total: number;
  readonly reactors: readonly ReplayedReactor[];
}

/** Which replays. */
export interface ReplayFilter {
  /** In this state. @default every state */
  state?: Replay['state'];
  /** The cursor of the page before. @default the first page */
  before?: number;
  /** How many at most, 1 to 1,000. @default 100 */
  limit?: number;
}

/** Sees and cancels replays, those begun elsewhere included. */
export interface ReplayDesk {
  /** The newest first. */
  list(filter?: ReplayFilter): Promise<Page<Replay, number>>;
  /** By its number; undefined where there is none. */
  get(run: number): Promise<Replay | undefined>;
  /**
   * Ends a running one: no further delivery is created, its open ones are cancelled with reason `replay_cancelled`; a
   * handler that runs sees its signal abort, and its outcome does not count. One that is over stays as it is.
   *
   * @throws NexusError NEXUS_NOT_FOUND
   */
  cancel(run: number): Promise<void>;
}
