/** The webhook endpoints of nodes, as an operator sees and steers them. */
import type { Failure } from '../core/errors.js';
import type { DeliveryCounts } from '../storage/storage.js';

/**
 * Why an endpoint is disabled: it answered 410 (`gone`), has done nothing but fail for 5 days (`failing`), or an operator
 * said so (`operator`).
 */
export type DisabledReason = 'gone' | 'failing' | 'operator';

/** How a webhook's attempt ended. */
export type WebhookOutcome =
  /** 2xx. */
  | 'delivered'
  /** It will be tried again on its schedule, or is dead once that is over. */
  | 'failed'
  /** 429 or 503 with `Retry-After`: again then, no attempt spent. */
  | 'postponed'
  /** 410: the endpoint is disabled. */
  | 'gone'
  /** Its address may not be dialled; counts as `failed`. */
  | 'blocked';

/** A node's webhook endpoint. */
export interface EndpointInfo {
  readonly node: string;
  readonly url: string;
  /** The event types that it is sent: names, `*`, or a prefix and `*`. */
  readonly types: readonly string[];
  /** The reactor that delivers: `webhook:<node>`. */
  readonly reactor: string;
  readonly state: 'enabled' | 'disabled';
  /** Why it is disabled. */
  readonly reason: DisabledReason | undefined;
  /** Since when it is disabled, epoch ms; undefined also where it was paused as a reactor. */
  readonly since: number | undefined;
  /** Since when it has only failed, epoch ms, once that is an hour ago. */
  readonly failingSince: number | undefined;
  /** The last delivery that this process knows to have been taken: its own, or one of the newest in storage. */
  readonly lastSuccess:
    | {
        /** Epoch ms. */
        readonly at: number;
      }
    | undefined;
  /** The last failure of this process, or of the dead letters in storage. */
  readonly lastFailure:
    | {
        /** Epoch ms. */
        readonly at: number;
        readonly error: Failure;
      }
    | undefined;
  /** The `seq` up to which its deliveries have been created. While it is disabled it stands still. */
  readonly position: number;
  /** How far the position is behind the head. */
  readonly lag: number;
  readonly counts: DeliveryCounts;
}

/** What came of a ping. */
export interface EndpointTest {
  /** True for a 2xx. */
  readonly ok: boolean;
  /** The status that it answered with; undefined where it did not answer. */
  readonly status: number | undefined;
  /** How long the exchange took, milliseconds. */
  readonly ms: number;
  /** Why it is not ok. */
  readonly error: Failure | undefined;
}

/** Sees and steers webhook endpoints. What is said here is stored, and counts in all processes on this storage. */
export interface EndpointDesk {
  /** The endpoints of all nodes that have a webhook. */
  list(): Promise<readonly EndpointInfo[]>;
  /**
   * Sends a signed ping (event `nexus.ping`, not in the log) once, also where the endpoint is disabled. An endpoint that
   * fails it is told in the answer, not thrown.
   *
   * @throws NexusError NEXUS_NOT_FOUND, NEXUS_CLOSED
   */
  test(node: string): Promise<EndpointTest>;
  /** Goes on where it was disabled; no event is left out. @throws NexusError NEXUS_NOT_FOUND */
  enable(node: string): Promise<void>;
  /** Sends nothing more; its position stands still, and nothing piles up but its lag. @throws NexusError NEXUS_NOT_FOUND */
  disable(node: string): Promise<void>;
}
