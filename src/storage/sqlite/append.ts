/** Appends events to the log, unless they were said before. */
import { hashEvent, sameContent, type Sha256 } from '../../core/chain.js';
import type { Appended, NewEvent } from '../storage.js';
import { createBulkInsert } from './bulk-insert.js';
import type { DedupeKeys } from './dedupe.js';
import type { HeadCache } from './head-cache.js';
import type { Schedules } from './schedules.js';
import type { SqliteLike } from './sqlite-like.js';

export type Append = (
  events: readonly NewEvent[],
  held: (settlement: number) => boolean,
  /** Why no events are stored at present but the children of settlements. */
  refusal?: Error,
) => Appended[];

type FirstRow = {
  id: string;
  seq: number;
  timestamp: number;
  type: string;
  schema_version: number;
  salt: string | null;
  payload_hash: string;
};

export function createAppend(
  db: SqliteLike,
  cache: HeadCache,
  sha256: Sha256,
  dedupe: DedupeKeys,
  schedules: Pick<Schedules, 'tick'>,
): Append {
  const insert = `INSERT INTO nexus_events (seq, id, type, source, timestamp, salt, payload, payload_hash, hash,
    correlation_id, causation_id, headers, schema_version, not_before)`;
  const rows = createBulkInsert(db, insert, '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  /** Most events begin a flow and have nothing that is optional. */
  const plainRows = createBulkInsert(db, insert, '(?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL, 1, NULL)');
  const flush = (): void => {
    plainRows.flush();
    rows.flush();
  };
  const columns = 'e.id, e.seq, e.timestamp, e.type, e.schema_version, e.salt, e.payload_hash';
  const bySeq = db.prepare(`SELECT ${columns} FROM nexus_events e WHERE e.seq = ?`);
  const byId = db.prepare(`SELECT ${columns} FROM nexus_events e WHERE e.id = ?`);
  // Of what was pruned nothing is left that could contradict.
  const left = `SELECT id, seq, timestamp, type, 1 AS schema_version, NULL AS salt, '' AS payload_hash FROM nexus_pruned`;
  const prunedBySeq = db.prepare(`${left} WHERE seq = ?`);
  const prunedById = db.prepare(`${left} WHERE id = ?`);

  const first = (event: NewEvent): FirstRow | undefined => {
    const [strongest] = event.keys;
    const seq = strongest === undefined ? undefined : dedupe.owner(event.source, strongest);
    if (seq === undefined && !event.idGiven) return undefined;
    // What it repeats may be one of this batch; most that have a key repeat nothing, and need not break up the insert.
    flush();
    const owner = seq === undefined ? undefined : (bySeq.get(seq) ?? prunedBySeq.get(seq));
    if (owner !== undefined || !event.idGiven) return owner as FirstRow | undefined;
    return (byId.get(event.id) ?? prunedById.get(event.id)) as FirstRow | undefined;
  };

  /**
   * True when nobody can have said it before: its strongest key was free, and is recorded by this without being looked for
   * first. What is refused for other reasons than a key after it ends the transaction.
   */
  const takeStrongestKey = ({ keys, idGiven, tick, source }: NewEvent, seq: number): boolean => {
    const [strongest] = keys;
    if (strongest === undefined || idGiven || tick !== undefined) return keys.length === 0 && !idGiven;
    return dedupe.take(source, strongest, seq);
  };

  return (events, held, refusal) => {
    plainRows.reset();
    rows.reset();
    const results: Appended[] = [];
    let { seq, hash } = cache.head();
    for (const event of events) {
      if (event.onlyIf !== undefined && !held(event.onlyIf)) {
        results.push({ outcome: 'skipped' });
        continue;
      }
      const isNew = takeStrongestKey(event, seq + 1);
      const before = isNew ? undefined : first(event);
      if (before) {
        const same = sameContent(
          sha256,
          {
            type: before.type,
            schemaVersion: before.schema_version,
            salt: before.salt,
            payloadHash: before.payload_hash,
          },
          event,
        );
        results.push({
          outcome: same ? 'duplicate' : event.onOther,
          id: before.id,
          seq: before.seq,
          timestamp: before.timestamp,
        });
        continue;
      }
      const moved = event.tick === undefined ? 'moved' : schedules.tick(event.tick);
      if (moved !== 'moved') {
        results.push(moved);
        continue;
      }
      if (refusal && event.onlyIf === undefined) throw refusal;
      seq += 1;
      hash = hashEvent(sha256, hash, event, seq);
      const plain = isPlain(event);
      const into = plain ? plainRows : rows;
      into.put(seq);
      into.put(event.id);
      into.put(event.type);
      into.put(event.source);
      into.put(event.timestamp);
      into.put(event.salt);
      into.put(event.payload);
      into.put(event.payloadHash);
      into.put(hash);
      if (!plain) {
        into.put(event.correlationId === event.id ? null : event.correlationId);
        into.put(event.causationId);
        into.put(event.headers);
        into.put(event.schemaVersion);
        into.put(event.notBefore);
      }
      into.end();
      for (const key of isNew ? event.keys.slice(1) : event.keys) dedupe.take(event.source, key, seq);
      results.push({ outcome: 'appended', seq, hash });
    }
    flush();
    cache.moved(seq, hash);
    return results;
  };
}

function isPlain(event: NewEvent): boolean {
  return (
    event.correlationId === event.id &&
    event.causationId === null &&
    event.headers === null &&
    event.schemaVersion === 1 &&
    event.notBefore === null
  );
}
