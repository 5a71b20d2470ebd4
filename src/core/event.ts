/** What an event is: as the storage keeps it, and as readers and handlers see it. */

/** A JSON value, as it comes out of `JSON.parse`. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A payload when no catalogue says more: any JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The version of the event envelope; part of every hash. */
export const ENVELOPE_VERSION = 1;

/** The fields of an event that are stored and hashed, in the order in which they are hashed. */
export type EventFields = {
  /** UUID. */
  readonly id: string;
  readonly type: string;
  /** The node that said it. */
  readonly source: string;
  /** When it was accepted, epoch ms. */
  readonly timestamp: number;
  /** The id of the first event of this flow; its own id where it is the first. */
  readonly correlationId: string;
  /** The id of the event whose handler dispatched it, or null. */
  readonly causationId: string | null;
  /** A JSON object of strings as text, or null where there are none. */
  readonly headers: string | null;
  /** The version of the payload's schema. */
  readonly schemaVersion: number;
  /** Its deliveries are due no earlier (epoch ms), or null. */
  readonly notBefore: number | null;
};

/** An event in the log. `salt` and `payload` are null once the payload was erased. */
export type StoredEvent = EventFields & {
  readonly seq: number;
  readonly salt: string | null;
  readonly payload: string | null;
  /** Hex SHA-256, see `chain.ts`. */
  readonly payloadHash: string;
  /** Hex SHA-256 over the previous event's hash and this event, see `chain.ts`. */
  readonly hash: string;
};

/** An event with its place in the log. */
export function placeInLog(
  event: EventFields & Pick<StoredEvent, 'salt' | 'payload' | 'payloadHash'>,
  seq: number,
  hash: string,
): StoredEvent {
  return {
    seq,
    hash,
    id: event.id,
    type: event.type,
    source: event.source,
    timestamp: event.timestamp,
    correlationId: event.correlationId,
    causationId: event.causationId,
    headers: event.headers,
    schemaVersion: event.schemaVersion,
    notBefore: event.notBefore,
    salt: event.salt,
    payload: event.payload,
    payloadHash: event.payloadHash,
  };
}

/** An event as handlers and readers see it. */
export interface NexusEvent<T extends string = string, P = JsonObject> {
  /** UUIDv7 unless the dispatcher gave another. */
  readonly id: string;
  /** Position in the log: increasing, gaps are possible. */
  readonly seq: number;
  /** What kind of fact it is; narrows `payload`. */
  readonly type: T;
  /** As its schema let it through. */
  readonly payload: P;
  /** The node that said it. */
  readonly source: string;
  /** When it was accepted, epoch ms. */
  readonly timestamp: number;
  /** The id of the first event of this story; its own id where it is the first. */
  readonly correlationId: string;
  /** The id of the event whose handler dispatched it, where one did. */
  readonly causationId: string | undefined;
  /** Small text beside the payload. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The version of its schema that `payload` has: the one of this process's catalogue, or the stored one where the payload
   * could not be upcast to it, is of a newer version, was erased, or is of a type that is not in the catalogue.
   */
  readonly schemaVersion: number;
  /** Envelope version. */
  readonly version: 1;
  /** There, and true, when the payload was erased (`audit.redact`): it is `{}` then. */
  readonly redacted?: true;
}

/** A stored event with a payload of a version; `versions.ts` knows of which. */
export function withPayload(stored: StoredEvent, payload: JsonObject, schemaVersion: number): NexusEvent {
  const event: NexusEvent = {
    id: stored.id,
    seq: stored.seq,
    type: stored.type,
    payload,
    source: stored.source,
    timestamp: stored.timestamp,
    correlationId: stored.correlationId,
    causationId: stored.causationId ?? undefined,
    headers: stored.headers === null ? {} : (JSON.parse(stored.headers) as Record<string, string>),
    schemaVersion,
    version: ENVELOPE_VERSION,
  };
  return stored.payload === null ? { ...event, redacted: true } : event;
}

/** A fresh copy of a payload as it is stored; an erased one is empty. */
export function parsePayload(stored: { readonly payload: string | null }): JsonObject {
  return stored.payload === null ? {} : (JSON.parse(stored.payload) as JsonObject);
}

const legalName = /^[^\s\p{C}*]{1,200}$/u;

/** A type or a node name: 1 to 200 characters, no white space, control characters or `*`. `:` and `.` are legal. */
export function isLegalName(name: string): boolean {
  return legalName.test(name);
}

/** `nexus.*` belongs to the library: not dispatchable, not matched by `*`. */
export function isReservedType(type: string): boolean {
  return type.startsWith('nexus.');
}
