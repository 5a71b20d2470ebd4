import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { GENESIS_HASH, hashEvent, hashPayload, type Sha256 } from '../../src/core/chain.js';
import type { EventFields } from '../../src/core/event.js';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus, NexusOptions } from '../../src/nexus.js';
import { sqliteStorage, type SqliteDriver, type SqliteLike } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../support/database.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-sqlite-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

type OnFile = { nexus: Nexus; path: string; connection: () => SqliteLike };

/** A Nexus on a file, and the connection through which it writes. */
function onFile(path = join(folder(), 'nexus.db'), options: Partial<NexusOptions> = {}): OnFile {
  let connection: SqliteLike | undefined;
  const driver: SqliteDriver = (file, how) => {
    const opened = openDatabase(file, how);
    if (file === path) connection = opened;
    return opened;
  };
  const nexus = createNexus({
    storage: sqliteStorage({ path, driver }),
    logger: false,
    ...options,
  });
  onTestFinished(async () => {
    await nexus.close({ timeoutMs: 0 });
  });
  return {
    nexus,
    path,
    connection: () => {
      if (!connection) throw new Error('not open yet');
      return connection;
    },
  };
}

/** A second connection, as another application would have it. */
function beside(path: string): SqliteLike {
  const db = openDatabase(path, { busyMs: 0 });
  onTestFinished(() => void db.close());
  return db;
}

const sha256: Sha256 = (text) => createHash('sha256').update(text).digest('hex');

describe('a SQLite file', () => {
  it('is written with synchronous=FULL, before and after the first writes', async () => {
    const { nexus, connection } = onFile();
    await nexus.start();
    const level = (): unknown => connection().prepare('PRAGMA synchronous').get();
    expect(level()).toEqual({ synchronous: 2 });
    nexus.onEvent('A', () => undefined);
    const { id } = await nexus.dispatch('A', {});
    await nexus.settled(id);
    expect(level()).toEqual({ synchronous: 2 });
    expect(connection().prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(connection().prepare('PRAGMA trusted_schema').get()).toEqual({ trusted_schema: 0 });
    expect(connection().prepare('PRAGMA secure_delete').get()).toEqual({ secure_delete: 1 });
  });

  it('has everything in the database again after close, which says whose it is', async () => {
    const { nexus, path } = onFile();
    await nexus.dispatch('A', {});
    await nexus.close();
    const left = readdirSync(join(path, '..'));
    expect(left.filter((name) => name !== 'nexus.db-ballast')).toEqual(['nexus.db', 'nexus.db-mark']);
    expect(beside(path).prepare('PRAGMA application_id').get()).toEqual({ application_id: 0x4e455855 });
  });

  it('has a log that no SQL can change, except for erasing a payload', async () => {
    const { nexus, path } = onFile();
    await nexus.dispatch('A', { secret: 1 });
    await nexus.dispatch('B', {});
    const db = beside(path);
    const columns = db.prepare('PRAGMA table_info(nexus_events)').all() as { name: string; type: string }[];
    for (const { name, type } of columns) {
      const other = type === 'INTEGER' ? '99' : `'other'`;
      expect(() => db.exec(`UPDATE nexus_events SET ${name} = ${other} WHERE seq = 1`), name).toThrow(
        /append-only/,
      );
      expect(() =>
        db.exec(`UPDATE nexus_events SET salt = NULL, payload = NULL, ${name} = ${other} WHERE seq = 1`),
      ).toThrow(/append-only/);
    }
    expect(() => db.exec('UPDATE nexus_events SET payload = NULL WHERE seq = 1')).toThrow(/append-only/);
    expect(() => db.exec('DELETE FROM nexus_events')).toThrow(/append-only/);
    expect(() => db.exec('DELETE FROM nexus_events WHERE seq = 2')).toThrow(/append-only/);
    db.exec('UPDATE nexus_events SET salt = NULL, payload = NULL WHERE seq = 1');
    expect(() => db.exec(`UPDATE nexus_events SET salt = 'x', payload = '{}' WHERE seq = 1`)).toThrow(
      /append-only/,
    );
    const { items } = await nexus.events.list();
    expect(items.map(({ payload }) => payload)).toEqual([{}, {}]);
  });

  it('holds a chain that can be recomputed from its rows alone, erased payloads included', async () => {
    const { nexus, path } = onFile();
    await nexus.dispatch(
      'ção',
      { 'é🎉': 'ü' },
      { headers: { trace: 'ö' }, correlationId: 'c', causationId: 'd' },
    );
    await nexus.dispatch('A', { n: 1 }, { notBefore: 5, idempotencyKey: 'k' });
    await nexus.dispatch('A', {});
    await nexus.close();
    const db = beside(path);
    db.exec('UPDATE nexus_events SET salt = NULL, payload = NULL WHERE seq = 2');
    type Row = Record<string, string | null> & { seq: number; timestamp: number; schema_version: number };
    const rows = db.prepare('SELECT * FROM nexus_events ORDER BY seq').all() as Row[];
    let previous = GENESIS_HASH;
    for (const row of rows) {
      if (row.salt != null && row.payload != null)
        expect(hashPayload(sha256, row.salt, row.payload)).toBe(row.payload_hash);
      const fields: EventFields & { payloadHash: string } = {
        id: row.id ?? '',
        type: row.type ?? '',
        source: row.source ?? '',
        timestamp: row.timestamp,
        correlationId: row.correlation_id ?? row.id ?? '',
        causationId: row.causation_id ?? null,
        headers: row.headers ?? null,
        schemaVersion: row.schema_version,
        notBefore: row.not_before as unknown as number | null,
        payloadHash: row.payload_hash ?? '',
      };
      previous = hashEvent(sha256, previous, fields, row.seq);
      expect(previous).toBe(row.hash);
    }
    expect(rows).toHaveLength(3);
  });

  it('is shared: two on one file see each other and continue one chain', async () => {
    const a = onFile();
    const b = onFile(a.path);
    for (let i = 0; i < 5; i++) {
      await a.nexus.dispatch('A', { i });
      await b.nexus.dispatch('B', { i });
    }
    await Promise.all(
      [a, b].flatMap(({ nexus }) => Array.from({ length: 50 }, (_, n) => nexus.dispatch('C', { n }))),
    );
    const seen = await Promise.all(
      [a, b].map(async ({ nexus }) => (await nexus.events.list({ limit: 200 })).items),
    );
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]?.map(({ seq }) => seq).sort((x, y) => x - y)).toEqual(
      Array.from({ length: 110 }, (_, n) => n + 1),
    );
    await expect(b.nexus.dispatch('A', { i: 9 }, { idempotencyKey: 'k' })).resolves.toMatchObject({
      duplicate: false,
    });
    await expect(
      a.nexus.dispatch('A', { i: 9 }, { idempotencyKey: 'k', source: 'nexus' }),
    ).resolves.toMatchObject({
      duplicate: true,
    });
    const db = beside(a.path);
    const rows = db.prepare('SELECT seq, hash FROM nexus_events ORDER BY seq').all() as { hash: string }[];
    expect(new Set(rows.map(({ hash }) => hash)).size).toBe(111);
  });
});

