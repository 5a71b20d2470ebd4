/** A body that is to be JSON: its form before it is read, and what is answered where it cannot be. */
import type { Incoming } from './incoming.js';
import { problem, type Answer } from './problem.js';
import type { Body } from './request-body.js';

/** What is answered to a body that is not sent as JSON, or is compressed. */
export function refusalOfForm(request: Pick<Incoming, 'header'>): Answer | undefined {
  const given = request.header('content-type');
  if (given !== undefined && given !== 'application/json' && !isJson(given))
    return problem(415, 'NEXUS_UNSUPPORTED_MEDIA_TYPE', 'send application/json');
  const encoding = request.header('content-encoding');
  if (encoding === undefined || encoding === 'identity') return undefined;
  return problem(415, 'NEXUS_UNSUPPORTED_MEDIA_TYPE', 'send the body without content-encoding');
}

function isJson(contentType: string): boolean {
  const type = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  return type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type);
}

/** What is answered to a body that did not arrive. */
export const refusalOfBody: Readonly<Record<Extract<Body, { refused: string }>['refused'], Answer>> = {
  too_large: problem(413, 'NEXUS_BODY_TOO_LARGE', 'the body is larger than this server takes', {
    headers: { connection: 'close' },
  }),
  too_slow: problem(408, 'NEXUS_BODY_TIMEOUT', 'the body did not arrive in time', {
    headers: { connection: 'close' },
  }),
  too_many: problem(503, 'NEXUS_OVERLOADED', 'too many bodies at once; send the same request again later', {
    headers: { connection: 'close' },
  }),
  aborted: problem(400, 'NEXUS_BAD_REQUEST', 'the body ended early', { headers: { connection: 'close' } }),
};
