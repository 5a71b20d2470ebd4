/** The Nexus, as the host and the edges see it. The engine implements it; edges know nothing else. */
import type { Audit } from './contract/audit.js';
import type { BackupOptions } from './contract/backup.js';
import type {
  DeadLetterDesk,
  Delivery,
  DeliveryDesk,
  EventReader,
  Explanation,
  Health,
  NexusStats,
  ReactorDesk,
} from './contract/desks.js';
import type { DispatchItem, DispatchOptions, Dispatched, Within } from './contract/dispatch.js';
import type { Instrument } from './contract/instrument.js';
import type { CloseOptions, CloseReport, NexusLifecycle } from './contract/lifecycle.js';
import type { EndpointDesk } from './contract/endpoints.js';
import type { FeedOptions } from './contract/live.js';
import type { LoggerLike } from './contract/logger.js';
import type { NodeDesk } from './contract/nodes.js';
import type { Handler, Reactor, ReactorDefinition, ReactorOptions } from './contract/reactor.js';
import type { Schedule, ScheduleOptions, SchedulePayload, ScheduleWhen } from './contract/schedule.js';
import type { ReplayDesk, ReplayOptions, ReplayReport } from './contract/replays.js';
import type { AnyCatalogue, Catalogue, EventOf, InputOf, TypeOf } from './core/catalogue.js';
import type { Clock } from './core/clock.js';
import type { RetryPolicy } from './core/retry.js';
import type { NodeConfig } from './nodes/node-config.js';
import type { SqliteLike } from './storage/sqlite-like.js';
import type { Storage } from './storage/storage.js';

export type {
  Audit,
  AuditExtent,
  AuditFault,
  AuditReason,
  AuditReport,
  Checkpoint,
  PruneHold,
  PruneOptions,
  PruneReport,
  Redaction,
  VerifyOptions,
  VerifyProgress,
} from './contract/audit.js';
export type { BackupOptions, BackupProgress } from './contract/backup.js';
export type {
  ChildOptions,
  DispatchItem,
  DispatchOptions,
  Dispatched,
  NexusEventDraft,
  Within,
} from './contract/dispatch.js';
export type {
  Handler,
  Reactor,
  ReactorContext,
  ReactorDefinition,
  ReactorOptions,
} from './contract/reactor.js';
export type { Schedule, ScheduleOptions, SchedulePayload, ScheduleWhen } from './contract/schedule.js';
export type {
  AttemptRecord,
  DeadLetterDesk,
  DeadLetterFilter,
  Delivery,
  DeliveryDesk,
  DeliveryFilter,
  EventFilter,
  EventReader,
  Explanation,
  Health,
  NexusStats,
  Page,
  ReactorDesk,
  ReactorInfo,
  ReactorLag,
} from './contract/desks.js';
export type {
  Replay,
  ReplayDesk,
  ReplayedBefore,
  ReplayedReactor,
  ReplayFilter,
  ReplayOptions,
  ReplayProgress,
  ReplayReport,
} from './contract/replays.js';
export type {
  AdminActed,
  AuditBreak,
  AuthDenied,
  CloseOptions,
  CloseReport,
  DeliveryMoment,
  LogLoss,
  NexusLifecycle,
  WebhookAttempt,
} from './contract/lifecycle.js';
export type {
  DisabledReason,
  EndpointDesk,
  EndpointInfo,
  EndpointTest,
  WebhookOutcome,
} from './contract/endpoints.js';
export type {
  Commit,
  CommittedEvent,
  DeliveryTimes,
  HttpAnswered,
  LimitRefused,
  SucceededDelivery,
} from './contract/moments.js';
export type { AttemptToBe, Headers, Instrument, SaidToBe } from './contract/instrument.js';
export type { NodeDesk, NodeInfo, RotateOptions } from './contract/nodes.js';
export type { FeedOptions, Follower, Live, LiveEvent } from './contract/live.js';
export type { LoggerLike } from './contract/logger.js';
export type { Ingress, NexusWithIngress } from './contract/ingress.js';
export { ingress } from './contract/ingress.js';

/** What {@link Nexus} is made from. */
export interface NexusOptions<E extends Catalogue = AnyCatalogue> {
  /** Type → Standard Schema (zod, valibot, arktype), or `defineEvent` with its versions. @default any type, any JSON object */
  events?: E;
  /** Path of a SQLite file, `':memory:'`, or an adapter. @default './nexus.db' */
  storage?: string | Storage;
  /** The host's own node name: the source of what it dispatches. @default 'nexus' */
  node?: string;
  /** The other nodes: their secrets and what they may do. @default {} */
  nodes?: Record<string, NodeConfig>;
  /** Start by itself once a reactor, a schedule or a node's webhook is there. `dispatch` always starts. @default true */
  autoStart?: boolean;
  /** The policy of every reactor that does not say otherwise. @default 8 attempts, from one second to an hour apart */
  retry?: RetryPolicy;
  /** Handlers running at once, per reactor. @default 16 */
  concurrency?: number;
  /** Deliveries in memory, over all reactors (each may have its `concurrency` in any case); the rest waits in storage. @default 1_000 */
  maxInFlight?: number;
  /** How long an instance's lease holds without renewal, milliseconds. It is renewed at a third of it. @default 30_000 */
  leaseMs?: number;
  /** How long finished deliveries are kept, milliseconds; events stay. @default { succeededMs: 604_800_000, deadMs: Infinity } */
  retention?: RetentionOptions;
  /** Largest payload, bytes of JSON. @default 262_144 */
  maxPayloadBytes?: number;
  /** Pino-like logger, or false for none. @default pino({ name: 'nexus' }) */
  logger?: LoggerLike | false;
  /** Where time comes from. @default the system's */
  clock?: Clock;
}

