// eslint-disable-next-line no-restricted-imports -- it is the host's own driver that is meant here
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { needsBetterSqlite3 } from '../support/better-sqlite3.js';
import { createBus, record } from '../support/bus.js';
import { turns } from '../support/test-clock.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { createOutbox } from '../../src/storage/sqlite/index.js';
import { connect, hostDatabase, logged, transaction, waiting } from './support.js';

describe('within', () => {
  it('makes one event of what the host commits, and none of what it rolls back', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const shop = nexus.within(db);
    const ids: string[] = [];
    transaction(db, () => ids.push(shop.dispatch('A', { n: 1 }).id));
    expect(() =>
      transaction(db, () => {
        shop.dispatch('A', { n: 2 });
        throw new Error('no');
      }),
    ).toThrow('no');
    transaction(db, () => {
      ids.push(shop.dispatch('A', { n: 3 }).id);
      db.exec('SAVEPOINT inner');
      shop.dispatch('A', { n: 4 });
      db.exec('ROLLBACK TO inner; RELEASE inner; SAVEPOINT inner');
      ids.push(shop.dispatch('A', { n: 5 }).id);
      db.exec('RELEASE inner');
    });
    await nexus.idle();
    expect(await logged(nexus)).toEqual([1, 3, 5]);
    for (const id of ids) expect(await nexus.events.get(id)).toMatchObject({ id });
    expect(waiting(db)).toBe(0);
  });

  it('moves events without being asked, and reactors get them', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const got: unknown[] = [];
    nexus.onEvent('A', { name: 'r' }, (payload) => void got.push(payload));
    await nexus.start();
    transaction(db, () => nexus.within(db).dispatch('A', { n: 1 }));
    await turns();
    expect(got).toEqual([{ n: 1 }]);
  });

  it('takes a dispatch outside of a transaction for a transaction of its own', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const { id } = nexus.within(db).dispatch('A', {});
    await nexus.idle();
    expect(await nexus.events.get(id)).toMatchObject({ id, type: 'A' });
  });

  it('carries every option, and the time of the call', async () => {
    const { nexus, clock } = createBus({
      nodes: { shop: { secrets: ['0123456789abcdef'], dispatch: ['A'] } },
    });
    const db = hostDatabase();
    const id = '018f0000-0000-7000-8000-000000000001';
    const said = clock.now();
    db.exec('BEGIN');
    nexus.within(db).dispatch(
      'A',
      { text: 'ä "quoted" 🎉', list: [1, null, { a: true }] },
      {
        id,
        source: 'shop',
        idempotencyKey: 'k',
        notBefore: said + 60_000,
        correlationId: 'flow',
        causationId: 'cause',
        headers: { trace: 'é' },
      },
    );
    await clock.advance(5_000);
    db.exec('COMMIT');
    await nexus.idle();
    expect(await nexus.events.get(id)).toMatchObject({
      id,
      source: 'shop',
      timestamp: said,
      payload: { text: 'ä "quoted" 🎉', list: [1, null, { a: true }] },
      correlationId: 'flow',
      causationId: 'cause',
      headers: { trace: 'é' },
    });
    expect(
      await nexus.dispatch(
        'A',
        { text: 'ä "quoted" 🎉', list: [1, null, { a: true }] },
        { source: 'shop', idempotencyKey: 'k' },
      ),
    ).toMatchObject({ id, duplicate: true });
    expect((await nexus.events.list()).items).toHaveLength(1);
  });

  it('holds deliveries back until notBefore', async () => {
    const { nexus, clock } = createBus();
    const db = hostDatabase();
    let runs = 0;
    nexus.onEvent('A', { name: 'r' }, () => void (runs += 1));
    await nexus.start();
    nexus.within(db).dispatch('A', {}, { notBefore: clock.now() + 10_000 });
    await clock.advance(9_000);
    expect(runs).toBe(0);
    await clock.advance(2_000);
    expect(runs).toBe(1);
  });

  it('refuses in the transaction what dispatch would refuse, and writes nothing', async () => {
    const { nexus } = createBus({ events: { A: z.object({ n: z.number() }) }, maxPayloadBytes: 1_024 });
    const db = hostDatabase();
    const shop = nexus.within(db);
    const codeOf = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    };
    db.exec('BEGIN');
    expect(codeOf(() => shop.dispatch('B', {}))).toBe('NEXUS_UNKNOWN_EVENT');
    expect(codeOf(() => shop.dispatch('A', { n: 'x' }))).toBe('NEXUS_INVALID_PAYLOAD');
    expect(codeOf(() => shop.dispatch('A', { n: 1 }, { source: 'stranger' }))).toBe(
      'NEXUS_PERMISSION_DENIED',
    );
    expect(codeOf(() => shop.dispatch('A', { n: 1 }, { idempotencyKey: '' }))).toBe('NEXUS_INVALID_OPTION');
    db.exec('COMMIT');
    expect(waiting(db)).toBe(0);
    await nexus.close();
    expect(codeOf(() => shop.dispatch('A', { n: 1 }))).toBe('NEXUS_CLOSED');
    expect(codeOf(() => nexus.within(db))).toBe('NEXUS_CLOSED');
    expect(waiting(db)).toBe(0);
  });

  it('stores the output of the schema, once', async () => {
    const { nexus } = createBus({ events: { A: z.object({ n: z.number().transform(String) }) } });
    const db = hostDatabase();
    const { id } = nexus.within(db).dispatch('A', { n: 5 });
    await nexus.idle();
    expect(await nexus.events.get(id)).toMatchObject({ payload: { n: '5' } });
  });

  it('names createOutbox where a database has none, and what it needs where it is none', () => {
    const { nexus } = createBus();
    const db = connect();
    expect(() => nexus.within(db)).toThrow(expect.objectContaining({ code: 'NEXUS_OUTBOX' }));
    expect(() => nexus.within(db)).toThrow(/:memory: has no outbox: call createOutbox\(db\)/);
    for (const none of [undefined, null, {}, 'shop.db'])
      expect(() => nexus.within(none as never)).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
      );
  });

  it('says so when the outbox is gone', () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const shop = nexus.within(db);
    db.exec('DROP TABLE nexus_outbox');
    expect(() => shop.dispatch('A', {})).toThrow(expect.objectContaining({ code: 'NEXUS_OUTBOX' }));
  });

  it('takes none for a storage that cannot tell a repeated event', () => {
    const storage = memoryStorage();
    const { nexus } = createBus({
      storage: Object.create(storage, {
        capabilities: { value: { ...storage.capabilities, outbox: false } },
      }) as Storage,
    });
    expect(() => nexus.within(hostDatabase())).toThrow(expect.objectContaining({ code: 'NEXUS_OUTBOX' }));
  });

  it('takes the database of better-sqlite3 as it is, also one that speaks BigInt', async (context) => {
    needsBetterSqlite3(context);
    const { nexus } = createBus();
    const db = new Database(':memory:');
    kept.push(db.defaultSafeIntegers(true));
    createOutbox(db);
    const place = db.transaction((n: number) => nexus.within(db).dispatch('A', { n }));
    const { id } = place(1);
    await nexus.idle();
    expect(await nexus.events.get(id)).toMatchObject({ payload: { n: 1 }, schemaVersion: 1 });
    expect(db.prepare('SELECT count(*) FROM nexus_outbox').pluck().get()).toBe(0n);
    expect((await nexus.health()).status).toBe('ok');
    db.close();
  });
});

