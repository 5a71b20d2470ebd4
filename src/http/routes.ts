/** One request, from path to answer, in the order in which a stranger may make Nexus work. */
import type { Ingress, Nexus, NexusWithIngress } from '../nexus.js';
import { ingress } from '../nexus.js';
import { nexusSignature } from '../nodes/signatures.js';
import { parseJson } from './parse-json.js';
import { json, problem, problemOf, unauthenticated, type Answer } from './problem.js';
import type { Body } from './request-body.js';
import type { WebhookSource } from './webhook-source.js';

/** What the routes need of a request. */
export type Incoming = {
  readonly method: string;
  /** Below the base path, without query. */
  readonly path: string;
  readonly header: (name: string) => string | undefined;
  readonly body: () => Promise<Body>;
};

/** The part of a Nexus that is served. */
export type Served = Pick<Nexus, 'health'> & NexusWithIngress;

/** Undefined where the path is not one of Nexus's. */
export type Routes = (request: Incoming) => Promise<Answer> | undefined;

const eventKeys = new Set(['event', 'payload', 'idempotencyKey', 'correlationId', 'headers']);
const signature = nexusSignature();

export function createRoutes(nexus: Served, webhooks: ReadonlyMap<string, WebhookSource>): Routes {
  const door: Ingress = nexus[ingress];
  return (request) => {
    const { path } = request;
    if (path === '/events') return post(request, () => receiveEvent(door, request));
    if (path === '/health' || path === '/health/live' || path === '/health/ready')
      return health(nexus, request);
    const webhook = /^\/webhook\/([^/]+)$/.exec(path)?.[1];
    if (webhook === undefined) return undefined;
    const source = webhooks.get(webhook);
    return source && post(request, () => receiveWebhook(door, source, request));
  };
}

async function post(request: Incoming, receive: () => Promise<Answer>): Promise<Answer> {
  if (request.method !== 'POST') return notAllowed(request, 'POST');
  const type = request.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && type !== 'application/json' && !type.endsWith('+json')) {
    return problem(415, 'NEXUS_UNSUPPORTED_MEDIA_TYPE', 'send application/json');
  }
  const encoding = request.header('content-encoding');
  if (encoding !== undefined && encoding !== 'identity')
    return problem(415, 'NEXUS_UNSUPPORTED_MEDIA_TYPE', 'send the body without content-encoding');
  try {
    return await receive();
  } catch (error) {
    return problemOf(error);
  }
}

async function receiveEvent(door: Ingress, request: Incoming): Promise<Answer> {
  const verified = await verify(door, request, { node: request.header('x-nexus-node'), scheme: signature });
  if ('answer' in verified) return verified.answer;
  const { node, body, value } = verified;
  const unknown = Object.keys(value).filter((key) => !eventKeys.has(key));
  if (unknown.length > 0) {
    return problem(
      422,
      'NEXUS_INVALID_PAYLOAD',
      `unknown keys: ${unknown.slice(0, 5).join(', ').slice(0, 200)}; expected ${[...eventKeys].join(', ')}`,
    );
  }
  const { event, payload, idempotencyKey, correlationId, headers } = value;
  if (typeof event !== 'string')
    return problem(422, 'NEXUS_UNKNOWN_EVENT', '"event" must be the name of an event type');
  const wrong = optionsWrong(idempotencyKey, correlationId, headers);
  if (wrong !== undefined) return problem(422, 'NEXUS_INVALID_OPTION', wrong);
  return answer(
    await door.receive({
      node,
      type: event,
      payload,
      body,
      ...(idempotencyKey !== undefined && { idempotencyKey: idempotencyKey as string }),
      ...(correlationId !== undefined && { correlationId: correlationId as string }),
      ...(headers !== undefined && { headers: headers as Record<string, string> }),
    }),
  );
}

async function receiveWebhook(door: Ingress, source: WebhookSource, request: Incoming): Promise<Answer> {
  const verified = await verify(door, request, { node: source.node, scheme: source.signature ?? signature });
  if ('answer' in verified) return verified.answer;
  let mapped;
  try {
    mapped = source.map(verified.value, request.header);
  } catch (error) {
    return problem(
      422,
      'NEXUS_INVALID_PAYLOAD',
      error instanceof Error ? error.message : 'the body is not what was agreed',
    );
  }
  if ('ignored' in mapped) return json(200, { status: 'ignored', reason: mapped.ignored });
  const { event, ...said } = mapped;
  return answer(await door.receive({ ...said, node: verified.node, type: event, body: verified.body }));
}

type Verified =
  | { readonly node: string; readonly body: Uint8Array; readonly value: Record<string, unknown> }
  | { readonly answer: Answer };

/** Size and time → signature over the raw bytes → JSON. */
async function verify(
  door: Ingress,
  request: Incoming,
  claim: Pick<Parameters<Ingress['authenticate']>[0], 'node' | 'scheme'>,
): Promise<Verified> {
  const read = await request.body();
  if ('refused' in read) return { answer: refusals[read.refused] };
  const node = door.authenticate({ ...claim, body: read.bytes, header: request.header });
  if (node === undefined) return { answer: unauthenticated };
  const parsed = parseJson(read.bytes);
  if ('wrong' in parsed) return { answer: problem(400, 'NEXUS_BAD_REQUEST', parsed.wrong) };
  return { node, body: read.bytes, value: parsed.value };
}

const refusals: Readonly<Record<Extract<Body, { refused: string }>['refused'], Answer>> = {
  too_large: problem(413, 'NEXUS_BODY_TOO_LARGE', 'the body is larger than this server takes', {
    headers: { connection: 'close' },
  }),
  too_slow: problem(408, 'NEXUS_BODY_TIMEOUT', 'the body did not arrive in time', {
    headers: { connection: 'close' },
  }),
  aborted: problem(400, 'NEXUS_BAD_REQUEST', 'the body ended early', { headers: { connection: 'close' } }),
};

function optionsWrong(idempotencyKey: unknown, correlationId: unknown, headers: unknown): string | undefined {
  if (idempotencyKey !== undefined && typeof idempotencyKey !== 'string')
    return '"idempotencyKey" must be a string';
  if (correlationId !== undefined && typeof correlationId !== 'string')
    return '"correlationId" must be a string';
  if (headers !== undefined && (typeof headers !== 'object' || headers === null || Array.isArray(headers)))
    return '"headers" must be an object of strings';
  return undefined;
}

function answer({ id, seq, type, timestamp, duplicate }: Awaited<ReturnType<Ingress['receive']>>): Answer {
  return duplicate
    ? json(200, {
        status: 'duplicate',
        event: type,
        eventId: id,
        seq,
        timestamp,
        duplicate,
        firstSeenAt: timestamp,
      })
    : json(202, { status: 'dispatched', event: type, eventId: id, seq, timestamp, duplicate });
}

async function health(nexus: Served, request: Incoming): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed(request, 'GET, HEAD');
  if (request.path === '/health/live') return json(200, { status: 'ok' });
  const { status, reasons, head } = await nexus.health();
  // Reasons may name what is nobody's business; the host has them from nexus.health().
  return json(
    status === 'down' ? 503 : 200,
    { status, head, reasons: reasons.length },
    { 'cache-control': 'no-store' },
  );
}

function notAllowed(request: Incoming, allow: string): Answer {
  if (request.method === 'OPTIONS') return { status: 204, headers: { allow: `${allow}, OPTIONS` }, body: '' };
  return problem(405, 'NEXUS_METHOD_NOT_ALLOWED', `use ${allow}`, {
    headers: { allow: `${allow}, OPTIONS` },
  });
}
