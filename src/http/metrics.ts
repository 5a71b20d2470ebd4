/** `GET /metrics`: the text that Prometheus scrapes, for everybody or for who has the token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { NexusError } from '../core/errors.js';
import type { Incoming } from './incoming.js';
import { unauthenticated, type Answer } from './problem.js';

/** Where the text comes from: what `createMetrics` gives, or anything like it. */
export interface MetricsSource {
  /** What the answer is sent as. */
  readonly contentType: string;
  /** The text of this moment. */
  text(): Promise<string>;
  /** Who asks must send it as `Authorization: Bearer`, 16 characters at least. @default everybody may ask */
  readonly token?: string;
}

/** @throws NexusError NEXUS_INVALID_OPTION */
export function checkMetrics(source: MetricsSource): MetricsSource {
  const { contentType, text, token } = source as Partial<Record<keyof MetricsSource, unknown>>;
  if (typeof contentType !== 'string' || typeof text !== 'function')
    throw invalid('metrics', 'what createMetrics gives: { contentType, text }');
  // An empty variable of the environment must not open the door.
  if (token !== undefined && (typeof token !== 'string' || token.length < 16))
    throw invalid('metrics.token', 'a string of at least 16 characters; leave it out to let everybody ask');
  return source;
}

export function serveMetrics(source: MetricsSource): (request: Incoming) => Promise<Answer> {
  const { token } = source;
  const expected = token === undefined ? undefined : digest(token);
  return async (request) => {
    if (expected) {
      const given = /^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '')?.[1] ?? '';
      if (!timingSafeEqual(digest(given), expected)) return unauthenticated;
    }
    return {
      status: 200,
      headers: {
        'content-type': source.contentType,
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      },
      body: await source.text(),
    };
  };
}

/** Of equal length, whatever is given. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function invalid(option: string, expected: string): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${option} must be ${expected}`, {
    details: { option, expected },
  });
}
