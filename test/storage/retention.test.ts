/** What a sweep of a SQLite file does beyond the contract's cases. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { sqliteStorage, type SqliteLike } from '../../src/storage/sqlite/index.js';
import type { Storage, Sweep, Swept } from '../../src/storage/storage.js';
import { openDatabase } from '../support/database.js';
import { createTestClock, type TestClock } from '../support/test-clock.js';

const KEPT_MS = 100_000;
const ALL: Sweep = { succeededMs: KEPT_MS, deadMs: KEPT_MS, rows: 10_000, ms: 1_000 };

type File = { path: string; clock: TestClock; db: SqliteLike; open: () => Promise<Storage> };

/** A file in which a reactor has done `events` events, one of which asked for a retry. */
async function done(events: number): Promise<File> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-retention-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nexus.db');
  const clock = createTestClock();
  const nexus = createNexus({ storage: sqliteStorage({ path, clock }), clock, logger: false });
  nexus.onEvent('A', { name: 'r' }, async (_payload, ctx) => {
    if (ctx.event.seq === 1) await ctx.once('k', async () => 1);
  });
  for (let n = 0; n < events; n += 500)
    await nexus.dispatchMany(
      Array.from({ length: Math.min(500, events - n) }, () => ({ type: 'A', payload: {} })),
    );
  await nexus.idle();
  await nexus.close();
  const db = openDatabase(path);
  onTestFinished(() => void db.close());
  return {
    path,
    clock,
    db,
    open: async () => {
      const storage = sqliteStorage({ path, clock });
      await storage.open({ instance: crypto.randomUUID(), leaseMs: 1_000_000, mode: 'run' });
      onTestFinished(() => storage.close());
      return storage;
    },
  };
}

async function pass(storage: Storage): Promise<Swept> {
  let removed = 0;
  for (;;) {
    const swept = await storage.sweep(ALL);
    removed += swept.removed;
    if (!swept.more) return { ...swept, removed };
  }
}

const count = (db: SqliteLike, table: string): number =>
  (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;

/** As a replay of events 1 to 3 that has made its delivery for the first of them, which succeeded. */
function replay(db: SqliteLike, at: number): void {
  db.exec(`INSERT INTO nexus_replays (run, after, until, fresh, state, created_at, finished_at) VALUES (1, 0, 3, 0, 'running', ${at}, NULL);
    INSERT INTO nexus_replay_reactors (run, reactor, position, created) VALUES (1, 1, 1, 1);
    INSERT INTO nexus_deliveries (reactor, run, seq, state, finished_at) VALUES (1, 1, 1, 2, ${at});`);
}

describe('a sweep of a file', () => {
  it('leaves a reactor alone while it is replayed, then removes the replay as well', async () => {
    const { clock, db, open } = await done(3);
    const storage = await open();
    replay(db, clock.now());
    await clock.advance(KEPT_MS);
    expect(await pass(storage)).toEqual({ removed: 0, more: false, nextInMs: 0 });
    db.exec(`UPDATE nexus_replays SET state = 'done', finished_at = ${clock.now()}`);
    expect((await pass(storage)).removed).toBe(4);
    expect(count(db, 'nexus_deliveries')).toBe(0);
    expect(count(db, 'nexus_replays')).toBe(1);
    await clock.advance(KEPT_MS);
    await pass(storage);
    expect(count(db, 'nexus_replays')).toBe(0);
    expect(count(db, 'nexus_replay_reactors')).toBe(0);
  });

  it('keeps what was remembered as long as one run of the event is left', async () => {
    const { clock, db, open } = await done(3);
    const storage = await open();
    await clock.advance(KEPT_MS);
    replay(db, clock.now());
    db.exec(`UPDATE nexus_replays SET state = 'done', finished_at = created_at`);
    expect((await pass(storage)).removed).toBe(3);
    expect(count(db, 'nexus_once')).toBe(1);
    await clock.advance(KEPT_MS);
    expect((await pass(storage)).removed).toBe(1);
    expect(count(db, 'nexus_once')).toBe(0);
  });

  it('removes the rows of a removed reactor, and forgets it', async () => {
    const { clock, db, open } = await done(3);
    const storage = await open();
    await storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    await clock.advance(KEPT_MS - 1);
    await pass(storage);
    expect(count(db, 'nexus_reactors')).toBe(1);
    await clock.advance(1);
    await pass(storage);
    expect(count(db, 'nexus_reactors')).toBe(0);
    expect(count(db, 'nexus_deliveries')).toBe(0);
    expect((await storage.register({ name: 'r', types: ['A'], ordered: false, from: 'now' })).key).toBe(2);
  });

  it('writes nothing where nothing is due', async () => {
    const { path, clock, open } = await done(1_000);
    const storage = await open();
    await clock.advance(KEPT_MS - 1);
    const before = statSync(`${path}-wal`).size;
    expect(await pass(storage)).toEqual({ removed: 0, more: false, nextInMs: 1 });
    expect(statSync(`${path}-wal`).size).toBe(before);
  });

  it('is one process at a time', async () => {
    const { clock, db, open } = await done(2_000);
    const [a, b] = [await open(), await open()];
    await clock.advance(KEPT_MS);
    expect(await a.sweep({ ...ALL, rows: 1 })).toMatchObject({ removed: 512, more: true });
    expect(await b.sweep(ALL)).toEqual({ removed: 0, more: false, nextInMs: 30_000 });
    expect(await a.sweep({ ...ALL, rows: 1 })).toMatchObject({ removed: 512, more: true });
    // The first is silent for long enough to be taken for dead.
    await clock.advance(30_000);
    expect((await pass(b)).removed).toBe(976);
    expect(count(db, 'nexus_deliveries')).toBe(0);
  });

  it('starts over when what it removed could not be committed', async () => {
    const { path, clock, db, open } = await done(1_000);
    const storage = await open();
    await clock.advance(KEPT_MS);
    const other = openDatabase(path);
    onTestFinished(() => void other.close());
    other.exec(
      `CREATE TRIGGER stop BEFORE DELETE ON nexus_deliveries WHEN OLD.seq = 700 BEGIN SELECT RAISE(ABORT, 'no'); END`,
    );
    await expect(storage.sweep(ALL)).rejects.toMatchObject({ code: 'NEXUS_STORAGE' });
    expect(count(db, 'nexus_deliveries')).toBe(1_000);
    other.exec('DROP TRIGGER stop');
    expect((await pass(storage)).removed).toBe(1_000);
  });

  it('looks at what is old enough, not at the whole table', async () => {
    const { clock, db, open } = await done(3_000);
    const storage = await open();
    // The newer half: from later on, and not final for as long.
    db.exec('DROP TRIGGER nexus_events_append_only');
    db.exec(`UPDATE nexus_events SET timestamp = timestamp + 50000 WHERE seq > 1500;
      UPDATE nexus_deliveries SET finished_at = finished_at + 50000 WHERE seq > 1500`);
    await clock.advance(KEPT_MS);
    // Three looks find and remove the older half, a fourth its last rows; the newer half is not met.
    const swept = await storage.sweep({ ...ALL, deadMs: Infinity, rows: 3_100 });
    expect(swept).toEqual({ removed: 1_500, more: false, nextInMs: 50_000 });
  });
});
