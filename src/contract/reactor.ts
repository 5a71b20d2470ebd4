/** Reactors: handlers, what they are given, and how they behave. */
import type { AnyCatalogue, Catalogue, EventOf, InputOf, OutputOf, TypeOf } from '../core/catalogue.js';
import type { RateLimit } from '../core/pace.js';
import type { RetryPolicy } from '../core/retry.js';
import type { ChildOptions, NexusEventDraft } from './dispatch.js';
import type { LoggerLike } from './logger.js';

/** Reacts to an event. At least once: it may see the same event again, see the promise in the README. */
export type Handler<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> = (
  payload: OutputOf<E, T>,
  ctx: ReactorContext<E, T>,
) => unknown;

/** What a handler has beside the payload. */
export interface ReactorContext<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> {
  /** The event with its place in the log; `type` narrows `payload`. */
  readonly event: EventOf<E, T>;
  /** 1 for the first call. */
  readonly attempt: number;
  /** Aborts at the timeout, when the lease is lost, when this process cancels the delivery, when the reactor is removed, and at a forced close. */
  readonly signal: AbortSignal;
  /** The host's logger, with the ids of reactor and event on every line. */
  readonly log: LoggerLike;
  /** What `nexus.deliveries` knows this delivery by; the same for every attempt. */
  readonly deliveryId: string;
  /** True in a replay. */
  readonly replayed: boolean;
  /**
   * Appends an event together with the success of this delivery, once however often the handler runs. If the handler
   * fails, it dispatches nothing.
   *
   * @throws NexusError as `dispatch`, and NEXUS_LEASE_LOST when this attempt is over
   */
  dispatch<C extends TypeOf<E>>(type: C, payload: InputOf<E, C>, options?: ChildOptions): NexusEventDraft;
  /**
   * Runs `effect` and remembers its JSON result (at most 64 KiB) for this reactor and event, durably, before it resolves:
   * a later attempt, a redrive and a replay get the result without running it. The effect itself is at least once: a crash
   * between its end and the record runs it again, so give remote APIs an {@link idempotencyKey}. While an effect runs,
   * `ctx.dispatch` throws.
   *
   * @throws NexusError NEXUS_LEASE_LOST, NEXUS_INVALID_OPTION (key, or a result that is not JSON or too large), and whatever `effect` throws
   */
  once<R>(key: string, effect: () => Promise<R> | R): Promise<R>;
  /**
   * A key for a remote API (46 characters), the same for every attempt of this reactor at this event; a replay with
   * `fresh: true` has its own.
   */
  idempotencyKey(key: string): string;
}

/** How a reactor behaves. */
export interface ReactorOptions<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> {
  /** Its identity in storage. @default its sorted types joined by ',' */
  name?: string;
  /** Where it begins when its row is first written. @default 'now' */
  from?: 'now' | 'beginning' | number;
  /** When a failed attempt is followed by another. @default the Nexus's */
  retry?: RetryPolicy;
  /** When an attempt is given up, milliseconds. @default 60_000 */
  timeoutMs?: number;
  /**
   * Deliveries whose event is older when their handler would be called are cancelled with reason `too_old`; counted from
   * `notBefore` where there is one, milliseconds. Replays are not held to it. @default Infinity
   */
  maxAgeMs?: number;
  /** Handlers running at once. @default the Nexus's */
  concurrency?: number;
  /**
   * At most `count` handler starts in any `perMs` milliseconds, retries included, in this process: n processes make n times
   * as many. What has to wait does so in storage, spends no attempt, and holds up no other reactor; its `maxAgeMs` runs on.
   * @default no limit
   */
  rateLimit?: RateLimit;
  /** Events with the same key are handled one after another, in log order. @default no order */
  orderBy?: (event: EventOf<E, T>) => string;
}

/** A reactor as a value. */
export interface ReactorDefinition<
  E extends Catalogue = AnyCatalogue,
  T extends TypeOf<E> = TypeOf<E>,
> extends ReactorOptions<E, T> {
  /** The event types that it reacts to; `*` is all but `nexus.*`. */
  on: T | readonly T[] | '*';
  /** Called for each of them. */
  handler: Handler<E, T>;
}

/** A registered reactor. */
export interface Reactor {
  /** Its identity in storage. */
  readonly name: string;
  /** The event types that it reacts to, sorted. */
  readonly types: readonly string[];
  /** Stops it in this process, once its running handlers have ended; its row and position stay. */
  stop(): Promise<void>;
}
