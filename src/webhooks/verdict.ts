/** What an endpoint's answer means. */
import { NexusError } from '../core/errors.js';
import type { WebhookOutcome } from '../nexus.js';
import { endpointFailed, type Exchanged } from './exchange.js';

export type Verdict =
  | { readonly outcome: 'delivered' }
  | { readonly outcome: Exclude<WebhookOutcome, 'delivered' | 'postponed'>; readonly error: NexusError }
  | { readonly outcome: 'postponed'; readonly error: NexusError; readonly afterMs: number };

/** So often an endpoint may have a delivery put off without spending an attempt; from then on it is later, but it counts. */
const MOST_POSTPONEMENTS = 20;
/** What an endpoint may ask for, at the least and at the most. */
const LEAST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 24 * 3_600_000;

export function verdictOf(
  node: string,
  { status, error, retryAfterMs }: Exchanged,
  /** Of this delivery so far. */
  postponed: number,
): Verdict {
  if (error) return { outcome: NexusError.is(error, 'NEXUS_ADDRESS_BLOCKED') ? 'blocked' : 'failed', error };
  const code = status ?? 0;
  if (code >= 200 && code <= 299) return { outcome: 'delivered' };
  const says = `the endpoint of ${node} answered ${code}`;
  if (code === 410)
    return { outcome: 'gone', error: endpointFailed(`${says}: it wants nothing more`, { status: code }) };
  if (code >= 300 && code <= 399)
    return {
      outcome: 'failed',
      error: endpointFailed(`${says}; redirects are never followed, so set webhook.url to where it leads`, {
        status: code,
      }),
    };
  if ((code !== 429 && code !== 503) || retryAfterMs === undefined)
    return { outcome: 'failed', error: endpointFailed(says, { status: code }) };
  const afterMs = Math.min(Math.max(retryAfterMs, LEAST_WAIT_MS), LONGEST_WAIT_MS);
  const asked = endpointFailed(`${says} and asks to wait ${afterMs} ms`, {
    status: code,
    retryAfterMs: afterMs,
  });
  if (postponed >= MOST_POSTPONEMENTS) return { outcome: 'failed', error: asked };
  return { outcome: 'postponed', error: asked, afterMs };
}
