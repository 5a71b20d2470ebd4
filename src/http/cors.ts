/** Which browser pages may speak: origins by exact match, without credentials. */
import { NexusError } from '../core/errors.js';
import type { HeaderOf } from '../nodes/signatures.js';
import type { Answer } from './problem.js';

export type Cors = (
  answer: Answer,
  request: { readonly method: string; readonly header: HeaderOf },
) => Answer;

const ALLOWED_HEADERS =
  'authorization, content-type, last-event-id, webhook-id, webhook-signature, webhook-timestamp, x-nexus-node, x-nexus-signature';
const PREFLIGHT_SECONDS = 600;

/** Adds to an answer what its page needs; undefined: nothing. @throws NexusError NEXUS_INVALID_OPTION */
export function createCors(options: { readonly origins: readonly string[] } | undefined): Cors | undefined {
  if (options === undefined) return undefined;
  const origins = new Set(check(options.origins));
  return (answer, { method, header }) => {
    const origin = header('origin');
    const asked = method === 'OPTIONS' && header('access-control-request-method') !== undefined;
    // Also for those that are not allowed: a cache must not give one page's answer to another.
    const vary = { vary: 'Origin' };
    if (origin === undefined || !origins.has(origin))
      return { ...answer, headers: { ...answer.headers, ...vary } };
    return {
      ...answer,
      headers: {
        ...answer.headers,
        ...vary,
        'access-control-allow-origin': origin,
        ...(asked
          ? {
              'access-control-allow-methods': answer.headers.allow ?? '',
              'access-control-allow-headers': ALLOWED_HEADERS,
              'access-control-max-age': String(PREFLIGHT_SECONDS),
            }
          : { 'access-control-expose-headers': 'retry-after, nexus-log-id' }),
      },
    };
  };
}

function check(origins: unknown): readonly string[] {
  const isOrigin = (each: unknown): each is string =>
    typeof each === 'string' && URL.canParse(each) && new URL(each).origin === each;
  if (Array.isArray(origins) && origins.every(isOrigin)) return origins;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `cors.origins must be a list of origins such as "https://app.example.com", without path or wildcard; got ${JSON.stringify(origins)}`,
    { details: { option: 'cors.origins' } },
  );
}
