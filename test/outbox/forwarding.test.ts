import { join } from 'node:path';
// eslint-disable-next-line no-restricted-imports -- it is the host's own driver that is meant here
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import { createOutbox, type SqliteLike } from '../../src/storage/sqlite/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { needsBetterSqlite3 } from '../support/better-sqlite3.js';
import { createBus, record, type Bus } from '../support/bus.js';
import { createTestClock, turns } from '../support/test-clock.js';
import { connect, folder, hostDatabase, logged, transaction, waiting } from './support.js';

/** A connection that says what is asked of it. */
function observed(db: SqliteLike): { db: SqliteLike; asked: string[] } {
  const asked: string[] = [];
  const seen: SqliteLike = {
    prepare: (sql) => {
      const statement = db.prepare(sql);
      const note =
        <A extends unknown[], R>(run: (...args: A) => R) =>
        (...args: A): R => {
          asked.push(sql);
          return run(...args);
        };
      return {
        run: note((...args) => statement.run(...args)),
        get: note((...args) => statement.get(...args)),
        all: note((...args) => statement.all(...args)),
      };
    },
    exec: (sql) => {
      asked.push(sql);
      return db.exec(sql);
    },
    close: () => db.close(),
    get inTransaction() {
      return db.inTransaction;
    },
  };
  return { db: seen, asked };
}

/** A bus whose commits fail while it says so. */
function failingBus(error: () => Error): Bus & { fail: (yes: boolean) => void } {
  const clock = createTestClock();
  const database = createMemoryDatabase();
  const storage = memoryStorage({ database, clock });
  let failing = false;
  const commit: Storage['commit'] = (batch) =>
    failing && batch.events.length > 0 ? Promise.reject(error()) : storage.commit(batch);
  const bus = createBus({
    clock,
    storage: Object.create(storage, { commit: { value: commit } }) as Storage,
  });
  return { ...bus, clock, database, fail: (yes) => void (failing = yes) };
}

describe('while the transaction of the host is open', () => {
  it('nothing is moved and nothing else is asked of its connection', async () => {
    const { nexus, clock } = createBus();
    const real = hostDatabase();
    const { db, asked } = observed(real);
    const shop = nexus.within(db);
    await nexus.idle();
    db.exec('BEGIN');
    shop.dispatch('A', { n: 1 });
    asked.length = 0;
    await turns();
    await clock.advance(60_000);
    await nexus.idle();
    await nexus.health();
    expect(asked).toEqual([]);
    expect(await logged(nexus)).toEqual([]);
    db.exec('COMMIT');
    await clock.advance(250);
    expect(await logged(nexus)).toEqual([1]);
  });

  it('it looks again with growing pauses, and no more once there is nothing to wait for', async () => {
    const { nexus, clock } = createBus();
    const db = hostDatabase();
    let looks = 0;
    const shop = nexus.within({
      prepare: (sql) => db.prepare(sql),
      exec: (sql) => db.exec(sql),
      close: () => db.close(),
      get inTransaction() {
        looks += 1;
        return db.inTransaction;
      },
    });
    await nexus.idle();
    db.exec('BEGIN');
    shop.dispatch('A', { n: 1 });
    await turns();
    const before = looks;
    await clock.advance(10_000);
    expect(looks - before).toBeGreaterThan(40);
    expect(looks - before).toBeLessThan(60);
    db.exec('ROLLBACK');
    await clock.advance(1_000);
    const after = looks;
    await clock.advance(600_000);
    expect(looks).toBe(after);
    expect(await logged(nexus)).toEqual([]);
  });

  it('what is in the log already is removed later, and no rollback brings it back', async () => {
    const { nexus, clock } = createBus();
    const db = hostDatabase();
    const shop = nexus.within(db);
    await nexus.idle();
    const begin = nexus.on('event', () => db.exec('BEGIN; INSERT INTO orders VALUES (1)'));
    shop.dispatch('A', { n: 1 });
    await turns();
    begin();
    await clock.advance(1_000);
    expect([db.inTransaction, waiting(db)]).toEqual([true, 1]);
    db.exec('ROLLBACK');
    await clock.advance(1_000);
    expect(waiting(db)).toBe(0);
    expect(await logged(nexus)).toEqual([1]);
  });

  it('idle and close do not wait for it', async () => {
    const bus = createBus();
    const db = hostDatabase();
    db.exec('BEGIN');
    bus.nexus.within(db).dispatch('A', { n: 1 });
    await bus.nexus.idle();
    await bus.nexus.close();
    db.exec('COMMIT');
    expect(waiting(db)).toBe(1);
    const next = createBus({ beside: bus });
    next.nexus.within(db);
    await next.nexus.idle();
    expect(await logged(next.nexus)).toEqual([1]);
  });

  it('also while it reads row by row', async (context) => {
    needsBetterSqlite3(context);
    const { nexus, clock } = createBus();
    const db = new Database(':memory:');
    kept.push(db);
    db.exec('CREATE TABLE numbers (n); INSERT INTO numbers VALUES (1), (2)');
    createOutbox(db);
    const shop = nexus.within(db);
    await nexus.idle();
    shop.dispatch('A', { n: 1 });
    let rows = 0;
    for (const row of db.prepare('SELECT n FROM numbers').iterate()) {
      rows += row ? 1 : 0;
      await clock.advance(5_000);
      expect(await logged(nexus)).toEqual([]);
    }
    expect(rows).toBe(2);
    await clock.advance(1_000);
    expect(await logged(nexus)).toEqual([1]);
    expect(db.prepare('SELECT count(*) FROM nexus_outbox').pluck().get()).toBe(0);
    db.close();
  });
});

