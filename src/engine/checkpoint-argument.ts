/** A checkpoint that comes back from where it was kept. */
import { invalidArgument } from '../core/arguments.js';
import type { Checkpoint } from '../nexus.js';

/** @throws NexusError NEXUS_INVALID_OPTION */
export function checkpointArgument(given: unknown): Checkpoint {
  const { logId, seq, hash, at = 0 } = (given ?? {}) as Partial<Checkpoint>;
  const isHash = typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
  if (typeof logId === 'string' && isSeq(seq) && isHash) return { logId, seq, hash, at };
  throw invalidArgument('checkpoint', 'what audit.checkpoint() gave: { logId, seq, hash, at }', given);
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
