/** The schema, in numbered steps that are never edited: forward only, additive within a major version. */
import { migration1, type MigrationInput } from './migration-1.js';
import { migration2 } from './migration-2.js';
import { migration3 } from './migration-3.js';
import type { SqliteLike } from './sqlite-like.js';

type Migration = (db: SqliteLike, input: MigrationInput) => void;

const migrations: readonly Migration[] = [migration1, migration2, migration3];

/** The newest schema this code knows. */
export const SCHEMA_VERSION = migrations.length;

/** The schema of a file; 0 where there is none. */
export function schemaVersion(db: SqliteLike): number {
  const table = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'nexus_meta'`).get();
  if (table === undefined) return 0;
  const row = db.prepare(`SELECT value FROM nexus_meta WHERE key = 'schema_version'`).get() as
    { value: string } | undefined;
  return Number(row?.value ?? 0);
}

/** Brings a file up to date, or up to an earlier schema, inside the caller's write transaction. */
export function migrate(db: SqliteLike, input: MigrationInput, to = SCHEMA_VERSION): void {
  const from = schemaVersion(db);
  if (from >= to) return;
  for (const step of migrations.slice(from, to)) step(db, input);
  db.prepare(`UPDATE nexus_meta SET value = ? WHERE key = 'schema_version'`).run(String(to));
}
