/** NEØ Nexus: the embeddable, durable event bus of the NEØ Protocol. */
export { createNexus } from './create-nexus.js';
export {
  openCheckpoint,
  signCheckpoint,
  type CheckpointSigner,
  type CheckpointVerifier,
} from './checkpoint-note.js';
export { keepCheckpoints, type KeepCheckpointsOptions } from './keep-checkpoints.js';
export { loadPermissions, type LoadPermissionsOptions } from './load-permissions.js';
export { defineReactor } from './define-reactor.js';
export { loadReactors, type LoadReactorsOptions } from './load-reactors.js';
export { defineEvents } from './core/catalogue.js';
export { defineEvent } from './core/event-definition.js';
export { errorCodes, NexusError, NonRetryableError, RetryAfterError } from './core/errors.js';
export { ProtocolEvent } from './protocol/protocol-event.js';
export { protocolEvents } from './protocol/protocol-events.js';
export { memoryStorage } from './storage/memory/index.js';
export { createOutbox, loadSqliteDriver, sqliteStorage } from './storage/sqlite/index.js';

export type {
  AnyCatalogue,
  Catalogue,
  EventOf,
  InputOf,
  OutputOf,
  StandardSchemaV1,
  TypeOf,
} from './core/catalogue.js';
export type { Clock } from './core/clock.js';
export type { DeliveryState, EndReason } from './core/delivery.js';
export type { ErrorCode, Failure, NexusErrorOptions } from './core/errors.js';
export type { JsonObject, JsonValue, NexusEvent } from './core/event.js';
export type { EventDefinition, Upcaster } from './core/event-definition.js';
export type { PayloadIssue } from './core/payload.js';
export type { RateLimit } from './core/pace.js';
export type { RetryPolicy } from './core/retry.js';
export type {
  AdminActed,
  AttemptRecord,
  Audit,
  AuditBreak,
  AuditExtent,
  AuditFault,
  AuditReason,
  AuditReport,
  AttemptToBe,
  AuthDenied,
  BackupOptions,
  BackupProgress,
  Checkpoint,
  ChildOptions,
  CloseOptions,
  CloseReport,
  Commit,
  CommittedEvent,
  DeadLetterDesk,
  DeadLetterFilter,
  Delivery,
  DeliveryDesk,
  DeliveryFilter,
  DeliveryMoment,
  DeliveryTimes,
  Dispatched,
  DisabledReason,
  DispatchItem,
  DispatchOptions,
  EndpointDesk,
  EndpointInfo,
  EndpointTest,
  EventFilter,
  EventReader,
  Explanation,
  FeedOptions,
  Handler,
  Headers,
  Health,
  HttpAnswered,
  Instrument,
  LimitRefused,
  LoggerLike,
  LogLoss,
  Nexus,
  NexusEventDraft,
  NexusLifecycle,
  NexusOptions,
  NexusStats,
  NodeDesk,
  NodeInfo,
  Page,
  PruneHold,
  PruneOptions,
  PruneReport,
  Reactor,
  ReactorContext,
  ReactorDefinition,
  ReactorDesk,
  ReactorInfo,
  ReactorLag,
  ReactorOptions,
  Redaction,
  RetentionOptions,
  Schedule,
  ScheduleOptions,
  SchedulePayload,
  ScheduleWhen,
  Replay,
  ReplayDesk,
  ReplayedBefore,
  ReplayedReactor,
  ReplayFilter,
  ReplayOptions,
  ReplayProgress,
  ReplayReport,
  RotateOptions,
  SaidToBe,
  SettledOptions,
  SucceededDelivery,
  VerifyOptions,
  VerifyProgress,
  WaitForOptions,
  WebhookAttempt,
  WebhookOutcome,
  Within,
} from './nexus.js';
export type { NodeConfig, NodeSecret, NodeWebhook, SignatureName } from './nodes/node-config.js';
export type { Storage, StorageCapabilities } from './storage/storage.js';
export type { MemoryStorageOptions } from './storage/memory/index.js';
export type {
  OutboxOptions,
  SqliteLike,
  SqliteStatement,
  SqliteStorageOptions,
  SqliteValue,
} from './storage/sqlite/index.js';
