import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { SqliteDriver, SqliteLike } from '../../src/storage/sqlite/index.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import { nodeSqliteDriver } from '../../src/storage/sqlite/node-sqlite.js';
import type { Storage } from '../../src/storage/storage.js';
import { storageConformance, type StorageFixture } from '../../src/testing/storage-conformance.js';
import { openDatabase } from '../support/database.js';
import { createTestClock } from '../support/test-clock.js';

/** A file; a storage is killed by closing all its connections behind its back, as the kernel does for a dead process. */
function onDisk(openFile: SqliteDriver): StorageFixture {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-conformance-'));
  const path = join(folder, "nexus's.db");
  const clock = createTestClock();
  const connections = new Map<Storage, SqliteLike[]>();
  return {
    clock,
    storage: () => {
      const opened: SqliteLike[] = [];
      const driver: SqliteDriver = (file, options) => {
        const connection = openFile(file, options);
        opened.push(connection);
        return connection;
      };
      const storage = sqliteStorage({ path, clock, driver });
      connections.set(storage, opened);
      return storage;
    },
    kill: (storage) => {
      for (const connection of connections.get(storage) ?? []) connection.close();
    },
    erase: (eventId) => {
      const db = openFile(path, { readonly: false, busyMs: 5_000 });
      db.prepare('UPDATE nexus_events SET salt = NULL, payload = NULL WHERE id = ?').run(eventId);
      db.close();
    },
    lose: (events) => {
      const db = openFile(path, { readonly: false, busyMs: 5_000 });
      const keep = `SELECT sql FROM sqlite_schema WHERE name = 'nexus_events_keep'`;
      const { sql } = db.prepare(keep).get() as { sql: string };
      const { last } = db.prepare('SELECT max(seq) AS last FROM nexus_events').get() as { last: number };
      db.exec(`BEGIN; DROP TRIGGER nexus_events_keep; UPDATE nexus_reactors SET position = min(position, ${last - events});
        DELETE FROM nexus_events WHERE seq > ${last - events}; DELETE FROM nexus_dedupe WHERE seq > ${last - events};
        DELETE FROM nexus_fingerprints WHERE seq > ${last - events};
        DELETE FROM nexus_deliveries WHERE seq > ${last - events}; ${sql}; COMMIT`);
      db.close();
    },
    cleanup: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function inMemory(): StorageFixture {
  const clock = createTestClock();
  return {
    clock,
    storage: () => sqliteStorage({ path: ':memory:', clock }),
    cleanup: async () => undefined,
  };
}

storageConformance({ name: 'SQLite on disk', create: () => onDisk(openDatabase), describe, it });

const nodeSqlite = nodeSqliteDriver();
if (nodeSqlite)
  storageConformance({
    name: 'SQLite on disk, by node:sqlite',
    create: () => onDisk(nodeSqlite),
    describe,
    it,
  });
else
  it.skip('SQLite on disk, by node:sqlite: this Node has none that fits (22.16 is the first)', () =>
    undefined);

storageConformance({
  name: 'SQLite in memory',
  create: inMemory,
  skip: {
    'several instances': 'every connection to :memory: has a database of its own',
    reopening: 'the data of :memory: ends with its connection',
    erasing: 'no second connection can reach in and erase',
    losing: 'what is in memory is lost as a whole',
  },
  describe,
  it,
});
