/** The outbox table in a database of the host: it has a schema version of its own, and changes only by additions. */
import { NexusError } from '../../core/errors.js';
import { toNexusError } from './failure.js';
import type { SqliteLike } from './sqlite-like.js';

/** For `createOutbox`. */
export interface OutboxOptions {
  /** Create the table in the host's open transaction, so that it exists if that commits. @default false */
  inTransaction?: boolean;
}

const OUTBOX_VERSION = 1;

/**
 * Makes a database of the host able to carry events: creates the outbox tables where they are missing, otherwise does
 * nothing. For tables of the host in Nexus's own file, start Nexus first: it takes no file that has tables already.
 *
 * @example
 * createOutbox(db);
 * db.transaction(() => nexus.within(db).dispatch('ORDER_PLACED', { orderId: 'o-1' }))();
 *
 * @throws NexusError NEXUS_INVALID_OPTION (a transaction is open), NEXUS_OUTBOX (another table has its name), NEXUS_STORAGE_NEWER, NEXUS_STORAGE
 */
export function createOutbox(db: SqliteLike, options: OutboxOptions = {}): void {
  if (outboxVersion(db) > 0) return;
  if (db.inTransaction && options.inTransaction !== true) {
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      'createOutbox was called in an open transaction, and what it creates would go if that were rolled back; call it before, or say { inTransaction: true }',
    );
  }
  const own = !db.inTransaction;
  try {
    if (own) db.exec('BEGIN IMMEDIATE');
    db.exec(TABLES);
    if (own) db.exec('COMMIT');
  } catch (error) {
    if (own) undo(db);
    throw toNexusError(error, 'before-commit', fileOf(db));
  }
}

/** Of what this module has begun; SQLite has ended it already after some errors (disk full, for one). */
export function undo(db: SqliteLike): void {
  if (db.inTransaction) db.exec('ROLLBACK');
}

/** Another process may be faster, hence IF NOT EXISTS. */
const TABLES = `
  CREATE TABLE IF NOT EXISTS main.nexus_outbox_meta (
    key TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT OR IGNORE INTO main.nexus_outbox_meta VALUES ('schema_version', '${OUTBOX_VERSION}');

  -- n is never used again (AUTOINCREMENT): who removes a row by its number must not meet a later one.
  -- error: why the log refused it, as JSON; such a row waits until someone sets it to NULL or deletes the row.
  CREATE TABLE IF NOT EXISTS main.nexus_outbox (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    payload TEXT NOT NULL,
    key TEXT,
    correlation_id TEXT NOT NULL,
    causation_id TEXT,
    headers TEXT,
    schema_version INTEGER NOT NULL,
    not_before INTEGER,
    error TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS main.nexus_outbox_refused ON nexus_outbox (n) WHERE error IS NOT NULL;
`;

/** @throws NexusError NEXUS_OUTBOX, NEXUS_STORAGE_NEWER */
export function demandOutbox(db: SqliteLike): SqliteLike {
  if (outboxVersion(db) === 0) throw missing(fileOf(db));
  return db;
}

export function missing(file: string, cause?: unknown): NexusError {
  return new NexusError(
    'NEXUS_OUTBOX',
    `${file} has no outbox: call createOutbox(db) once, before the first within(db)`,
    { details: { file }, cause },
  );
}

/** The path of the database, for messages. */
export function fileOf(db: SqliteLike): string {
  const [main] = db.prepare('PRAGMA database_list').all() as { file: string }[];
  return main && main.file !== '' ? main.file : ':memory:';
}

/** The version of the outbox, 0 where there is none. */
function outboxVersion(db: SqliteLike): number {
  demandConnection(db);
  const version = hasColumns(db, 'nexus_outbox_meta', ['key', 'value']) ? writtenVersion(db) : 0;
  if (version > OUTBOX_VERSION) {
    throw new NexusError(
      'NEXUS_STORAGE_NEWER',
      `the outbox in ${fileOf(db)} has schema ${version}, this Nexus knows up to ${OUTBOX_VERSION}; it was left untouched: upgrade @neo-protocol/nexus`,
      { details: { file: fileOf(db), version, known: OUTBOX_VERSION } },
    );
  }
  if (columnsOf(db, 'nexus_outbox').length === 0) return 0;
  if (version > 0 && hasColumns(db, 'nexus_outbox', COLUMNS)) return version;
  throw new NexusError(
    'NEXUS_OUTBOX',
    `${fileOf(db)} has a table nexus_outbox that createOutbox did not make: expected the columns ${COLUMNS.join(', ')} and a version in nexus_outbox_meta, got ${columnsOf(db, 'nexus_outbox').join(', ')}; it was left untouched: rename it, then call createOutbox(db)`,
    { details: { file: fileOf(db) } },
  );
}

function demandConnection(db: Partial<SqliteLike> | null | undefined): void {
  if (
    typeof db?.prepare === 'function' &&
    typeof db.exec === 'function' &&
    typeof db.inTransaction === 'boolean'
  )
    return;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `an outbox is reached through an open SQLite connection that has prepare, exec and inTransaction, as those of better-sqlite3 have; got ${db === null ? 'null' : typeof db}`,
    { details: { option: 'db' } },
  );
}

const COLUMNS = [
  'n',
  'id',
  'type',
  'source',
  'timestamp',
  'payload',
  'key',
  'correlation_id',
  'causation_id',
  'headers',
  'schema_version',
  'not_before',
  'error',
];

function writtenVersion(db: SqliteLike): number {
  const row = db.prepare(`SELECT value FROM main.nexus_outbox_meta WHERE key = 'schema_version'`).get() as
    { value: string } | undefined;
  return Number(row?.value ?? 0);
}

function hasColumns(db: SqliteLike, table: string, expected: readonly string[]): boolean {
  const columns = columnsOf(db, table);
  return expected.every((column) => columns.includes(column));
}

function columnsOf(db: SqliteLike, table: string): string[] {
  const rows = db.prepare(`PRAGMA main.table_info(${table})`).all() as { name: string }[];
  return rows.map(({ name }) => name);
}
