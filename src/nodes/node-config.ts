/** What is known of another node. */
import type { RetryPolicy } from '../core/retry.js';

/** A node's identity and permissions. Deny by default. */
export interface NodeConfig {
  /** At least 16 bytes each; several at once while one is being replaced. */
  secrets: string[];
  /** The signature schemes it may use. @default ['nexus'] */
  signatures?: ('nexus' | 'standard')[];
  /** Whether requests that do not name their node are tried against it. @default false */
  unnamed?: boolean;
  /** Event types it may dispatch: names, `*`, or a prefix and `*`. @default [] */
  dispatch?: string[];
  /** Event types it may read. @default [] */
  subscribe?: string[];
  /** Where it wants its events delivered. */
  webhook?: { url: string; events?: string[]; timeoutMs?: number; retry?: RetryPolicy };
}
