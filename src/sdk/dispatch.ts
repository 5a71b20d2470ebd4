/** Dispatching from afar: one body, signed, sent until it is answered, one event however often it arrives. */
import type { Catalogue } from '../core/catalogue.js';
import { NexusError } from '../core/errors.js';
import { closed, failureOf, isTransient, objectIn, unreachable } from './failure.js';
import { jsonBody } from './json-body.js';
import { credentialOf, type Settings } from './options.js';
import { backoffMs, follow, pause, within, type Followable } from './pause.js';
import { signRequest } from './sign-request.js';
import { bytesOf, randomId } from './web-crypto.js';

/** For `dispatch` of a client. */
export interface RemoteDispatchOptions {
  /** The same key again gives the first event back, for ever. @default a random one, so that attempts are one event */
  idempotencyKey?: string;
  /** @default the event's own id */
  correlationId?: string;
  /** Small text beside the payload. @default none */
  headers?: Record<string, string>;
  /** Gives up; the event may have been stored. @default never */
  signal?: AbortSignal;
}

/** What the Nexus answered: the event is durable. */
export interface RemoteDispatched<T extends string = string> {
  readonly id: string;
  readonly seq: number;
  readonly type: T;
  /** Epoch ms. */
  readonly timestamp: number;
  /** True when it was said before under the caller's key: then `id`, `seq` and `timestamp` are the first one's. */
  readonly duplicate: boolean;
}

/** What is sent, the same at each attempt. `id` is that of Standard Webhooks. */
type Letter = { readonly id: string; readonly body: Uint8Array; readonly key: string; readonly what: string };

export async function dispatchFrom(
  settings: Settings,
  life: Followable,
  said: { readonly type: string; readonly payload: unknown; readonly options: RemoteDispatchOptions },
): Promise<RemoteDispatched> {
  const { type, payload, options } = said;
  const { idempotencyKey = `sdk-${randomId()}`, correlationId, headers, signal } = options;
  await check(settings.events, type, payload);
  const body = jsonBody(type, { event: type, payload, idempotencyKey, correlationId, headers });
  const letter = {
    id: `msg_${randomId()}`,
    body: bytesOf(body),
    key: idempotencyKey,
    what: `dispatch of ${type}`,
  };
  const ends = follow(life, signal);
  const answer = await deliver(settings, letter, ends.signal).finally(ends.release);
  // With a key of ours alone it was this very call that said it before.
  if (answer && 'id' in answer)
    return options.idempotencyKey === undefined ? { ...answer, duplicate: false } : answer;
  signal?.throwIfAborted();
  throw answer && !life.aborted ? answer : closed();
}

/** Attempt after attempt, until there is an answer, no hope, or no time; undefined when it was aborted. */
async function deliver(
  settings: Settings,
  letter: Letter,
  signal: AbortSignal,
): Promise<RemoteDispatched | NexusError | undefined> {
  const giveUpAt = Date.now() + settings.deadlineMs;
  let unknown = false;
  let refused: { readonly secret: string; readonly error: NexusError } | undefined;
  for (let attempt = 1; !signal.aborted; attempt++) {
    const secret = await credentialOf('secret', settings.secret, 'dispatch');
    if (secret === refused?.secret) return refused.error;
    const timeoutMs = Math.min(settings.timeoutMs, giveUpAt - Date.now());
    const answer = await post(settings, { ...letter, secret, timeoutMs }, signal);
    if (!(answer instanceof NexusError)) return answer;
    unknown ||= answer.code === 'NEXUS_UNREACHABLE' || answer.details.status === 500;
    const error = new NexusError(answer.code, answer.message, {
      cause: answer.cause,
      details: {
        ...answer.details,
        attempts: attempt,
        idempotencyKey: letter.key,
        outcome: unknown ? 'unknown' : 'not_stored',
      },
    });
    // A secret that is replaced meanwhile deserves another attempt, the same one does not.
    const mayBeReplaced = answer.details.status === 401 && typeof settings.secret === 'function';
    if (mayBeReplaced) refused = { secret, error };
    const delayMs = backoffMs(attempt, settings.retry, answer.details.retryAfterMs as number | undefined);
    const isOver = attempt >= settings.retry.maxAttempts || Date.now() + delayMs >= giveUpAt;
    if (isOver || !(isTransient(answer) || mayBeReplaced)) return error;
    await pause(delayMs, signal);
  }
  return undefined;
}

/** One attempt. */
async function post(
  settings: Settings,
  { id, body, what, secret, timeoutMs }: Letter & { readonly secret: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<RemoteDispatched | NexusError> {
  const { url, node, signature } = settings;
  const signed = await signRequest(body, secret, {
    id,
    signatures: [signature],
    ...(node !== undefined && { node }),
  });
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...signed },
    body: body as Uint8Array<ArrayBuffer>,
    // A signed request is for this address alone.
    redirect: 'manual',
  } as const;
  try {
    return await within(timeoutMs, signal, async (inTime) => {
      const response = await settings.fetch(`${url}/events`, { ...request, signal: inTime });
      if (!response.ok) return await failureOf(response, what);
      return dispatchedIn(await response.text()) ?? notOurs(what);
    });
  } catch (cause) {
    return unreachable(what, cause);
  }
}

function dispatchedIn(text: string): RemoteDispatched | undefined {
  const { eventId, seq, event, timestamp, duplicate } = objectIn(text);
  if (typeof eventId !== 'string' || typeof seq !== 'number') return undefined;
  return {
    id: eventId,
    seq,
    type: String(event),
    timestamp: Number(timestamp),
    duplicate: duplicate === true,
  };
}

async function check(events: Catalogue | undefined, type: string, payload: unknown): Promise<void> {
  if (events === undefined) return;
  const entry = Object.hasOwn(events, type) ? events[type] : undefined;
  if (entry === undefined)
    throw new NexusError('NEXUS_UNKNOWN_EVENT', `${type} is not in the catalogue of this client`, {
      details: { type },
    });
  const schema = 'schema' in entry ? entry.schema : entry;
  const { issues } = await schema['~standard'].validate(payload);
  if (issues)
    throw new NexusError(
      'NEXUS_INVALID_PAYLOAD',
      `the payload of ${type}: ${issues[0]?.message ?? 'invalid'}`,
      {
        details: { type, issues },
      },
    );
}

function notOurs(what: string): NexusError {
  return new NexusError('NEXUS_UNREACHABLE', `${what}: what answered is no Nexus; check the option url`, {
    details: { retryable: false },
  });
}
