/** When a delivery that an endpoint did not take is tried again: soon at first, then over more than two days. */
import { NexusError } from '../core/errors.js';
import { defaultRetry, retryPolicy, type FullRetryPolicy, type RetryPolicy } from '../core/retry.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** After the first attempt, the second …; there is one attempt more than delays. */
const SCHEDULE_MS: readonly number[] = [
  5_000,
  30_000,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  HOUR_MS,
  3 * HOUR_MS,
  8 * HOUR_MS,
  16 * HOUR_MS,
  24 * HOUR_MS,
];

/** A policy of a webhook, over the schedule; who says how delays grow has no schedule. */
export function webhookRetry(given: RetryPolicy = {}): FullRetryPolicy {
  const grows = given.backoff !== undefined || given.initialMs !== undefined || given.factor !== undefined;
  return retryPolicy(given, {
    ...defaultRetry,
    maxAttempts: SCHEDULE_MS.length + 1,
    maxMs: 24 * HOUR_MS,
    backoff: grows ? 'exponential' : scheduled,
  });
}

/** What the endpoint asked for, where that is later. */
function scheduled(attempt: number, error: unknown): number {
  const delay = SCHEDULE_MS[Math.min(attempt, SCHEDULE_MS.length) - 1] ?? 0;
  const asked = NexusError.is(error, 'NEXUS_ENDPOINT_FAILED') ? error.details.retryAfterMs : undefined;
  return typeof asked === 'number' ? Math.max(delay, asked) : delay;
}
