import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { SqliteLike } from '../../src/storage/sqlite/index.js';
import { migrate, schemaVersion, SCHEMA_VERSION } from '../../src/storage/sqlite/migrations.js';
import { openFile } from '../../src/storage/sqlite/open-file.js';
import { openDatabase } from '../support/database.js';

/** After the first answer of this connection, something happens to its file. */
function afterFirstAnswer(db: SqliteLike, happens: () => void): SqliteLike {
  let answered = false;
  return {
    prepare: (sql) => {
      const statement = db.prepare(sql);
      return {
        run: (...values) => statement.run(...values),
        all: (...values) => statement.all(...values),
        get: (...values) => {
          const row = statement.get(...values);
          if (!answered) happens();
          answered = true;
          return row;
        },
      };
    },
    exec: (sql) => db.exec(sql),
    close: () => db.close(),
    get inTransaction() {
      return db.inTransaction;
    },
  };
}

it('a database that another process makes while it is looked at is not taken for that of another application', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-made-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nexus.db');
  const other = openDatabase(path);
  onTestFinished(() => void other.close());
  other.exec('PRAGMA journal_mode = WAL');
  let made = 0;
  const make = (): void => {
    if (made++ > 0) return;
    other.exec('BEGIN IMMEDIATE');
    migrate(other, { logId: 'of-the-other' });
    other.exec('COMMIT');
  };
  const db = await openFile({
    path,
    driver: (at, options) => afterFirstAnswer(openDatabase(at, options), make),
    mode: 'run',
    logId: 'mine',
  });
  expect([made > 0, schemaVersion(db)]).toEqual([true, SCHEMA_VERSION]);
  db.close();
});
