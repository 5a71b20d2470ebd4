/** Reading the log as it grows: in process by a feed, and by the edges that send events to others. */
import type { NexusEvent } from '../core/event.js';

/** For `feed`. */
export interface FeedOptions<T extends string = string> {
  /** Begin behind this `seq`. @default the head of the log at the call */
  after?: number;
  /** Event types; `*` is every type but `nexus.*`, which are named. @default ['*'] */
  types?: readonly (T | '*')[];
  /** Ends the feed. @default none: it ends when its loop is left */
  signal?: AbortSignal;
}

/** An event that is handed to readers: made once for all that read it while it is recent. */
export interface LiveEvent {
  readonly seq: number;
  readonly type: string;
  /** About what it takes in memory, bytes. */
  readonly size: number;
  /** What goes over the wire, one line of JSON: `{event, payload, timestamp, id, seq, source}`. Made once. */
  text(): string;
  /** Its own copy. @throws NexusError NEXUS_EVENT_NEWER, NEXUS_UPCAST_FAILED */
  event(): NexusEvent;
}

/** What takes the events of a follower. */
export interface Sink {
  /** Whether it is for this reader. */
  wants(type: string, seq: number): boolean;
  /** Whether it would take more now; once it would again, it is for the sink to call `pump`. */
  room(): boolean;
  /** A few events in order, about 64 KiB and at most 64. */
  take(events: readonly LiveEvent[]): void;
  /** The log could not be read. The follower stands still until `pump`. */
  failed(error: unknown): void;
}

/** A reader of the log: catches up, then stays with it. */
export interface Follower {
  /** Up to here everything has been looked at, and taken where it was wanted. */
  readonly position: number;
  /** There is room again. */
  pump(): void;
  /** Reads on from another place. */
  seek(position: number): void;
  close(): void;
}

/** Edges that hold connections. */
export type ConnectionKind = 'webSocket' | 'sse';

/** The live end of the log. */
export interface Live {
  /**
   * Where a reader begins: behind `after`, or at the head.
   *
   * @throws NexusError NEXUS_POSITION_AHEAD, NEXUS_POSITION_PRUNED, NEXUS_CLOSED, and what keeps the storage from opening
   */
  place(after: number | undefined): Promise<{ readonly position: number; readonly logId: string }>;
  /** Hands a sink every event behind `position` that it wants, once and in order, as it has room. */
  follow(sink: Sink, position: number): Follower;
  /** Calls the listener once, when the Nexus closes. Returns its end. */
  onEnd(listener: () => void): () => void;
  /** Counts a connection. Returns its end. */
  connected(kind: ConnectionKind): () => void;
  readonly connections: Readonly<Record<ConnectionKind, number>>;
}
