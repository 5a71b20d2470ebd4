/** Replays as stored: durable runs over events that are in the log. */

/** What a replay covers: `after < seq <= until`, of these the events with `fromAt <= timestamp < toAt` where given (epoch ms). */
export type ReplayScope = {
  readonly after: number;
  readonly until: number;
  /** Epoch ms, inclusive; null for none. */
  readonly fromAt: number | null;
  /** Epoch ms, exclusive; null for none. */
  readonly toAt: number | null;
  /** Null: whatever the reactor subscribes to. */
  readonly types: readonly string[] | null;
  readonly fresh: boolean;
};

/** A replay to begin, for reactors by their keys. */
export type NewReplay = ReplayScope & { readonly reactors: readonly number[] };

/** A replay as stored. */
export type ReplayRow = ReplayScope & {
  /** Its number, which its deliveries bear. */
  readonly run: number;
  readonly state: ReplayState;
  /** Epoch ms. */
  readonly createdAt: number;
  /** When it was over, epoch ms. */
  readonly finishedAt: number | null;
  /** By key. */
  readonly reactors: readonly ReactorReplayRow[];
};

/** Whether a replay goes on. */
export type ReplayState = 'running' | 'done' | 'cancelled';

/** A reactor in a replay as stored. */
export type ReactorReplayRow = {
  readonly reactor: number;
  readonly reactorName: string;
  /** Nothing more is created for a reactor that was removed. */
  readonly removed: boolean;
  /** The `seq` up to which its deliveries have been created. */
  readonly position: number;
  readonly created: number;
  /** Events that were left out because they were still in progress. */
  readonly skipped: number;
  /** Of the created, those that are not final. */
  readonly open: number;
};

/** Of which reactor and events. */
export type FootprintQuery = {
  readonly reactor: number;
  readonly events: readonly { readonly seq: number; readonly id: string }[];
  /** A child that the reactor dispatched has a dedupe key that begins with this, the id of its cause and `:`. */
  readonly childKey: string;
};

/** What a reactor has to do with some events already. */
export type Footprint = {
  /** The events that a replay would leave out now: the position has not reached them, or a delivery (live, or of a running replay) is not final. */
  readonly inProgress: readonly number[];
  /** Of the other events: the children that it dispatched, by type. */
  readonly children: readonly { readonly type: string; readonly count: number }[];
  /** Of the other events: remembered results of live runs. */
  readonly once: number;
};

/** Reads of replays. */
export interface ReplayReaders {
  /** By its number. */
  replay(run: number): Promise<ReplayRow | undefined>;
  /** The newest first. */
  replays(query: {
    readonly state?: ReplayState;
    readonly before?: number;
    readonly limit: number;
  }): Promise<readonly ReplayRow[]>;
  /** Dead deliveries of a reactor in a run. */
  deadIn(of: { readonly reactor: number; readonly run: number }): Promise<number>;
  /** What a reactor has to do with some events already: for a dry run. */
  footprint(query: FootprintQuery): Promise<Footprint>;
}