describe('what was committed', () => {
  it('is moved after a restart, once the host has shown its database', async () => {
    const bus = createBus();
    const path = join(folder(), 'shop.db');
    const db = hostDatabase(path);
    db.exec('BEGIN');
    bus.nexus.within(db).dispatch('A', { n: 1 });
    await bus.nexus.close();
    db.exec('COMMIT');
    const again = connect(path);
    createOutbox(again);
    const { nexus } = createBus({ beside: bus });
    const got: unknown[] = [];
    nexus.within(again);
    nexus.onEvent('A', { name: 'r' }, ({ n }) => void got.push(n));
    await turns();
    expect(got).toEqual([1]);
  });

  it('waits for start() where nothing is to start by itself', async () => {
    const bus = createBus();
    const db = hostDatabase();
    db.exec('BEGIN');
    bus.nexus.within(db).dispatch('A', { n: 1 });
    await bus.nexus.close();
    db.exec('COMMIT');
    const { nexus } = createBus({ beside: bus, autoStart: false });
    nexus.within(db);
    await turns();
    expect(waiting(db)).toBe(1);
    await nexus.start();
    await turns();
    expect(waiting(db)).toBe(0);
  });

  it('is moved by close', async () => {
    const bus = createBus();
    const db = hostDatabase();
    await bus.nexus.start();
    transaction(db, () => {
      for (let n = 0; n < 500; n++) bus.nexus.within(db).dispatch('A', { n });
    });
    await bus.nexus.close();
    expect(waiting(db)).toBe(0);
    const { nexus } = createBus({ beside: bus });
    expect(await logged(nexus)).toHaveLength(500);
  });

  it('is moved when another process has written it', { timeout: 30_000 }, async () => {
    const path = join(folder(), 'shop.db');
    const here = hostDatabase(path);
    const there = connect(path);
    const { nexus } = createBus();
    nexus.within(here);
    await nexus.idle();
    // Its own Nexus is gone when it commits, so nobody but the other one can move it.
    const other = createBus();
    there.exec('BEGIN');
    other.nexus.within(there).dispatch('A', { n: 1 });
    await other.nexus.close();
    const seen = nexus.waitFor('A');
    there.exec('COMMIT');
    expect(await seen).toMatchObject({ payload: { n: 1 } });
  });

  it('keeps its order over many batches, whatever their size', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const large = 'x'.repeat(200_000);
    let n = 0;
    for (let each = 0; each < 30; each++)
      transaction(db, () => {
        for (let i = 0; i < 25; i++) {
          n += 1;
          nexus.within(db).dispatch('A', { n, text: n % 40 === 0 ? large : '' });
        }
      });
    await nexus.idle();
    expect(await logged(nexus)).toEqual(Array.from({ length: n }, (_, i) => i + 1));
    expect(waiting(db)).toBe(0);
  });

  it('is one event when two processes move it, and when it is moved again after a crash', async () => {
    const bus = createBus();
    const path = join(folder(), 'shop.db');
    const one = hostDatabase(path);
    const two = connect(path);
    const beside = createBus({ beside: bus });
    bus.nexus.within(one);
    beside.nexus.within(two);
    for (let n = 0; n < 50; n++) {
      transaction(n % 2 ? one : two, () =>
        (n % 2 ? bus : beside).nexus.within(n % 2 ? one : two).dispatch('A', { n }),
      );
      if (n % 5 === 0) await turns(n % 3);
    }
    await Promise.all([bus.nexus.idle(), beside.nexus.idle()]);
    expect(waiting(one)).toBe(0);
    expect((await logged(bus.nexus)).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    );
    // What a process leaves that dies between the two: in the log, and in the table.
    const begin = bus.nexus.on('event', () => one.exec('BEGIN'));
    bus.nexus.within(one).dispatch('A', { n: 50 });
    await turns();
    begin();
    await bus.nexus.close({ timeoutMs: 0 });
    one.exec('ROLLBACK');
    expect(waiting(one)).toBe(1);
    await beside.nexus.idle();
    expect(waiting(one)).toBe(0);
    expect(await logged(beside.nexus)).toHaveLength(51);
  });

  it.each([
    ['is busy', () => new NexusError('NEXUS_STORAGE', 'busy', { details: { retryable: true } })],
    ['is full', () => new NexusError('NEXUS_STORAGE_FULL', 'full')],
    ['refuses', () => new NexusError('NEXUS_STORAGE', 'read-only', { details: { retryable: false } })],
    ['is broken', () => new Error('broken')],
  ])('stays in the outbox while the storage %s, and is moved in order afterwards', async (_how, error) => {
    const { nexus, clock, fail } = failingBus(error);
    const db = hostDatabase();
    await nexus.start();
    fail(true);
    for (let n = 0; n < 5; n++) {
      nexus.within(db).dispatch('A', { n });
      await clock.advance(7_000);
    }
    expect(waiting(db)).toBe(5);
    expect((await nexus.health()).status).not.toBe('ok');
    fail(false);
    await clock.advance(60_000);
    expect(waiting(db)).toBe(0);
    expect(await logged(nexus)).toEqual([0, 1, 2, 3, 4]);
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
  });

  it('waits behind the one that the storage refuses, which holds up none of those before it', async () => {
    const clock = createTestClock();
    const storage = memoryStorage({ clock });
    let refused = 3;
    const commit: Storage['commit'] = (batch) =>
      batch.events.some(({ payload }) => payload === JSON.stringify({ n: refused }))
        ? Promise.reject(new Error('not this one'))
        : storage.commit(batch);
    const { nexus } = createBus({
      clock,
      storage: Object.create(storage, { commit: { value: commit } }) as Storage,
    });
    const told = record(nexus, 'storage:error');
    const db = hostDatabase();
    transaction(db, () => {
      for (let n = 0; n < 6; n++) nexus.within(db).dispatch('A', { n });
    });
    await clock.advance(10_000);
    expect(await logged(nexus)).toEqual([0, 1, 2]);
    const tries = told.length;
    await clock.advance(600_000);
    expect(told.length - tries).toBeLessThan(20);
    refused = -1;
    await clock.advance(60_000);
    expect(await logged(nexus)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('waits in the outbox while the storage cannot be opened', async () => {
    const clock = createTestClock();
    const storage = memoryStorage({ clock });
    let broken = true;
    const open: Storage['open'] = (how) =>
      broken ? Promise.reject(new NexusError('NEXUS_STORAGE', 'no')) : storage.open(how);
    const { nexus } = createBus({
      clock,
      storage: Object.create(storage, { open: { value: open } }) as Storage,
    });
    const told = record(nexus, 'storage:error');
    const db = hostDatabase();
    nexus.within(db).dispatch('A', { n: 1 });
    await clock.advance(10_000);
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThan(6);
    broken = false;
    await clock.advance(60_000);
    expect(await logged(nexus)).toEqual([1]);
  });
});

describe('the connection of the host', () => {
  it('keeps its own waiting time for locks, and is held up by nobody while rows are removed', async () => {
    const { nexus, clock } = createBus();
    const path = join(folder(), 'shop.db');
    const db = hostDatabase(path);
    db.exec('PRAGMA busy_timeout = 4321');
    const other = connect(path);
    const shop = nexus.within(db);
    await nexus.idle();
    const lock = nexus.on('event', () => other.exec('BEGIN IMMEDIATE'));
    shop.dispatch('A', { n: 1 });
    const since = performance.now();
    await turns();
    lock();
    await clock.advance(1_000);
    expect(performance.now() - since).toBeLessThan(2_000);
    expect(db.prepare('PRAGMA busy_timeout').get()).toEqual({ timeout: 4321 });
    expect(waiting(db)).toBe(1);
    other.exec('COMMIT');
    await clock.advance(1_000);
    expect(waiting(db)).toBe(0);
    expect(await logged(nexus)).toEqual([1]);
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
  });

  it('is asked for nothing more than a look once everything is moved', async () => {
    const { nexus } = createBus();
    const { db, asked } = observed(hostDatabase());
    nexus.within(db).dispatch('A', { n: 1 });
    await nexus.idle();
    asked.length = 0;
    await nexus.idle();
    expect(asked.filter((sql) => !sql.startsWith('PRAGMA busy_timeout'))).toEqual([
      expect.stringMatching(/^SELECT/),
    ]);
  });

  it('is left in no transaction when a row cannot be removed', async () => {
    const { nexus, clock } = createBus();
    const db = hostDatabase();
    db.exec(`CREATE TRIGGER keep BEFORE DELETE ON nexus_outbox BEGIN SELECT RAISE(ABORT, 'kept'); END`);
    nexus.within(db).dispatch('A', { n: 1 });
    await turns();
    expect([db.inTransaction, waiting(db)]).toEqual([false, 1]);
    expect(await nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringMatching(/^the outbox :memory: waits: .*kept/)],
    });
    db.exec('DROP TRIGGER keep');
    await clock.advance(2_000);
    expect([await logged(nexus), waiting(db)]).toEqual([[1], 0]);
  });

  it('is forgotten once it is closed', async () => {
    const warned: string[] = [];
    const quiet = (): undefined => undefined;
    const logger = {
      debug: quiet,
      info: quiet,
      error: (_: object, message: string) => void warned.push(message),
      warn: (_: object, message: string) => void warned.push(message),
    };
    const { nexus, clock } = createBus({ logger });
    const path = join(folder(), 'shop.db');
    const db = hostDatabase(path);
    const shop = nexus.within(db);
    await nexus.idle();
    shop.dispatch('A', { n: 1 });
    db.close();
    await clock.advance(10_000);
    expect(warned).toEqual([expect.stringContaining('the connection of an outbox was closed')]);
    expect(() => shop.dispatch('A', { n: 2 })).toThrow(expect.objectContaining({ code: 'NEXUS_STORAGE' }));
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
    nexus.within(connect(path));
    await nexus.idle();
    expect(await logged(nexus)).toEqual([1]);
  });
});

/** Objects of the host's driver may not be freed on every Node while a test runs. */
const kept: unknown[] = [];
