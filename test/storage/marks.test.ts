/** The high-water mark beside a database: what it says, and what it can put up with. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus } from '../../src/nexus.js';
import { sqliteStorage, type SqliteDriver } from '../../src/storage/sqlite/index.js';
import { SLOTS } from '../../src/storage/sqlite/marks.js';
import { record } from '../support/bus.js';
import { openDatabase } from '../support/database.js';

function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-marks-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'nexus.db');
}

function on(path: string, driver: SqliteDriver = openDatabase): Nexus {
  const nexus = createNexus({ storage: sqliteStorage({ path, driver, minFreeBytes: 0 }), logger: false });
  onTestFinished(async () => {
    await nexus.close({ timeoutMs: 0 });
  });
  return nexus;
}

async function fill(nexus: Nexus, events: number): Promise<void> {
  for (let n = 0; n < events; n++) await nexus.dispatch('A', { n });
}

/** Takes the last events away, as if they had never come to the disk. */
function lose(path: string, above: number): void {
  const db = openDatabase(path);
  db.exec(`DROP TRIGGER nexus_events_keep; DELETE FROM nexus_events WHERE seq > ${above}`);
  db.close();
}

/** The `seq` in each slot that is in use. */
function marked(path: string): number[] {
  const bytes = readFileSync(`${path}-mark`);
  const seqs: number[] = [];
  for (let from = 0; from < bytes.length; from += 32) seqs.push(bytes.readUIntBE(from + 8, 6));
  return seqs.filter((seq) => seq > 0);
}

