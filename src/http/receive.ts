/** What nodes say: `POST /events` and `POST /webhook/<name>`, from the bytes to the event. */
import { NexusError } from '../core/errors.js';
import type { Dispatched, Ingress } from '../nexus.js';
import type { Claim } from '../nodes/authenticate.js';
import type { Guard, Passed } from './guard.js';
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

export function receiveEvent(entrance: Entrance, request: Incoming): Promise<Answer> {
  return receive(entrance, request, { node: request.header('x-nexus-node') }, eventOf);
}

export function receiveWebhook(
  entrance: Entrance,
  source: WebhookSource,
  request: Incoming,
): Promise<Answer> {
  const { node, signature } = source;
  const claim = { node, ...(signature && { scheme: signature }) };
  return receive(entrance, request, claim, (body) => {
    let mapped;
    try {
      mapped = source.map(body, request.header);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'the body is not what was agreed';
      return { answer: problem(422, 'NEXUS_INVALID_PAYLOAD', message) };
    }
    if (!('ignored' in mapped)) return { said: mapped };
    return { answer: json(200, { status: 'ignored', reason: mapped.ignored }) };
  });
}

/** What a body says, or what to answer. */
type Meaning = (body: Record<string, unknown>) => Passed<{ readonly said: Said }>;
type Said = Omit<Parameters<Ingress['receive']>[0], 'proof' | 'body' | 'type'> & {
  /** From a body, or from a map that took it from there. */
  readonly event: unknown;
};

/** Form → size and time of the body → what {@link take} does. */
async function receive(
  entrance: Entrance,
  request: Incoming,
  claim: Pick<Claim, 'node' | 'scheme'>,
  meaningOf: Meaning,
): Promise<Answer> {
  const unsupported = refusalOfForm(request);
  if (unsupported) return unsupported;
  const taken = take(entrance, request, claim, await request.body(), meaningOf);
  return 'answer' in taken ? taken.answer : answer(await taken);
}

/**
 * Signature over the raw bytes → limit of the node → JSON → what it says → permission → duplicate → schema → durable. Apart
 * from what waits for it, so that a request that waits for its commit keeps none of this in memory.
 *
 * @throws NexusError NEXUS_PERMISSION_DENIED
 */
function take(
  { door, guard }: Entrance,
  request: Incoming,
  { node, scheme }: Pick<Claim, 'node' | 'scheme'>,
  read: Body,
  meaningOf: Meaning,
): Passed<Promise<Dispatched>> {
  if ('refused' in read) return { answer: refusalOfBody[read.refused] };
  const { header } = request;
  const { bytes: body } = read;
  const passed = guard.bySignature(request, { node, body, header, ...(scheme && { scheme }) });
  if ('answer' in passed) return passed;
  const parsed = parseJson(body);
  if ('wrong' in parsed) return { answer: problem(400, 'NEXUS_BAD_REQUEST', parsed.wrong) };
  const meaning = meaningOf(parsed.value);
  if ('answer' in meaning) return meaning;
  const { event: type, payload, idempotencyKey, correlationId, headers: given } = meaning.said;
  if (typeof type !== 'string')
    return { answer: problem(422, 'NEXUS_UNKNOWN_EVENT', '"event" must be the name of an event type') };
  const { proof } = passed;
  const headers = withTraceContext(given, header);
  try {
    return door.receive({ proof, body, type, payload, idempotencyKey, correlationId, headers });
  } catch (error) {
    if (NexusError.is(error, 'NEXUS_PERMISSION_DENIED'))
      door.denied({ node: proof.node, reason: 'permission', ip: ipOf(request) });
    throw error;
  }
}

/** What the body of `POST /events` says. */
function eventOf(body: Record<string, unknown>): ReturnType<Meaning> {
  const unknown = unknownKeys(body);
  if (unknown.length > 0) {
    const named = unknown.slice(0, 5).join(', ').slice(0, 200);
    const detail = `unknown keys: ${named}; expected ${[...eventKeys].join(', ')}`;
    return { answer: problem(422, 'NEXUS_INVALID_PAYLOAD', detail) };
  }
  const { event, payload, idempotencyKey, correlationId, headers } = body;
  const wrong = optionsWrong(idempotencyKey, correlationId, headers);
  if (wrong !== undefined) return { answer: problem(422, 'NEXUS_INVALID_OPTION', wrong) };
  return {
    said: {
      event,
      payload,
      idempotencyKey: idempotencyKey as string | undefined,
      correlationId: correlationId as string | undefined,
      headers: headers as Record<string, string> | undefined,
    },
  };
}

function unknownKeys(value: Record<string, unknown>): string[] {
  const unknown: string[] = [];
  for (const key of Object.keys(value)) if (!eventKeys.has(key)) unknown.push(key);
  return unknown;
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

function answer({ id, seq, type, timestamp, duplicate }: Dispatched): Answer {
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