describe('a path that is refused', () => {
  type Case = { code: string; message: RegExp; make: (path: string) => void };
  const foreign =
    (mode: string) =>
    (path: string): void => {
      const db = openDatabase(path);
      db.exec(`PRAGMA journal_mode = ${mode}`);
      db.exec(`CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1)`);
      db.close();
    };
  const cases: Record<string, Case> = {
    "another application's database": {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /another application; it was left untouched: give Nexus a file of its own/,
      make: foreign('DELETE'),
    },
    "another application's database in WAL mode": {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /another application/,
      make: foreign('WAL'),
    },
    'an empty database with the mark of another application': {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /another application/,
      make: (path) => {
        const db = openDatabase(path);
        db.exec('PRAGMA application_id = 7');
        db.close();
      },
    },
    'a text file': {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /is not a SQLite database; it was left untouched: give another path/,
      make: (path) => writeFileSync(path, 'dear diary\n'.repeat(200)),
    },
    'a short text file': {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /is not a SQLite database/,
      make: (path) => writeFileSync(path, 'x'),
    },
    'a folder': {
      code: 'NEXUS_STORAGE',
      message: /is not a file but a folder; give the path of a file/,
      make: (path) => mkdirSync(path),
    },
    'a file in a folder that is not there': {
      code: 'NEXUS_STORAGE',
      message: /cannot be opened.*create the folder first/,
      make: () => undefined,
    },
  };

  it.each(Object.entries(cases))('%s', async (what, { code, message, make }) => {
    const where = folder();
    const path = join(where, ...(what.includes('not there') ? ['missing'] : []), 'nexus.db');
    make(path);
    const before = snapshot(where);
    const nexus = createNexus({ storage: path, logger: false });
    const expected = { code, message: expect.stringMatching(message) as string };
    await expect(nexus.start()).rejects.toMatchObject(expected);
    await expect(nexus.dispatch('A', {})).rejects.toMatchObject(expected);
    expect((await nexus.health()).status).toBe('down');
    await nexus.close();
    expect(snapshot(where)).toEqual(before);
  });

  it('a database of a newer Nexus', async () => {
    const { nexus, path } = onFile();
    await nexus.dispatch('A', {});
    await nexus.close();
    const db = openDatabase(path);
    db.exec(`UPDATE nexus_meta SET value = '99' WHERE key = 'schema_version'`);
    db.close();
    const before = snapshot(join(path, '..'));
    const older = onFile(path);
    await expect(older.nexus.start()).rejects.toMatchObject({
      code: 'NEXUS_STORAGE_NEWER',
      message: expect.stringMatching(/has schema 99, this Nexus knows up to \d+; .*upgrade/) as string,
    });
    await older.nexus.close();
    expect(snapshot(join(path, '..'))).toEqual(before);
  });

  it('what another application is using stays in use', async () => {
    const path = join(folder(), 'theirs.db');
    foreign('WAL')(path);
    const theirs = beside(path);
    theirs.exec('INSERT INTO orders VALUES (2)');
    const before = snapshot(join(path, '..'));
    await expect(onFile(path).nexus.start()).rejects.toMatchObject({ code: 'NEXUS_STORAGE_FOREIGN' });
    const after = snapshot(join(path, '..'));
    for (const name of ['theirs.db', 'theirs.db-wal']) expect(after[name]).toBe(before[name]);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    theirs.exec('INSERT INTO orders VALUES (3)');
    expect(theirs.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 3 });
  });

  it.each<[string, (path: string) => void]>([
    ['an empty file', (path) => writeFileSync(path, '')],
    [
      'a database without tables, as a start that was killed leaves it',
      (path) => {
        const db = openDatabase(path);
        db.exec('PRAGMA journal_mode = WAL');
        db.close();
      },
    ],
  ])('but not %s', async (_what, make) => {
    const path = join(folder(), 'nexus.db');
    make(path);
    expect(await onFile(path).nexus.dispatch('A', {})).toMatchObject({ seq: 1 });
  });
});

