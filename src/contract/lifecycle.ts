/** The library's own moments. */
import type { EndReason } from '../core/delivery.js';
import type { NexusEvent } from '../core/event.js';
import type { AuditFault } from './audit.js';
import type { DisabledReason, WebhookOutcome } from './endpoints.js';
import type { Commit, DeliveryTimes, HttpAnswered, LimitRefused } from './moments.js';

/** What the lifecycle events of a delivery tell. */
export interface DeliveryMoment {
  readonly deliveryId: string;
  readonly reactor: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly seq: number;
  readonly attempt: number;
}

/** The library's own moments. */
export interface NexusLifecycle {
  /** The storage is open, what dead instances held is taken back, and events are taken. */
  started: { readonly head: number };
  /** An event was stored by this process. */
  event: NexusEvent;
  /** Events and outcomes became durable together. Cheap to listen to: told once per commit, payloads are not parsed. */
  commit: Commit;
  /** Its handler is about to be called. */
  'delivery:started': DeliveryMoment;
  /** Its success is durable, and what it dispatched with it. */
  'delivery:succeeded': DeliveryMoment & DeliveryTimes;
  /** It failed, or asked to be called later, and will be retried. */
  'delivery:failed': DeliveryMoment &
    DeliveryTimes & {
      readonly error: unknown;
      readonly retryInMs: number;
      /** False when the attempt does not count: it was postponed. */
      readonly counted: boolean;
    };
  /** It is a dead letter: nothing more happens by itself. */
  'delivery:dead': DeliveryMoment & DeliveryTimes & { readonly reason: EndReason; readonly error: unknown };
  /** It was ended by its maximum age before its handler was called. What operators cancel is not told. */
  'delivery:cancelled': DeliveryMoment & { readonly reason: EndReason };
  /** It was taken back from an instance that died; `dead` when it had crashed too often. */
  'delivery:recovered': {
    readonly deliveryId: string;
    readonly state: 'pending' | 'dead';
    /** Undefined when it is not registered in this process. */
    readonly reactor: string | undefined;
  };
  /** A handler did not return within 10 s after its timeout; its slot is given up for lost. */
  'reactor:stuck': DeliveryMoment;
  /** Another registration of this name has replaced the one in this process. */
  'reactor:superseded': { readonly reactor: string };
  /** Another definition of this schedule has replaced the one in this process. */
  'schedule:superseded': { readonly schedule: string };
  /** What was dispatched had been said before, by its key or id; the first event stands for it. */
  'dispatch:duplicate': { readonly id: string; readonly type: string; readonly source: string };
  /** An event that was committed in a database of the host cannot be in the log; its row there is set aside with the error. */
  'outbox:refused': {
    readonly id: string;
    readonly type: string;
    readonly outbox: string;
    readonly error: unknown;
  };
  /** An attempt to deliver to a webhook endpoint ended. */
  'webhook:attempt': WebhookAttempt;
  /** Nothing more is sent to an endpoint until it is enabled: by this process's decision. */
  'endpoint:disabled': { readonly node: string; readonly reason: DisabledReason };
  /** An endpoint is sent events again: by this process's decision. */
  'endpoint:enabled': { readonly node: string };
  /** A request was turned away: it did not prove who it is, or its node may not do this. */
  'auth:denied': AuthDenied;
  /** A node had something done through the admin routes of the HTTP handler, with whatever success. */
  'admin:acted': AdminActed;
  /** A request over HTTP was answered. */
  'http:answered': HttpAnswered;
  /** A request was turned away because there were too many before it. */
  'limit:refused': LimitRefused;
  /** The storage refused or failed; `retrying` where the same is tried again by itself. */
  'storage:error': { readonly error: unknown; readonly retrying: boolean };
  /** Events that had been acknowledged are not in the log any more; an event `nexus.log.gap` stands for them. */
  'log:lost': LogLoss;
  /** A verification found that the log is not what it was. */
  'audit:broken': AuditBreak;
  /** This Nexus is closed; no moment comes after it. */
  closed: CloseReport;
}

/** How an attempt to deliver to a webhook endpoint ended. */
export interface WebhookAttempt {
  readonly node: string;
  readonly deliveryId: string;
  readonly eventId: string;
  readonly eventType: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** What it answered with; undefined where it did not answer. */
  readonly status: number | undefined;
  /** How long the exchange took, milliseconds. */
  readonly ms: number;
  readonly outcome: WebhookOutcome;
  /** Undefined where it was delivered. */
  readonly error: unknown;
}

/** Acknowledged events that the storage lost: every `seq` of `from <= seq <= to`. */
export interface LogLoss {
  readonly events: number;
  readonly from: number;
  readonly to: number;
}

/** Where the log is first found to be other than it was. */
export interface AuditBreak extends AuditFault {
  readonly logId: string;
}

/** Who was turned away, and why. */
export interface AuthDenied {
  /** The node that it claimed to be, or is. Not proven unless the reason is `permission`. */
  readonly node: string | undefined;
  readonly reason: 'signature' | 'token' | 'permission';
  /** Where it came from, as far as that is known. */
  readonly ip: string | undefined;
}

/** Who had what done over HTTP. */
export interface AdminActed {
  readonly node: string;
  /** As the route is called, such as `POST /admin/reactors/:name/pause`. */
  readonly act: string;
  /** What the path names: a reactor, a delivery, a node, the number of a replay. */
  readonly target: string | undefined;
  /** Where it came from, as far as that is known. */
  readonly ip: string | undefined;
  /** How it was answered. */
  readonly status: number;
}

/** For `close`. */
export interface CloseOptions {
  /** How long handlers may take to finish, milliseconds. @default 15_000 */
  timeoutMs?: number;
}

/** What `close` came to. */
export interface CloseReport {
  /** Deliveries settled while closing. */
  readonly drained: number;
  /** Handlers that were aborted at the deadline; their deliveries are pending again, no attempt burned. */
  readonly interrupted: number;
  /** Leased deliveries that had not begun, given back. */
  readonly released: number;
  /** Outcomes that could not be written; these deliveries will run again. */
  readonly unrecorded: number;
}