describe('the high-water mark', () => {
  it('is written with each commit, before the dispatch resolves', async () => {
    const path = freshPath();
    const nexus = on(path);
    for (let seq = 1; seq <= 3; seq++) {
      await nexus.dispatch('A', {});
      expect(marked(path)).toEqual([seq]);
    }
  });

  it('is never ahead of what was stored', async () => {
    const path = freshPath();
    let failing = false;
    const nexus = on(path, (file, how) => {
      const db = openDatabase(file, how);
      return {
        prepare: (sql) => {
          const statement = db.prepare(sql);
          if (sql !== 'COMMIT') return statement;
          return {
            run: () => {
              if (!failing) return statement.run();
              throw Object.assign(new Error('no'), { code: 'SQLITE_FULL' });
            },
            get: statement.get.bind(statement),
            all: statement.all.bind(statement),
          };
        },
        exec: (sql) => db.exec(sql),
        close: () => db.close(),
        get inTransaction() {
          return db.inTransaction;
        },
      };
    });
    await nexus.dispatch('A', {});
    failing = true;
    await expect(nexus.dispatch('A', {})).rejects.toMatchObject({ code: 'NEXUS_STORAGE_FULL' });
    expect(marked(path)).toEqual([1]);
    failing = false;
    expect(await nexus.dispatch('A', {})).toMatchObject({ seq: 2 });
    expect(marked(path)).toEqual([2]);
  });

  it('tells exactly what is missing, goes on above it, and does so once', async () => {
    const path = freshPath();
    const first = on(path);
    await fill(first, 10);
    await first.close();
    lose(path, 6);
    const nexus = on(path);
    const told = record(nexus, 'log:lost');
    expect(await nexus.dispatch('A', {})).toMatchObject({ seq: 12 });
    expect(told.map(({ moment }) => moment)).toEqual([{ events: 4, from: 7, to: 10 }]);
    expect(await nexus.health()).toEqual({
      status: 'degraded',
      reasons: ['4 acknowledged events are missing from the log (seq 7 to 10)'],
      head: 12,
    });
    await nexus.close();
    const next = on(path);
    const toldNext = record(next, 'log:lost');
    await next.start();
    expect(toldNext).toEqual([]);
    expect(await next.health()).toMatchObject({ status: 'ok' });
    const { items } = await next.events.list({ type: 'nexus.log.gap' });
    expect(items.map(({ payload }) => payload)).toMatchObject([{ from: 7, to: 10, lost: 4 }]);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['torn', (bytes) => bytes.fill(0, 16, 32)],
    ['flipped by a bit', (bytes) => (bytes.writeUInt8(bytes.readUInt8(13) ^ 1, 13), bytes)],
    ['cut off', (bytes) => bytes.subarray(0, 20)],
    ['empty', (bytes) => bytes.subarray(0, 0)],
  ])('says nothing when its slot is %s', async (_what, damage) => {
    const path = freshPath();
    const first = on(path);
    await fill(first, 3);
    await first.close();
    lose(path, 1);
    const bytes = readFileSync(`${path}-mark`);
    // The one slot in use is brought to the front, so that the damage meets it.
    const at = Array.from({ length: SLOTS }, (_, slot) => slot * 32).find((from) => bytes[from + 13] === 3);
    const whole = Buffer.concat([bytes.subarray(at, (at ?? 0) + 32), Buffer.alloc(bytes.length - 32)]);
    writeFileSync(`${path}-mark`, damage(whole));
    const nexus = on(path);
    expect(await nexus.dispatch('A', {})).toMatchObject({ seq: 2 });
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
    expect(marked(path)).toContain(2);
    expect(statSync(`${path}-mark`).size).toBe(SLOTS * 32);
  });

  it('is known again though a new log has lost its whole write-ahead log', async () => {
    const path = freshPath();
    const copy = freshPath();
    const nexus = on(path);
    await fill(nexus, 3);
    for (const suffix of ['', '-mark']) copyFileSync(path + suffix, copy + suffix);
    const next = on(copy);
    expect(await next.dispatch('A', {})).toMatchObject({ seq: 5 });
    expect(await next.health()).toMatchObject({
      reasons: ['3 acknowledged events are missing from the log (seq 1 to 3)'],
    });
  });

  it('of another log says nothing', async () => {
    const path = freshPath();
    const first = on(path);
    await fill(first, 3);
    await first.close();
    rmSync(path);
    const nexus = on(path);
    expect(await nexus.dispatch('A', {})).toMatchObject({ seq: 1 });
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
  });

  it('of one process is not written over by another', async () => {
    const path = freshPath();
    const several = [on(path), on(path), on(path)];
    for (const nexus of several) await nexus.dispatch('A', {});
    expect(marked(path).sort()).toEqual([1, 2, 3]);
    await several[0]?.dispatch('A', {});
    expect(marked(path).sort()).toEqual([2, 3, 4]);
  });

  it('finds a free slot for each of many starts, and takes none of a living instance', async () => {
    const path = freshPath();
    const living = on(path);
    await living.dispatch('A', {});
    const keys = openDatabase(path);
    onTestFinished(() => void keys.close());
    const all = keys.prepare('SELECT key FROM nexus_instances');
    const driver: SqliteDriver = openDatabase;
    for (let i = 0; i < SLOTS + 2; i++) {
      const storage = sqliteStorage({ path, driver, minFreeBytes: 0 });
      await storage.open({ instance: randomUUID(), leaseMs: 30_000, mode: 'run' });
      const slots = (all.all() as { key: number }[]).map(({ key }) => key % SLOTS);
      expect(new Set(slots).size).toBe(2);
      await storage.close();
    }
    expect(statSync(`${path}-mark`).size).toBe(SLOTS * 32);
  });

  it('that cannot be written fails no commit, is told once, and is written again when it can be', async () => {
    const path = freshPath();
    mkdirSync(`${path}-mark`);
    const nexus = on(path);
    const told = record(nexus, 'storage:error');
    await fill(nexus, 3);
    expect(told).toHaveLength(1);
    expect(await nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringContaining('-mark cannot be written') as string],
    });
    await nexus.close();
    rmSync(`${path}-mark`, { recursive: true });
    const next = on(path);
    await next.dispatch('A', {});
    expect(await next.health()).toMatchObject({ status: 'ok' });
    expect(marked(path)).toEqual([4]);
  });

  it('is not made for a database that is only read, and is looked at there', async () => {
    const path = freshPath();
    const first = on(path);
    await fill(first, 3);
    await first.close();
    lose(path, 2);
    const mark = readFileSync(`${path}-mark`);
    const reader = sqliteStorage({ path });
    const opened = await reader.open({ instance: randomUUID(), leaseMs: 1_000, mode: 'read' });
    await reader.close();
    expect(opened.lost).toMatchObject({ events: 1, from: 3, to: 3 });
    expect(readFileSync(`${path}-mark`)).toEqual(mark);
    rmSync(`${path}-mark`);
    await reader.open({ instance: randomUUID(), leaseMs: 1_000, mode: 'read' });
    await reader.close();
    expect(existsSync(`${path}-mark`)).toBe(false);
  });
});