describe('a file that cannot be written for a while', () => {
  it('delays a commit as long as another holds the lock', async () => {
    const { nexus, path } = onFile();
    await nexus.start();
    const other = beside(path);
    other.exec('BEGIN IMMEDIATE');
    let stored = false;
    const dispatching = nexus.dispatch('A', {}).then((dispatched) => {
      stored = true;
      return dispatched;
    });
    // What is waited for here is time itself: nothing else may happen.
    await new Promise((over) => setTimeout(over, 200));
    expect(stored).toBe(false);
    other.exec('COMMIT');
    expect(await dispatching).toMatchObject({ seq: 1, duplicate: false });
  });

  it('stops taking events when it is held for long, says so, and recovers with nothing lost', async () => {
    const { nexus, path } = onFile();
    await nexus.start();
    const failed = new Promise((resolve) => nexus.on('storage:error', resolve));
    const other = beside(path);
    other.exec('BEGIN IMMEDIATE');
    // The patience with a lock is over at once.
    const since = performance.now();
    const time = vi.spyOn(performance, 'now').mockImplementation(() => since + (ticks += 6_000));
    let ticks = 0;
    const waiting = nexus.dispatch('A', { n: 1 });
    expect(await failed).toMatchObject({
      retrying: true,
      error: { code: 'NEXUS_STORAGE', details: { retryable: true, outcome: 'not_stored' } },
    });
    await expect(nexus.dispatch('A', { n: 2 })).rejects.toMatchObject({
      code: 'NEXUS_OVERLOADED',
      message: expect.stringContaining('dispatch it again later') as string,
    });
    expect(await nexus.health()).toMatchObject({ status: 'down' });
    time.mockRestore();
    other.exec('COMMIT');
    expect(await waiting).toMatchObject({ seq: 1 });
    await vi.waitFor(async () => expect(await nexus.health()).toMatchObject({ status: 'ok' }));
    expect(await nexus.dispatch('A', { n: 3 })).toMatchObject({ seq: 2 });
    const { items } = await nexus.events.list();
    expect(items.map(({ payload }) => payload.n).sort()).toEqual([1, 3]);
  });

  it('says that the disk is full, loses nothing, and works again when there is space', async () => {
    const { nexus, connection } = onFile();
    const handled: unknown[] = [];
    nexus.onEvent('A', ({ n }) => void handled.push(n));
    const first = await nexus.dispatch('A', { n: 1 });
    await nexus.settled(first.id);
    const pages = (connection().prepare('PRAGMA page_count').get() as { page_count: number }).page_count;
    connection().exec(`PRAGMA max_page_count = ${pages}`);
    const large = 'x'.repeat(100_000);
    await expect(nexus.dispatch('A', { n: 2, large })).rejects.toMatchObject({
      code: 'NEXUS_STORAGE_FULL',
      message: expect.stringMatching(/full; nothing was stored: free space and try again/) as string,
    });
    await expect(nexus.dispatch('A', { n: 3, large })).rejects.toMatchObject({ code: 'NEXUS_STORAGE_FULL' });
    connection().exec('PRAGMA max_page_count = 1000000');
    const last = await nexus.dispatch('A', { n: 4, large });
    await nexus.settled(last.id);
    expect(last.seq).toBe(2);
    expect(handled).toEqual([1, 4]);
  });
});

/** Every file with its bytes, as a hash. */
function snapshot(where: string): Record<string, string> {
  const entries = readdirSync(where, { withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => [
      entry.name,
      entry.isFile()
        ? createHash('sha256')
            .update(readFileSync(join(where, entry.name)))
            .digest('hex')
        : 'a folder',
    ]),
  );
}
