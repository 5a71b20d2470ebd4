/** A file of every released schema opens, is brought up to date, and goes on from where it was. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GENESIS_HASH, hashEvent } from '../../src/core/chain.js';
import { createNexus } from '../../src/create-nexus.js';
import { SCHEMA_VERSION } from '../../src/storage/sqlite/migrations.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../support/database.js';

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));

function copyOf(fixture: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-schema-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nexus.db');
  copyFileSync(join(fixtures, fixture), path);
  return path;
}

function tables(path: string): unknown[] {
  const db = openDatabase(path, { readonly: true });
  try {
    return db
      .prepare(`SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`)
      .all();
  } finally {
    db.close();
  }
}

async function fresh(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-schema-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const nexus = createNexus({ storage: join(folder, 'nexus.db'), logger: false });
  await nexus.start();
  await nexus.close();
  return join(folder, 'nexus.db');
}

describe('a file of an earlier schema', () => {
  it('is there for every released schema', () => {
    const expected = Array.from({ length: SCHEMA_VERSION - 1 }, (_, i) => `schema-${i + 1}.db`);
    expect(readdirSync(fixtures).sort()).toEqual(expected);
  });

  it.each(readdirSync(fixtures))('%s becomes what a new file is', async (fixture) => {
    const path = copyOf(fixture);
    const nexus = createNexus({ storage: path, logger: false });
    await nexus.start();
    await nexus.close();
    expect(tables(path)).toEqual(tables(await fresh()));
  });

  it.each(readdirSync(fixtures))('%s keeps its log and its open deliveries', async (fixture) => {
    const path = copyOf(fixture);
    const nexus = createNexus({ storage: path, logger: false });
    onTestFinished(async () => {
      await nexus.close({ timeoutMs: 0 });
    });
    const done: string[] = [];
    nexus.onEvent('ORDER_PAID', { name: 'mint' }, (payload, ctx) => {
      ctx.dispatch('MINTED', payload);
      done.push(`mint ${String(payload.n)}`);
    });
    nexus.onEvent(
      ['ORDER_PAID', 'MINTED'],
      { name: 'by-order', orderBy: ({ payload }) => String(Number(payload.n) % 3) },
      (payload) => void done.push(`by-order ${String(payload.n)}`),
    );
    await nexus.start();
    const { items } = await nexus.deliveries.list({ state: 'pending', limit: 1_000 });
    expect(items.length).toBe(15);
    for (const { id } of items) await nexus.deliveries.retry(id);
    await nexus.dispatch('ORDER_PAID', { n: 20 });
    await nexus.idle();
    const numbers = [4, 9, 14, 19, 20];
    expect(done.filter((each) => each.startsWith('mint')).sort()).toEqual(
      numbers.map((n) => `mint ${n}`).sort(),
    );
    expect((await nexus.stats()).deliveries).toMatchObject({ pending: 0, retrying: 0, running: 0, dead: 0 });
    await nexus.close();

    // The chain holds from the first event to those appended after the migration.
    const storage = sqliteStorage({ path });
    await storage.open({ instance: '00000000-0000-7000-8000-000000000000', leaseMs: 1_000, mode: 'read' });
    const { events } = await storage.read.log({ after: 0, limit: 1_000 });
    await storage.close();
    expect(events.length).toBe(20 + 16 + 1 + 5);
    let previous = GENESIS_HASH;
    for (const event of events) {
      previous = hashEvent(
        (text) => createHash('sha256').update(text).digest('hex'),
        previous,
        event,
        event.seq,
      );
      expect(event.hash).toBe(previous);
    }
  });
});
