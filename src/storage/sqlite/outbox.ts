/**
 * The outbox of a SQLite database of the host, through the host's own connection. Everything here is synchronous, so
 * whether the host is in a transaction cannot change on the way; while it is, nothing but `write` touches the connection.
 */
import type { Outbox, OutboxRow } from '../outbox.js';
import { isBusy, sqliteCode, toNexusError } from './failure.js';
import { APPLICATION_ID } from './migration-1.js';
import { demandOutbox, fileOf, missing, undo } from './outbox-schema.js';
import type { SqliteLike } from './sqlite-like.js';

/** A host's own waiting for locks may be long, and would block its event loop for work that is not urgent. */
const BUSY_MS = 5;
/** How often to look whether another process has written. */
const CHANGE_CHECK_MS = 1_000;

/** Rows read at once, before it is known how large they are. */
const PAGE = 20;

const known = new WeakMap<SqliteLike, Outbox>();

/**
 * The outbox of a connection; always the same one for the same connection.
 *
 * @throws NexusError NEXUS_OUTBOX, NEXUS_STORAGE_NEWER, NEXUS_INVALID_OPTION
 */
export function sqliteOutbox(db: SqliteLike): Outbox {
  let outbox = known.get(db);
  if (outbox) return outbox;
  const name = fileOf(demandOutbox(db));
  outbox = createHandle(db, name);
  known.set(db, outbox);
  return outbox;
}

/** An integer; where the host has asked for BigInt, all are. */
type Whole = number | bigint;

type Row = {
  n: Whole;
  id: string;
  type: string;
  source: string;
  timestamp: Whole;
  payload: string;
  key: string | null;
  correlation_id: string;
  causation_id: string | null;
  headers: string | null;
  schema_version: Whole;
  not_before: Whole | null;
};

function createHandle(db: SqliteLike, name: string): Outbox {
  // In Nexus's own file: what is redacted in the log must not be left in pages that this connection has written.
  const { application_id: application } = db.prepare('PRAGMA application_id').get() as {
    application_id: Whole;
  };
  if (Number(application) === APPLICATION_ID) db.exec('PRAGMA secure_delete = ON');
  const insert = db.prepare(`INSERT INTO main.nexus_outbox (id, type, source, timestamp, payload, key,
    correlation_id, causation_id, headers, schema_version, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const next =
    db.prepare(`SELECT n, id, type, source, timestamp, payload, key, correlation_id, causation_id, headers,
    schema_version, not_before FROM main.nexus_outbox WHERE n > ? AND error IS NULL ORDER BY n LIMIT ${PAGE}`);
  const remove = db.prepare('DELETE FROM main.nexus_outbox WHERE n IN (SELECT value FROM json_each(?))');
  const setAside = db.prepare('UPDATE main.nexus_outbox SET error = ? WHERE n = ?');
  const count = db.prepare('SELECT count(*) AS refused FROM main.nexus_outbox WHERE error IS NOT NULL');
  const version = db.prepare('PRAGMA data_version');
  const timeout = db.prepare('PRAGMA busy_timeout');
  let refused = 0;

  const isOpen = (): boolean => db.open !== false;
  /** In a transaction of its own; `later` when the host is in one, or someone else is in the way. */
  const apart = <T>(work: () => T): T | 'later' => {
    if (db.inTransaction) return 'later';
    try {
      const { timeout: hostsOwn } = timeout.get() as { timeout: Whole };
      db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
      try {
        return work();
      } finally {
        undo(db);
        db.exec(`PRAGMA busy_timeout = ${hostsOwn}`);
      }
    } catch (error) {
      if (isBusy(error) || isIterating(error)) return 'later';
      throw explained(error, name);
    }
  };

  return {
    name,
    isOpen,
    write: (event) => {
      try {
        insert.run(
          event.id,
          event.type,
          event.source,
          event.timestamp,
          event.payload,
          event.key,
          event.correlationId,
          event.causationId,
          event.headers,
          event.schemaVersion,
          event.notBefore,
        );
      } catch (error) {
        throw explained(error, name);
      }
    },
    read: async (most) =>
      apart(() => {
        const rows: OutboxRow[] = [];
        let characters = 0;
        for (
          let page = next.all(0) as Row[];
          page.length > 0;
          page = next.all(rows.at(-1)?.row ?? 0) as Row[]
        ) {
          for (const row of page) {
            characters += row.payload.length;
            if (rows.length === most.rows || (rows.length > 0 && characters > most.characters)) return rows;
            rows.push(toOutboxRow(row));
          }
        }
        return rows;
      }),
    finish: async (rows) =>
      apart(() => {
        db.exec('BEGIN IMMEDIATE');
        if (rows.forwarded.length > 0) remove.run(JSON.stringify(rows.forwarded));
        for (const { row, error } of rows.refused) setAside.run(JSON.stringify(error), row);
        db.exec('COMMIT');
        return 'done';
      }),
    refused: async () => {
      const now = apart(() => Number((count.get() as { refused: Whole }).refused));
      return now === 'later' ? refused : (refused = now);
    },
    onChange: (hint) => {
      let seen: unknown;
      const look = (): unknown => {
        // Not in the host's transaction: even a glance could fix what that sees of the database.
        const now = apart(() => (version.get() as { data_version: unknown }).data_version);
        return now === 'later' ? seen : now;
      };
      seen = look();
      const timer = setInterval(() => {
        try {
          const before = seen;
          if (isOpen()) seen = look();
          if (!isOpen() || seen !== before) hint();
        } catch {
          // Thrown out of a timer it would end the host's process; whoever reads next is told.
        }
      }, CHANGE_CHECK_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

function toOutboxRow(row: Row): OutboxRow {
  const { n, timestamp, schema_version: schemaVersion, not_before: notBefore } = row;
  return {
    row: Number(n),
    id: row.id,
    type: row.type,
    source: row.source,
    timestamp: Number(timestamp),
    payload: row.payload,
    key: row.key,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    headers: row.headers,
    schemaVersion: Number(schemaVersion),
    notBefore: notBefore === null ? null : Number(notBefore),
  };
}

/** The host is between two rows of a query: its connection takes no writes until that has ended. */
function isIterating(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes('busy executing a query');
}

function explained(error: unknown, name: string): Error {
  const gone = sqliteCode(error) === 'SQLITE_ERROR' && String(error).includes('no such table');
  return gone ? missing(name, error) : toNexusError(error, 'before-commit', name);
}