/**
 * How long deliveries are kept once they are final, in milliseconds from 60_000 on, or `Infinity`. Their attempts and
 * what `ctx.once` remembered go with them; events and idempotency keys stay.
 */
export interface RetentionOptions {
  /** Succeeded and cancelled ones, milliseconds. @default 604_800_000 (7 days) */
  succeededMs?: number;
  /** Dead letters, milliseconds. @default Infinity */
  deadMs?: number;
}

/** The embeddable event bus. */
export interface Nexus<E extends Catalogue = AnyCatalogue> {
  /**
   * Opens the storage, migrates, recovers and runs. May be called again after it failed.
   *
   * @throws NexusError NEXUS_STORAGE, NEXUS_STORAGE_FULL, NEXUS_STORAGE_FOREIGN, NEXUS_STORAGE_NEWER, NEXUS_STORAGE_CORRUPT, NEXUS_SQLITE_BINDING, NEXUS_CLOSED
   */
  start(): Promise<void>;
  /**
   * Validates and stores an event; resolves once it is durable.
   *
   * @throws NexusError NEXUS_UNKNOWN_EVENT, NEXUS_INVALID_PAYLOAD, NEXUS_PAYLOAD_TOO_LARGE, NEXUS_PAYLOAD_TOO_DEEP, NEXUS_PERMISSION_DENIED, NEXUS_IDEMPOTENCY_CONFLICT, NEXUS_OVERLOADED, NEXUS_STORAGE, NEXUS_STORAGE_FULL, NEXUS_CLOSED, NEXUS_INVALID_OPTION
   */
  dispatch<T extends TypeOf<E>>(
    type: T,
    payload: InputOf<E, T>,
    options?: DispatchOptions,
  ): Promise<Dispatched<T>>;
  /**
   * Several events in one transaction, at most 1,000. Throws as `dispatch`; when a storage failure or an invalid item is
   * thrown, none is stored. An item whose key was used for other content is refused by itself: its conflict is thrown,
   * the others are stored, and saying the same again gives them back as duplicates where they have keys.
   */
  dispatchMany(items: readonly DispatchItem<E>[]): Promise<Dispatched<TypeOf<E>>[]>;
  /**
   * Dispatches in the host's own transaction: through its open connection, to a database where `createOutbox` was called.
   * From the first call on, what waits in that database is moved into the log, also what was written before a restart or by
   * another process; so a host calls it once when it starts.
   *
   * @throws NexusError NEXUS_OUTBOX, NEXUS_STORAGE_NEWER, NEXUS_INVALID_OPTION, NEXUS_CLOSED
   */
  within(db: SqliteLike): Within<E>;
  /**
   * Registers a reactor.
   *
   * @throws NexusError NEXUS_REACTOR_NAME_TAKEN, NEXUS_UNKNOWN_EVENT, NEXUS_INVALID_OPTION, NEXUS_CLOSED
   */
  onEvent<const T extends TypeOf<E>>(type: T | readonly T[] | '*', handler: Handler<E, T>): Reactor;
  onEvent<const T extends TypeOf<E>>(
    type: T | readonly T[] | '*',
    options: ReactorOptions<E, T>,
    handler: Handler<E, T>,
  ): Reactor;
  /** Registers a reactor made by `defineReactor`. Throws as `onEvent`. */
  register<T extends TypeOf<E>>(reactor: ReactorDefinition<E, T>): Reactor;
  /**
   * Dispatches an event at every tick: one per tick, however many processes keep the schedule and whatever crashes. Its
   * headers `nexus-schedule` and `nexus-tick-at` (epoch ms) say which tick it is. Another `when`, `timezone` or `type`
   * under the same name replaces the schedule from then on, in all processes.
   *
   * @throws NexusError NEXUS_INVALID_OPTION, NEXUS_CRON_MISSING, NEXUS_SCHEDULE_NAME_TAKEN, NEXUS_CLOSED, and for type and payload as `dispatch`
   */
  schedule<T extends TypeOf<E>>(
    when: ScheduleWhen,
    type: T,
    payload: SchedulePayload<E, T>,
    options: ScheduleOptions,
  ): Schedule;
  /**
   * The log as it grows: everything after now, or after a `seq`, once and in order, as fast as it is read. Ends when the
   * signal aborts, when the loop is left, and when this Nexus closes; the `seq` of the last event read is where to go on.
   *
   * @throws NexusError NEXUS_POSITION_AHEAD, NEXUS_POSITION_PRUNED, NEXUS_CLOSED, NEXUS_STORAGE, and NEXUS_EVENT_NEWER or NEXUS_UPCAST_FAILED when a payload cannot be brought to the version this process knows (`details.seq` is the event's)
   */
  feed<const T extends TypeOf<E> = TypeOf<E>>(options?: FeedOptions<T>): AsyncIterable<EventOf<E, T>>;
  /**
   * The first event of a type after now, or after a `seq`, that matches.
   *
   * @throws NexusError NEXUS_TIMEOUT, NEXUS_POSITION_AHEAD, NEXUS_POSITION_PRUNED, NEXUS_CLOSED, and NEXUS_EVENT_NEWER or NEXUS_UPCAST_FAILED when its payload cannot be brought to the version this process knows
   */
  waitFor<T extends TypeOf<E>>(type: T, options?: WaitForOptions<E, T>): Promise<EventOf<E, T>>;
  /**
   * Resolves when every reactor of this process has passed the event and all its live deliveries are final; replays are
   * waited for by `replay`.
   *
   * @throws NexusError NEXUS_TIMEOUT (with the deliveries there are), NEXUS_NOT_FOUND, NEXUS_CLOSED
   */
  settled(eventId: string, options?: SettledOptions): Promise<Delivery[]>;
  /** Resolves when nothing is running and nothing is due now. */
  idle(): Promise<void>;
  /**
   * Runs reactors again over events that are in the log, and resolves when the replay is over. It is stored: it goes on
   * after a crash or a restart, in every process that has the reactor, beside live work and on at most half of a reactor's
   * slots. The live position stays. Children and results of `ctx.once` are those of the earlier run, unless `fresh`.
   *
   * @throws NexusError NEXUS_NOT_FOUND (a reactor), NEXUS_INVALID_OPTION, NEXUS_POSITION_AHEAD, NEXUS_POSITION_PRUNED (see `forgotten`), NEXUS_UNKNOWN_EVENT, NEXUS_CLOSED (the replay goes on at the next start)
   */
  replay(options: ReplayOptions): Promise<ReplayReport>;
  /** An event, who matched, every attempt (those of replays too), and its children. @throws NexusError NEXUS_NOT_FOUND */
  explain(eventId: string): Promise<Explanation>;
  /** The log: an event by its id, or page by page. */
  readonly events: EventReader;
  /** Deliveries: see them, have one made again, cancel one. */
  readonly deliveries: DeliveryDesk;
  /** Dead letters: see them, redrive them, discard them. */
  readonly deadLetters: DeadLetterDesk;
  /** Reactors, those of other processes included: see them, pause, resume, seek, remove. */
  readonly reactors: ReactorDesk;
  /** Replays, those begun elsewhere included: see and cancel them. */
  readonly replays: ReplayDesk;
  /** The nodes, changed while it runs; nothing is written down. */
  readonly nodes: NodeDesk;
  /** The log as evidence: verify it, vouch for it, redact events, prune its beginning. */
  readonly audit: Audit;
  /** The webhook endpoints of nodes. */
  readonly endpoints: EndpointDesk;
  /** Numbers of the moment; cheap enough to ask every few seconds. @throws NexusError as `start` */
  stats(): Promise<NexusStats>;
  /** Never throws. */
  health(): Promise<Health>;
  /** Listens to one of the library's own moments; a listener that throws hurts nobody. Returns its end. */
  on<K extends keyof NexusLifecycle>(name: K, listener: (moment: NexusLifecycle[K]) => unknown): () => void;
  /** Puts something around every dispatch and every call of a handler, for tracing. Returns its end. */
  instrument(instrument: Instrument): () => void;
  /**
   * Copies the whole storage into a new file while events flow. It has every event that was acknowledged before the call;
   * what was running is run again when the copy is. A copy that fails, or is cut short by `close`, leaves no file behind.
   *
   * @throws NexusError NEXUS_NOT_SUPPORTED, NEXUS_INVALID_OPTION (the path is taken), NEXUS_STORAGE, NEXUS_STORAGE_FULL, NEXUS_CLOSED
   */
  backup(path: string, options?: BackupOptions): Promise<void>;
  /** Drains and closes. Idempotent, never rejects, always settles. */
  close(options?: CloseOptions): Promise<CloseReport>;
}

/** For `waitFor`. */
export interface WaitForOptions<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> {
  /** Which one. @default the first of the type */
  match?: (event: EventOf<E, T>) => boolean;
  /** Look from this `seq` on. @default the head at the call */
  after?: number;
  /** How long to wait, milliseconds. @default 30_000 */
  timeoutMs?: number;
}

/** For `settled`. */
export interface SettledOptions {
  /** How long to wait, milliseconds. @default 30_000 */
  timeoutMs?: number;
  /** Wait for the events its handlers dispatched as well, and theirs. @default false */
  descendants?: boolean;
}
