/**
 * The hash chain of the log, row format 1. Everything hashed is text (UTF-8), so that a row can be checked with
 * `sqlite3` and `sha256sum` alone, and because hashing one string costs a third of hashing a filled buffer in Node.
 *
 *     payload hash = SHA-256( salt ‖ payload )                         salt: 16 random bytes as 32 hex digits
 *     event hash   = SHA-256( "nexus.event.v1\n" ‖ previous hash ‖ fields ‖ payload hash )
 *
 * Each field is a netstring, `<bytes>:<text>,` with its length in UTF-8 bytes, so no two rows share an encoding; null is
 * the empty netstring `0:,` (no nullable field may be empty). Erasing salt and payload leaves the event hash checkable.
 */
import { ENVELOPE_VERSION, type EventFields } from './event.js';

/** SHA-256 of UTF-8 text, as 64 lower-case hex digits. Passed in: the ground floor does no I/O and knows no crypto. */
export type Sha256 = (text: string) => string;

/** The hash before the first event. */
export const GENESIS_HASH = '0'.repeat(64);

/** The netstring of null. */
const NULL = '0:,';
/** The last four fields of most events: no cause, no headers, schema 1, no `notBefore`. */
const PLAIN = `${NULL}${NULL}1:1,${NULL}`;

const DOMAIN = `nexus.event.v${ENVELOPE_VERSION}\n`;

/** The hash of a payload's text under its salt (32 hex digits). */
export function hashPayload(sha256: Sha256, salt: string, payload: string): string {
  return sha256(salt + payload);
}

/** The hash of an event at `seq`, linked to the hash of the one before it. */
export function hashEvent(
  sha256: Sha256,
  previous: string,
  event: EventFields & { readonly payloadHash: string },
  seq: number,
): string {
  const {
    id,
    type,
    source,
    timestamp,
    correlationId,
    causationId,
    headers,
    schemaVersion,
    notBefore,
    payloadHash,
  } = event;
  const own = `${id.length}:${id},`;
  const plain = causationId === null && headers === null && schemaVersion === 1 && notBefore === null;
  return sha256(
    `${DOMAIN}${previous}${digits(seq)}${own}${common(type, source, timestamp)}` +
      `${correlationId === id ? own : text(correlationId)}${plain ? PLAIN : optional(event)}${payloadHash}`,
  );
}

/**
 * True when an event to append says the same as a stored one. An erased payload can no longer contradict, and one of another
 * version of the schema differs whatever it says: a webhook sent again after a deploy is still the same webhook.
 */
export function sameContent(
  sha256: Sha256,
  stored: Pick<EventFields, 'type' | 'schemaVersion'> & {
    readonly salt: string | null;
    readonly payloadHash: string;
  },
  offered: Pick<EventFields, 'type' | 'schemaVersion'> & { readonly payload: string },
): boolean {
  if (stored.type !== offered.type) return false;
  if (stored.salt === null || stored.schemaVersion !== offered.schemaVersion) return true;
  return hashPayload(sha256, stored.salt, offered.payload) === stored.payloadHash;
}

function optional({ causationId, headers, schemaVersion, notBefore }: EventFields): string {
  return (
    `${causationId === null ? NULL : text(causationId)}${headers === null ? NULL : text(headers)}` +
    `${digits(schemaVersion)}${notBefore === null ? NULL : digits(notBefore)}`
  );
}

/** Three fields that neighbours mostly share, as text: remembered, for putting it together costs more than comparing. */
function common(type: string, source: string, timestamp: number): string {
  if (last.timestamp !== timestamp || last.type !== type || last.source !== source) {
    last = { type, source, timestamp, written: `${text(type)}${text(source)}${digits(timestamp)}` };
  }
  return last.written;
}
let last = { type: '', source: '', timestamp: -1, written: '' };

function digits(value: number): string {
  const written = String(value);
  return `${written.length}:${written},`;
}

function text(value: string): string {
  return `${utf8Length(value)}:${value},`;
}

/** UTF-8 bytes of a well-formed string. */
export function utf8Length(value: string): number {
  let bytes = value.length;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x80) continue;
    // A surrogate pair is 2 units and 4 bytes: each half adds one.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}
