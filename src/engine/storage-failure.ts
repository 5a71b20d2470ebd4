/** What a failed commit means for the work in it. */
import { NexusError } from '../core/errors.js';

/**
 * `refused`: something in the batch cannot be stored. `full`: nothing can be stored until there is space.
 * `later`: the same batch may succeed. `unsure`: so it may, and it may have been stored already.
 */
export type FailureKind = 'refused' | 'full' | 'later' | 'unsure';

/** The kind of an error thrown by a storage. Errors that are not its own are the batch's fault. */
export function kindOfFailure(error: unknown): FailureKind {
  if (!NexusError.is(error)) return 'refused';
  if (error.code === 'NEXUS_STORAGE_FULL') return 'full';
  if (error.code !== 'NEXUS_STORAGE') return 'refused';
  if (error.details.outcome === 'unknown') return 'unsure';
  return error.details.retryable === true ? 'later' : 'refused';
}
