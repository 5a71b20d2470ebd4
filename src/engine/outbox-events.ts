/** Events on their way through an outbox: from a draft to what is written there, and back. */
import { hashPayload, type Sha256 } from '../core/chain.js';
import { NexusError, describeFailure } from '../core/errors.js';
import { isLegalName, isReservedType } from '../core/event.js';
import { isUuid } from '../core/ids.js';
import { encodePayload, jsonPayload } from '../core/payload.js';
import type { OutboxEvent, OutboxRow } from '../storage/outbox.js';
import type { Draft } from './work.js';

export function toOutboxEvent(draft: Draft): OutboxEvent {
  return {
    id: draft.id,
    type: draft.type,
    source: draft.source,
    timestamp: draft.timestamp,
    correlationId: draft.correlationId,
    causationId: draft.causationId,
    headers: draft.headers,
    schemaVersion: draft.schemaVersion,
    notBefore: draft.notBefore,
    payload: draft.payload,
    key: draft.keys[0] ?? null,
  };
}

/**
 * The event of a row. It was validated when it was written, but the table is the host's to write to, and what enters the
 * log can never be taken out again: what could not be read there is refused here.
 *
 * @throws NexusError NEXUS_OUTBOX
 */
export function toDraft(
  row: OutboxRow,
  parts: { readonly sha256: Sha256; readonly randomHex: (digits: number) => string },
): Draft {
  const salt = parts.randomHex(32);
  const payload = readPayload(row);
  return {
    seq: 0,
    hash: '',
    id: row.id,
    type: row.type,
    source: row.source,
    timestamp: row.timestamp,
    correlationId: row.correlationId,
    causationId: row.causationId,
    headers: row.headers,
    schemaVersion: row.schemaVersion,
    notBefore: row.notBefore,
    salt,
    payload,
    payloadHash: hashPayload(parts.sha256, salt, payload),
    keys: row.key === null ? [] : [row.key],
    onOther: 'conflict',
    // Moved again after a crash, or by another process, it is the same event.
    idGiven: true,
    unread: undefined,
  };
}

function readPayload(row: OutboxRow): string {
  try {
    const { id, type, source, headers, payload } = row;
    if (!isUuid(id) || !isLegalName(type) || isReservedType(type) || !isLegalName(source))
      throw new TypeError('its id, type or source is not a legal one');
    if (headers !== null && typeof JSON.parse(headers) !== 'object')
      throw new TypeError('its headers are not a JSON object');
    return encodePayload(type, jsonPayload(type, JSON.parse(payload)), Infinity);
  } catch (error) {
    throw new NexusError(
      'NEXUS_OUTBOX',
      `row ${row.row} of the outbox is not as Nexus writes it (${describeFailure(error).message}); mend or delete it`,
      { cause: error },
    );
  }
}
