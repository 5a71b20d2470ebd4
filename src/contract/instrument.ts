/** What may be put around dispatches and handlers: for tracing, which must be inside of both. */
import type { DeliveryMoment } from './lifecycle.js';

/** Small text beside a payload. */
export type Headers = Readonly<Record<string, string>>;

/** What is about to be dispatched. */
export interface SaidToBe {
  readonly type: string;
  /** Undefined: the host itself. */
  readonly source: string | undefined;
  readonly headers: Headers | undefined;
  /** How many events in one call. */
  readonly count: number;
}

/** A handler that is about to be called. */
export interface AttemptToBe extends DeliveryMoment {
  readonly replayed: boolean;
  /** The event's. */
  readonly headers: Headers;
}

/**
 * What is put around. Each part calls `proceed` once, in the same turn, and gives back what it returned. It must not throw:
 * what it throws is thrown to the dispatcher, or fails the attempt.
 */
export interface Instrument {
  /**
   * Around a dispatch of the host, of a node or of an outbox. Headers that are given to `proceed` are added to the event's
   * and win over them.
   */
  dispatch?<R>(said: SaidToBe, proceed: (headers?: Headers) => R): R;
  /** Around a call of a handler. `child` tells what headers an event gets that this handler dispatches. */
  attempt?<R>(attempt: AttemptToBe, proceed: (child?: (said: SaidToBe) => Headers | undefined) => R): R;
}
