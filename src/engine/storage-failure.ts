/** What a failed commit means for the work in it. */
import { NexusError } from '../core/errors.js';

/**
 * `refused`: something in the batch cannot be stored. `full`: nothing can be stored until there is space. `no_room`: new
 * events cannot, the rest can.
 * `later`: the same batch may succeed. `unsure`: so it may, and it may have been stored already.
 */
export type FailureKind = 'refused' | 'full' | 'no_room' | 'later' | 'unsure';

/** The kind of an error thrown by a storage. Errors that are not its own are the batch's fault. */
export function kindOfFailure(error: unknown): FailureKind {
  if (!NexusError.is(error)) return 'refused';
  if (error.code !== 'NEXUS_STORAGE' && error.code !== 'NEXUS_STORAGE_FULL') return 'refused';
  if (error.details.outcome === 'unknown') return 'unsure';
  if (error.code === 'NEXUS_STORAGE_FULL') return error.details.eventsOnly === true ? 'no_room' : 'full';
  return error.details.retryable === true ? 'later' : 'refused';
}
