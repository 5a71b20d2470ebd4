/** Moments that are for measuring: made only when someone listens. */

/** What became durable in one commit. */
export interface Commit {
  /** The events that were appended, those that handlers dispatched too. */
  readonly events: readonly CommittedEvent[];
  /** Of each dispatch in it, how long its caller waited, milliseconds. */
  readonly waitedMs: readonly number[];
  /** Outcomes of deliveries. */
  readonly settlements: number;
  /** Those of them that went well, with what counting them takes; each is told as `delivery:succeeded` too. */
  readonly succeeded: readonly SucceededDelivery[];
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

/** How long a delivery waited and ran, milliseconds. */
export interface DeliveryTimes {
  /** From when it was due to when its handler was called, milliseconds. */
  readonly queuedMs: number;
  /** From when its handler was called to its outcome, milliseconds; 0 where it was not called. */
  readonly ms: number;
}

/** A delivery that succeeded, as a commit tells it. */
export interface SucceededDelivery extends DeliveryTimes {
  readonly reactor: string;
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
