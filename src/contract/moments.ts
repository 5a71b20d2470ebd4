/** Moments that are for measuring: made only when someone listens. */

/** What became durable in one commit. */
export interface Commit {
  /** The events that were appended, those that handlers dispatched too. */
  readonly events: readonly CommittedEvent[];
  /** Of each dispatch in it, how long its caller waited, milliseconds. */
  readonly waitedMs: readonly number[];
  /** Outcomes of deliveries. */
  readonly settlements: number;
  /** How long the storage took, milliseconds. */
  readonly ms: number;
}

/** An event as a commit tells it: without payload. */
export interface CommittedEvent {
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  readonly source: string;
}

/** How a request over HTTP was answered. */
export interface HttpAnswered {
  /** Which kind of path: `/events/:id`, or a webhook by its name. Never the path that was asked for. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** From its arrival to its answer, milliseconds. */
  readonly ms: number;
}

/** Who sent too much. */
export interface LimitRefused {
  readonly by: 'address' | 'node';
  /** Who it is, as far as it had proven that. */
  readonly node: string | undefined;
  readonly ip: string | undefined;
}