describe('an event that the log refuses', () => {
  it('is set aside with its error, told, and does not hold up the others', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const told = record(nexus, 'outbox:refused');
    await nexus.dispatch('A', { n: 1 }, { idempotencyKey: 'k' });
    let id = '';
    transaction(db, () => {
      const shop = nexus.within(db);
      shop.dispatch('A', { n: 0 });
      id = shop.dispatch('A', { n: 2 }, { idempotencyKey: 'k' }).id;
      shop.dispatch('A', { n: 3 });
    });
    await nexus.idle();
    expect(await logged(nexus)).toEqual([1, 0, 3]);
    expect(told).toMatchObject([
      { moment: { id, type: 'A', outbox: ':memory:', error: { code: 'NEXUS_IDEMPOTENCY_CONFLICT' } } },
    ]);
    expect(db.prepare(`SELECT id, error ->> 'code' AS code FROM nexus_outbox`).all()).toEqual([
      { id, code: 'NEXUS_IDEMPOTENCY_CONFLICT' },
    ]);
    expect(await nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: ['events refused and set aside in the outbox :memory:: 1'],
    });
    await nexus.idle();
    expect(told).toHaveLength(1);
  });

  it('is moved once its row is mended', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    await nexus.dispatch('A', { n: 1 }, { idempotencyKey: 'k' });
    nexus.within(db).dispatch('A', { n: 2 }, { idempotencyKey: 'k' });
    await nexus.idle();
    db.exec(`UPDATE nexus_outbox SET key = NULL, error = NULL`);
    await nexus.idle();
    expect(await logged(nexus)).toEqual([1, 2]);
    expect(await nexus.health()).toMatchObject({ status: 'ok', reasons: [] });
  });

  it('may be one that Nexus did not write', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const shop = nexus.within(db);
    const spoil = (change: string): void => {
      shop.dispatch('A', { n: 1 });
      db.exec(`UPDATE nexus_outbox SET ${change} WHERE n = (SELECT max(n) FROM nexus_outbox)`);
    };
    transaction(db, () => {
      for (const change of [
        `payload = '{'`,
        `payload = '[]'`,
        `id = 'mine'`,
        `type = 'nexus.log.gap'`,
        `headers = 'null'`,
        `causation_id = ''`,
      ])
        spoil(change);
      shop.dispatch('A', { n: 2 });
    });
    await nexus.idle();
    expect(await logged(nexus)).toEqual([2]);
    expect(db.prepare(`SELECT error ->> 'code' AS code FROM nexus_outbox`).all()).toEqual(
      new Array(6).fill({ code: 'NEXUS_OUTBOX' }),
    );
  });

  it('is no duplicate: that is in the log under the first id', async () => {
    const { nexus } = createBus();
    const db = hostDatabase();
    const told = record(nexus, 'dispatch:duplicate', 'outbox:refused');
    const { id } = await nexus.dispatch('A', { n: 1 }, { idempotencyKey: 'k' });
    nexus.within(db).dispatch('A', { n: 1 }, { idempotencyKey: 'k' });
    await nexus.idle();
    expect(told).toEqual([{ name: 'dispatch:duplicate', moment: { id, type: 'A', source: 'nexus' } }]);
    expect(waiting(db)).toBe(0);
  });
});

/** Its objects may not be freed on every Node while a test runs. */
const kept: unknown[] = [];
