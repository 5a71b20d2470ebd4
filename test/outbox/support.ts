/** A database of a host, with a table of its own and an outbox. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createOutbox } from '../../src/storage/sqlite/index.js';
import type { Nexus } from '../../src/nexus.js';
import type { SqliteLike } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../support/database.js';

export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-outbox-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Closed when the test ends. */
export function connect(path = ':memory:', busyMs = 0): SqliteLike {
  const db = openDatabase(path, { busyMs });
  onTestFinished(() => void db.close());
  return db;
}

export function hostDatabase(path = ':memory:'): SqliteLike {
  const db = connect(path);
  if (path !== ':memory:') db.exec('PRAGMA journal_mode = WAL');
  db.exec('CREATE TABLE IF NOT EXISTS orders (n INTEGER PRIMARY KEY)');
  createOutbox(db);
  return db;
}

/** Ends in COMMIT, or in ROLLBACK when `work` throws, as `db.transaction(work)()` does. */
export function transaction(db: SqliteLike, work: () => void): void {
  db.exec('BEGIN');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

export const waiting = (db: SqliteLike): number =>
  (db.prepare('SELECT count(*) AS n FROM nexus_outbox').get() as { n: number }).n;

/** The `n` of every event, in the order of the log. */
export async function logged(nexus: Nexus): Promise<unknown[]> {
  const { items } = await nexus.events.list({ limit: 1_000 });
  return items.map(({ payload }) => payload.n).reverse();
}
