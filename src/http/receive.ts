/** What nodes say: `POST /events` and `POST /webhook/<name>`, from the bytes to the event. */
import { NexusError } from '../core/errors.js';
import type { Ingress } from '../nexus.js';
import type { Claim, Proof } from '../nodes/authenticate.js';
import type { Guard } from './guard.js';
import { ipOf, type Incoming } from './incoming.js';
import { refusalOfBody, refusalOfForm } from './json-body.js';
import { parseJson } from './parse-json.js';
import { json, problem, type Answer } from './problem.js';
import type { Body } from './request-body.js';
import { withTraceContext } from './trace-context.js';
import type { WebhookSource } from './webhook-source.js';

const eventKeys = new Set(['event', 'payload', 'idempotencyKey', 'correlationId', 'headers']);

/** What a request passes. */
export type Entrance = { readonly door: Ingress; readonly guard: Guard };

export async function receiveEvent(entrance: Entrance, request: Incoming): Promise<Answer> {
  const unsupported = refusalOfForm(request);
  if (unsupported) return unsupported;
  const claim = { node: request.header('x-nexus-node') };
  const verified = verify(entrance, request, claim, await request.body());
  if ('answer' in verified) return verified.answer;
  const { value } = verified;
  const unknown = unknownKeys(value);
  if (unknown.length > 0) {
    return problem(
      422,
      'NEXUS_INVALID_PAYLOAD',
      `unknown keys: ${unknown.slice(0, 5).join(', ').slice(0, 200)}; expected ${[...eventKeys].join(', ')}`,
    );
  }
  const { event, payload, idempotencyKey, correlationId, headers } = value;
  const wrong = optionsWrong(idempotencyKey, correlationId, headers);
  if (wrong !== undefined) return problem(422, 'NEXUS_INVALID_OPTION', wrong);
  const said: Said = { event, payload };
  if (idempotencyKey !== undefined) said.idempotencyKey = idempotencyKey as string;
  if (correlationId !== undefined) said.correlationId = correlationId as string;
  if (headers !== undefined) said.headers = headers as Record<string, string>;
  return await receive(entrance, request, verified, said);
}

function unknownKeys(value: Record<string, unknown>): string[] {
  const unknown: string[] = [];
  for (const key of Object.keys(value)) if (!eventKeys.has(key)) unknown.push(key);
  return unknown;
}

export async function receiveWebhook(
  entrance: Entrance,
  source: WebhookSource,
  request: Incoming,
): Promise<Answer> {
  const { node, signature } = source;
  const unsupported = refusalOfForm(request);
  if (unsupported) return unsupported;
  const claim = { node, ...(signature && { scheme: signature }) };
  const verified = verify(entrance, request, claim, await request.body());
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
  return await receive(entrance, request, verified, mapped);
}

type Verified = {
  readonly proof: Proof;
  readonly body: Uint8Array;
  readonly value: Record<string, unknown>;
};

/** Size and time of the body → signature over the raw bytes → limit of the node → JSON. */
function verify(
  { guard }: Entrance,
  request: Incoming,
  claim: Pick<Claim, 'node' | 'scheme'>,
  read: Body,
): Verified | { readonly answer: Answer } {
  if ('refused' in read) return { answer: refusalOfBody[read.refused] };
  const passed = guard.bySignature(request, { ...claim, body: read.bytes, header: request.header });
  if ('answer' in passed) return passed;
  const parsed = parseJson(read.bytes);
  if ('wrong' in parsed) return { answer: problem(400, 'NEXUS_BAD_REQUEST', parsed.wrong) };
  return { proof: passed.proof, body: read.bytes, value: parsed.value };
}

type Saying = Omit<Parameters<Ingress['receive']>[0], 'proof' | 'body' | 'type'>;
type Said = { -readonly [K in keyof Saying]: Saying[K] } & {
  /** From a body, or from a map that took it from there. */
  readonly event: unknown;
};

/** Permission → duplicate → schema → durable. */
async function receive(
  { door }: Entrance,
  request: Incoming,
  { proof, body }: Verified,
  { event, payload, idempotencyKey, correlationId, headers: given }: Said,
): Promise<Answer> {
  if (typeof event !== 'string')
    return problem(422, 'NEXUS_UNKNOWN_EVENT', '"event" must be the name of an event type');
  try {
    const headers = withTraceContext(given, request.header);
    return answer(
      await door.receive({ proof, body, type: event, payload, idempotencyKey, correlationId, headers }),
    );
  } catch (error) {
    if (NexusError.is(error, 'NEXUS_PERMISSION_DENIED'))
      door.denied({ node: proof.node, reason: 'permission', ip: ipOf(request) });
    throw error;
  }
}

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
