/** The door for the edges: what they are told of the nodes, and how what a node said becomes an event. */
import { createHash, hash } from 'node:crypto';
import { describeFailure, NexusError } from './core/errors.js';
import type { Engine } from './engine/engine.js';
import type { DispatchOptions, Dispatched, Ingress, LoggerLike } from './nexus.js';
import type { Storage } from './storage/storage.js';
import type { NodeRegistry } from './nodes/node-registry.js';
import { may } from './nodes/permissions.js';

/** 128 bits of the hash, which is what storages know as a fingerprint (see the keys of `NewEvent`). */
const KEY_DIGITS = 32;

export function createIngress(options: {
  engine: Engine;
  storage: Pick<Storage, 'read'>;
  registry: NodeRegistry;
  logger: LoggerLike;
  /** Epoch ms. */
  now: () => number;
}): Ingress {
  const { engine, storage, registry, logger, now } = options;

  /** Known once it was open; what is refused later is refused where it is said. */
  let knownLogId: string | undefined;

  /** Weaker than what the sender calls it: the id that its signature covers, then the bytes. */
  const keysOf = (
    logId: string,
    { node, messageId }: { node: string; messageId?: string },
    body: Uint8Array,
  ): string[] => {
    // The log's id makes the key this log's own.
    const bytes = `b:${sha256Of(`${logId}\n`, body).slice(0, KEY_DIGITS)}`;
    const windowMs = registry.get(node)?.replayProtectionMs;
    if (windowMs === undefined) return messageId === undefined ? [bytes] : [`w:${messageId}`, bytes];
    const signed = messageId === undefined ? [] : [`w:${messageId}`];
    // The first is looked up and both are recorded, so the bytes are known for one to two windows.
    const window = Math.floor(now() / windowMs);
    return [...signed, ...[window, window + 1].map((each) => `${bytes}/${windowMs}/${each}`)];
  };

  /**
   * What was accepted once is a duplicate also when its type or its schema has changed since. That is found out only here,
   * because content that is accepted is compared where it is stored.
   */
  const saidBefore = async (
    source: string,
    keys: readonly string[],
    idempotencyKey: string | undefined,
    refusal: Error,
  ): Promise<Dispatched> => {
    const strongest = idempotencyKey === undefined ? keys[0] : `k:${idempotencyKey}`;
    if (!isAboutContent(refusal) || strongest === undefined) throw refusal;
    const bytes = keys.filter((key) => key.startsWith('b:'));
    const [first, ...owners] = await Promise.all(
      [strongest, ...bytes].map((key) => storage.read.eventByKey(source, key)),
    );
    if (!first) throw refusal;
    const { id, seq, type, timestamp } = first;
    if (!owners.some((owner) => owner?.seq === seq))
      throw otherContent(source, { id, seq, timestamp }, refusal);
    engine.tell('dispatch:duplicate', () => ({ id, type, source }));
    return { id, seq, type, timestamp, duplicate: true };
  };

  const say = (
    logId: string,
    { proof, type, payload, body, idempotencyKey, correlationId, headers }: Received,
  ): Promise<Dispatched> => {
    const keys = keysOf(logId, proof, body);
    const options: { -readonly [K in keyof DispatchOptions]: DispatchOptions[K] } = { source: proof.node };
    if (idempotencyKey !== undefined) options.idempotencyKey = idempotencyKey;
    if (correlationId !== undefined) options.correlationId = correlationId;
    if (headers !== undefined) options.headers = headers;
    const refused = (refusal: Error): Promise<Dispatched> =>
      saidBefore(proof.node, keys, idempotencyKey, refusal);
    return engine.say({ type, payload, keys, options, refused });
  };
  const sayOnceOpen = async (received: Received): Promise<Dispatched> => {
    knownLogId = (await engine.opened()).logId;
    return await say(knownLogId, received);
  };

  return {
    authenticate: (claim) => registry.authenticate(claim),
    bearer: (token) => registry.bearer(token),
    may: (node, act, type) => registry.may(node, act, type),
    isAdmin: (node) => may(registry.get(node), 'administer'),
    receive: (received) => {
      const { proof, type } = received;
      // First of all: the rest of what is checked tells which types there are, and whether it was said before.
      if (!registry.may(proof.node, 'dispatch', type)) throw mayNotDispatch(proof.node, type);
      return knownLogId === undefined ? sayOnceOpen(received) : say(knownLogId, received);
    },
    denied: (moment) => engine.tell('auth:denied', () => moment),
    administered: (moment) => engine.tell('admin:acted', () => moment),
    answered: (moment) => engine.tell('http:answered', moment),
    limited: (moment) => engine.tell('limit:refused', moment),
    failed: (error) => logger.error({ failure: describeFailure(error) }, 'a request failed'),
    onNodesChange: (listener) => registry.onChange(listener),
    reads: (node) => (registry.get(node)?.subscribe?.length ?? 0) > 0,
    live: engine.live,
  };
}

type Received = Parameters<Ingress['receive']>[0];

/** Hex SHA-256 of a short text and the bytes after it. One call of a whole costs a third of a hash object; most bodies are short. */
function sha256Of(text: string, bytes: Uint8Array): string {
  // No character takes more than three bytes.
  if (text.length * 3 + bytes.length > whole.length)
    return createHash('sha256').update(text).update(bytes).digest('hex');
  const from = whole.write(text);
  whole.set(bytes, from);
  return hash('sha256', whole.subarray(0, from + bytes.length), 'hex');
}
/** Written anew by each call. */
const whole = Buffer.alloc(16_384);

function isAboutContent(error: unknown): boolean {
  return (
    NexusError.is(error, 'NEXUS_UNKNOWN_EVENT') ||
    NexusError.is(error, 'NEXUS_INVALID_PAYLOAD') ||
    NexusError.is(error, 'NEXUS_PAYLOAD_TOO_LARGE')
  );
}

function mayNotDispatch(node: string, type: string): NexusError {
  return new NexusError(
    'NEXUS_PERMISSION_DENIED',
    `the node ${node} may not dispatch ${type.slice(0, 200).toWellFormed()}; its "dispatch" list must name the type`,
    { details: { node, type } },
  );
}

function otherContent(
  source: string,
  first: { readonly id: string; readonly seq: number; readonly timestamp: number },
  cause: unknown,
): NexusError {
  return new NexusError(
    'NEXUS_IDEMPOTENCY_CONFLICT',
    `the key was used before by ${source} for other content (event ${first.id}); the same key must mean the same type and payload`,
    { details: { source, first }, cause },
  );
}
