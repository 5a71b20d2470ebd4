/** What went wrong between here and the Nexus, as an error with a code, and whether trying again can help. */
import { NexusError, type ErrorCode } from '../core/errors.js';

/** Whether the same may succeed later, when nothing but time has changed. */
export function isTransient(error: NexusError): boolean {
  const { status, retryable } = error.details;
  // The host has mounted Nexus behind a body parser: no attempt will do.
  if (error.code === 'NEXUS_RAW_BODY_CONSUMED') return false;
  if (retryable !== undefined) return retryable === true;
  if (typeof status === 'number') return status >= 500 || [408, 425, 429].includes(status);
  return !/^NEXUS_(UNAUTHENTICATED|PERMISSION|POSITION|BAD_REQUEST|INVALID|NOT_|UNKNOWN|HANDLER)/.test(
    error.code,
  );
}

/** The error in an answer that is none of success: its problem's code, its message, how long to wait. */
export async function failureOf(response: Response, what: string): Promise<NexusError> {
  const { status } = response;
  // A body that breaks off says nothing; the status is known all the same.
  const problem = objectIn(await response.text().catch(() => ''));
  const retryAfterMs = retryAfterOf(response.headers.get('retry-after'));
  const details = {
    status,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(problem.issues !== undefined && { issues: problem.issues }),
  };
  if (typeof problem.code === 'string')
    return new NexusError(problem.code as ErrorCode, `${what}: ${String(problem.detail)}`, { details });
  return new NexusError(
    'NEXUS_UNREACHABLE',
    `${what}: answered ${status} by something that is no Nexus; is the handler mounted at this url?`,
    { details },
  );
}

/** The error for a request that was not answered at all. */
export function unreachable(what: string, cause?: unknown): NexusError {
  const why = cause instanceof Error ? cause.message : 'no answer';
  return new NexusError('NEXUS_UNREACHABLE', `${what}: ${why}`, { cause, details: {} });
}

/** The error for a client that was closed. */
export function closed(): NexusError {
  return new NexusError('NEXUS_CLOSED', 'the client is closed; create a new one', {
    details: { retryable: false },
  });
}

export function invalidOption(option: string, expected: string): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${option} must be ${expected}`, {
    details: { option, expected },
  });
}

/** The object of a JSON text; an empty one where it is none. */
export function objectIn(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** `Retry-After`, which is seconds or a date, as milliseconds from now. */
function retryAfterOf(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
