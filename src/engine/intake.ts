/** From what a caller says to an event ready to be appended: name, schema, permission, JSON, ids, hash. */
import { invalidArgument } from '../core/arguments.js';
import { hashPayload, utf8Length } from '../core/chain.js';
import { validate } from '../core/catalogue.js';
import { NexusError } from '../core/errors.js';
import { isLegalName, isReservedType } from '../core/event.js';
import { isUuid, UUID_RANDOM_DIGITS, uuidv7 } from '../core/ids.js';
import { encodePayload, jsonPayload } from '../core/payload.js';
import type { Versions } from '../core/versions.js';
import type { DispatchOptions, Dispatched } from '../nexus.js';
import type { NewEvent } from '../storage/storage.js';
import type { EngineParts } from './parts.js';
import type { Draft } from './work.js';

/** What `dispatch` was called with, and what the engine adds. */
export type Said = {
  readonly type: string;
  readonly payload: unknown;
  readonly options: DispatchOptions;
  /** Dedupe keys weaker than the caller's own, or standing in for it. */
  readonly keys?: readonly string[];
  readonly onOther?: NewEvent['onOther'];
  /** One of the library's own types, which nobody else can say. */
  readonly reserved?: boolean;
  /** What to answer where it is refused for what it says; without, the refusal. */
  readonly refused?: (refusal: Error) => Promise<Dispatched>;
};

export interface Intake {
  /** @throws NexusError as documented at `Nexus.dispatch` */
  draft(said: Said): Draft;
  /** @throws NexusError NEXUS_UNKNOWN_EVENT */
  checkType(type: string): void;
}

const MAX_KEY_CHARACTERS = 512;
const MAX_HEADER_BYTES = 8_192;
/** The last that a `Date` can be: beyond it, storages lose precision or refuse. */
const LAST_INSTANT = 8_640_000_000_000_000;
/** Larger payloads are not kept beside their text for the first handler. */
const MAX_KEPT_CHARACTERS = 8_192;
const noKeys: readonly string[] = [];

export function createIntake(parts: EngineParts, versions: Versions): Intake {
  const { clock, randomHex, sha256 } = parts;
  const { types } = versions;

  const checkType = (type: string): void => {
    if (types ? types.has(type) : typeof type === 'string' && isLegalName(type) && !isReservedType(type))
      return;
    throw unknownEvent(type, types);
  };

  return {
    checkType,
    draft: ({ type, payload, options, keys = noKeys, onOther = 'conflict', reserved = false }) => {
      if (!reserved) checkType(type);
      if (typeof options !== 'object' || (options as unknown) === null)
        throw invalidArgument('options', 'an object', options);
      const source = options.source ?? parts.node;
      if (source !== parts.node) checkSource(parts, source, type);
      const definition = types?.get(type);
      const own = jsonPayload(type, definition ? validate(type, definition.schema, payload) : payload);
      const text = encodePayload(type, own, parts.maxPayloadBytes);
      const timestamp = clock.now();
      const id =
        options.id === undefined ? uuidv7(timestamp, randomHex(UUID_RANDOM_DIGITS)) : givenId(options.id);
      const salt = randomHex(32);
      return {
        seq: 0,
        hash: '',
        id,
        type,
        source,
        timestamp,
        correlationId: reference('correlationId', options.correlationId) ?? id,
        causationId: reference('causationId', options.causationId) ?? null,
        headers: options.headers === undefined ? null : encodeHeaders(options.headers),
        schemaVersion: definition?.version ?? 1,
        notBefore: options.notBefore === undefined ? null : instant(options.notBefore),
        salt,
        payload: text,
        payloadHash: hashPayload(sha256, salt, text),
        keys: options.idempotencyKey === undefined ? keys : [ownKey(options.idempotencyKey), ...keys],
        onOther,
        idGiven: options.id !== undefined,
        unread: text.length <= MAX_KEPT_CHARACTERS ? own : undefined,
      };
    },
  };
}

function checkSource(parts: EngineParts, source: string, type: string): void {
  if (typeof source === 'string' && parts.mayDispatch(source, type)) return;
  throw new NexusError(
    'NEXUS_PERMISSION_DENIED',
    `the node ${source} may not dispatch ${type}; add the type to its "dispatch" list in the nodes option`,
    { details: { node: source, type } },
  );
}

function unknownEvent(type: unknown, types: ReadonlyMap<string, unknown> | undefined): NexusError {
  const known = types && [...types.keys()];
  const expected = known
    ? `one of the catalogue: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}`
    : 'a name of 1 to 200 characters without white space or *, not beginning with nexus.';
  return new NexusError(
    'NEXUS_UNKNOWN_EVENT',
    `unknown event type ${typeof type === 'string' ? JSON.stringify(type.slice(0, 100)) : typeof type}; expected ${expected}`,
    {
      details: { type, known },
    },
  );
}

function givenId(id: string): string {
  if (typeof id === 'string' && isUuid(id)) return id.toLowerCase();
  throw invalid('id', 'a UUID (for identifiers of your own use idempotencyKey)', id);
}

function ownKey(key: string): string {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_CHARACTERS && key.isWellFormed())
    return `k:${key}`;
  throw invalid('idempotencyKey', `1 to ${MAX_KEY_CHARACTERS} characters`, key);
}

function reference(name: string, value: string | undefined): string | undefined {
  if (
    value === undefined ||
    (typeof value === 'string' && value.length > 0 && value.length <= 200 && value.isWellFormed())
  )
    return value;
  throw invalid(name, '1 to 200 characters', value);
}

function instant(value: number): number {
  if (typeof value === 'number' && value >= 0 && value <= LAST_INSTANT) return Math.floor(value);
  throw invalid('notBefore', `an instant in epoch milliseconds, at most ${LAST_INSTANT}`, value);
}

function encodeHeaders(headers: Readonly<Record<string, string>>): string {
  for (const [name, value] of Object.entries(headers)) {
    // Control characters would let a header forge lines where it is sent on (SSE, HTTP).
    const legal =
      typeof value === 'string' &&
      value.isWellFormed() &&
      !/\p{Cc}/u.test(name + value) &&
      name.isWellFormed();
    if (!legal || name === '__proto__')
      throw invalid(`headers.${name}`, 'text without control characters', value);
  }
  const text = JSON.stringify(headers);
  if (utf8Length(text) > MAX_HEADER_BYTES)
    throw invalid('headers', `at most ${MAX_HEADER_BYTES} bytes of JSON`, `${utf8Length(text)} bytes`);
  return text;
}

function invalid(option: string, expected: string, got: unknown): NexusError {
  // An object from outside may have a toString of its own, which need not be a function.
  const came =
    typeof got === 'string'
      ? JSON.stringify(got.slice(0, 80).toWellFormed())
      : typeof got === 'object' && got !== null
        ? 'an object'
        : String(got);
  return new NexusError('NEXUS_INVALID_OPTION', `${option} must be ${expected}; got ${came}`, {
    details: { option, expected },
  });
}
