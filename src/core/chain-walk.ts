/** Walks the chain upward, a row at a time, and says of each whether it is what its hashes say. Pure: who reads is elsewhere. */
import { hashEvent, hashPayload, type Sha256 } from './chain.js';
import type { StoredEvent } from './event.js';

/** The reserved types that the log keeps about itself. */
export const GAP_TYPE = 'nexus.log.gap';
export const PRUNED_TYPE = 'nexus.log.pruned';
export const REDACTED_TYPE = 'nexus.event.redacted';

/** A place in the chain: the number of an event and its hash, or those of the base. */
export type Link = { readonly seq: number; readonly hash: string };

/** What is wrong with a row by itself: the kinds of `AuditFault` that need no second look elsewhere. */
export type RowFault = {
  readonly seq: number;
  readonly reason: 'payload' | 'hash' | 'missing' | 'unreadable';
};

export interface ChainWalk {
  /** The fault of the next row, or undefined when it follows from the one before. */
  step(row: StoredEvent): RowFault | undefined;
  /** The last row that followed, or where the walk began. */
  readonly at: Link;
  /** Rows that followed; of these, the gaps. */
  readonly rows: number;
  readonly gaps: number;
}

export function createChainWalk(sha256: Sha256, from: Link): ChainWalk {
  let at = from;
  let rows = 0;
  let gaps = 0;

  /** The link proves that nothing stood in between: what is missing was never there, or is told by a gap's event. */
  const follows = (row: StoredEvent): boolean => hashEvent(sha256, at.hash, row, row.seq) === row.hash;

  return {
    step: (row) => {
      const expected = at.seq + 1;
      if (!isWellTyped(row)) return { seq: row.seq, reason: 'unreadable' };
      if (row.seq < expected) return { seq: row.seq, reason: 'hash' };
      if (!follows(row)) {
        const intact = isIntact(sha256, row);
        if (row.seq > expected && !isGapAfter(at.seq, row, intact))
          return { seq: expected, reason: 'missing' };
        return { seq: row.seq, reason: intact ? 'hash' : 'payload' };
      }
      if (!isIntact(sha256, row)) return { seq: row.seq, reason: 'payload' };
      if (row.seq > expected) gaps += 1;
      rows += 1;
      at = { seq: row.seq, hash: row.hash };
      return undefined;
    },
    get at() {
      return at;
    },
    get rows() {
      return rows;
    },
    get gaps() {
      return gaps;
    },
  };
}

/** The payload is what its hash says, or was erased with its salt. */
function isIntact(sha256: Sha256, { salt, payload, payloadHash }: StoredEvent): boolean {
  if (salt === null || payload === null) return salt === payload;
  return hashPayload(sha256, salt, payload) === payloadHash;
}

/** Whether it stands for what is missing: by what it says, or, where that was changed, by what it is called. */
function isGapAfter(seq: number, { type, payload, seq: own }: StoredEvent, intact: boolean): boolean {
  if (!intact) return type === GAP_TYPE;
  const said = payloadOf(payload);
  return said?.from === seq + 1 && said.to === own - 1;
}

/** What one of the library's own events says, or undefined where that cannot be read. */
export function payloadOf(payload: string | null): Readonly<Record<string, unknown>> | undefined {
  try {
    const said: unknown = payload === null ? undefined : JSON.parse(payload);
    return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** A file that was written past its database may hold anything. */
function isWellTyped(row: StoredEvent): boolean {
  return (
    Number.isSafeInteger(row.seq) &&
    isText(row.id) &&
    isText(row.type) &&
    isText(row.source) &&
    Number.isSafeInteger(row.timestamp) &&
    isText(row.correlationId) &&
    (row.causationId === null || isText(row.causationId)) &&
    (row.headers === null || isText(row.headers)) &&
    Number.isSafeInteger(row.schemaVersion) &&
    (row.notBefore === null || Number.isSafeInteger(row.notBefore)) &&
    (row.salt === null || isText(row.salt)) &&
    (row.payload === null || isText(row.payload)) &&
    isText(row.payloadHash) &&
    isText(row.hash)
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
