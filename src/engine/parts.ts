/** What the engine is made from; the door chooses it. */
import type { Catalogue } from '../core/catalogue.js';
import type { Sha256 } from '../core/chain.js';
import type { Clock } from '../core/clock.js';
import type { KeepFor } from '../core/retention.js';
import type { FullRetryPolicy } from '../core/retry.js';
import type { LoggerLike, NodeDesk } from '../nexus.js';
import type { Outbox } from '../storage/outbox.js';
import type { SqliteLike } from '../storage/sqlite-like.js';
import type { Storage } from '../storage/storage.js';

/** Everything that is chosen outside of the engine, with defaults filled in. */
export interface EngineParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: LoggerLike;
  readonly sha256: Sha256;
  /** `digits` random lower-case hex digits. */
  readonly randomHex: (digits: number) => string;
  /** 0..1 */
  readonly random: () => number;
  /** Undefined: any type, any JSON object. */
  readonly catalogue: Catalogue | undefined;
  /** The host's own node. */
  readonly node: string;
  /** Whether a foreign node may dispatch a type. */
  readonly mayDispatch: (node: string, type: string) => boolean;
  readonly nodes: NodeDesk;
  readonly retry: FullRetryPolicy;
  readonly concurrency: number;
  readonly maxInFlight: number;
  readonly leaseMs: number;
  readonly maxPayloadBytes: number;
  readonly retention: KeepFor;
  readonly autoStart: boolean;
  /** Keeps the process alive while somebody waits, for the clock's timers do not. Returns its end. */
  readonly stayAwake: () => () => void;
  /** The outbox of a database of the host. @throws NexusError NEXUS_OUTBOX and its kin */
  readonly outboxOf: (db: SqliteLike) => Outbox;
}
