/** The evidence in a SQLite file: tampering is found, and what is erased is in no file any more. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus } from '../../src/nexus.js';
import { verifyLog } from '../../src/engine/verification.js';
import { sha256 } from '../../src/options.js';
import { createOutbox, sqliteStorage } from '../../src/storage/sqlite/index.js';
import { proveTamper } from '../../proof/tamper.js';
import { openDatabase } from '../support/database.js';

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-audit-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function host(file: string): Nexus {
  const nexus = createNexus({ storage: file, logger: false, retry: { maxAttempts: 1 } });
  onTestFinished(async () => {
    await nexus.close({ timeoutMs: 0 });
  });
  return nexus;
}

/** The files of a folder in which one of these texts is found. */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder).filter((name) => {
    const bytes = readFileSync(join(folder, name));
    return texts.some((text) => bytes.includes(text));
  });
}

const secretOf = (n: number): string => `secret-${n}-of-the-subject`;

describe('tampering with the file', () => {
  it('is found, and where it began', { timeout: 120_000 }, async () => {
    const { missed, misplaced, tamperings } = await proveTamper({ tamperings: 56 });
    expect([missed, misplaced]).toEqual([[], []]);
    expect(Object.values(tamperings).every((count) => count === 4)).toBe(true);
  });

  it('that makes it unreadable is an answer', async () => {
    const folder = emptyFolder();
    const file = join(folder, 'nexus.db');
    const first = host(file);
    for (let n = 0; n < 200; n++) await first.dispatch('A', { n, text: 'x'.repeat(500) });
    await first.close();
    const nexus = host(file);
    await nexus.start();
    // A leaf of the table says that it is none.
    const db = openDatabase(file);
    const { pageno } = db
      .prepare(
        `SELECT pageno FROM dbstat WHERE name = 'nexus_events' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 5`,
      )
      .get() as { pageno: number };
    db.close();
    await nexus.close();
    const bytes = readFileSync(file);
    bytes[(pageno - 1) * 4_096] = 99;
    writeFileSync(file, bytes);
    const storage = sqliteStorage({ path: file });
    await storage.open({ instance: crypto.randomUUID(), leaseMs: 1_000, mode: 'read' });
    onTestFinished(() => storage.close());
    const base = { sha256, from: undefined, checkpoints: [], tell: () => undefined };
    const report = await verifyLog({ ...base, storage });
    expect(report).toMatchObject({ ok: false, firstBad: { reason: 'unreadable', seq: report.to + 1 } });
    expect(report.to).toBeGreaterThan(0);
  });
});

describe('what was redacted', () => {
  it('is in no file: not in the database, not in its log, not in a later backup', async () => {
    const folder = emptyFolder();
    const nexus = host(join(folder, 'nexus.db'));
    nexus.onEvent(
      'A',
      { name: 'fails', orderBy: ({ payload }) => String(payload.secret) },
      async (payload, ctx) => {
        await ctx.once('effect', async () => payload.secret);
        throw new Error(`cannot take ${String(payload.secret)}`);
      },
    );
    const ids: string[] = [];
    for (let n = 0; n < 1_000; n += 100) {
      const items = Array.from({ length: 100 }, (_, i) => ({
        type: 'A',
        payload: { secret: secretOf(n + i), large: i % 10 === 0 ? secretOf(n + i).repeat(400) : '' },
      }));
      ids.push(...(await nexus.dispatchMany(items)).map(({ id }) => id));
    }
    await nexus.idle();
    const redacted = ids.filter((_, n) => n % 10 === 0);
    const texts = redacted.map((_, i) => secretOf(i * 10));
    expect(filesWith(folder, texts)).not.toEqual([]);
    for (const id of redacted) expect((await nexus.audit.redact(id, 'asked for')).complete).toBe(true);
    expect(filesWith(folder, texts)).toEqual([]);
    expect(filesWith(folder, [secretOf(11)])).toEqual(['nexus.db']);
    await nexus.backup(join(folder, 'copy.db'));
    expect(filesWith(folder, texts)).toEqual([]);
    expect(filesWith(folder, [secretOf(11)]).sort()).toEqual(['copy.db', 'nexus.db']);
    expect(await nexus.audit.verify()).toMatchObject({ ok: true, events: 1_100, redacted: 100 });
  });

  it('is left in no free page by an outbox in the same file', async () => {
    const folder = emptyFolder();
    const file = join(folder, 'nexus.db');
    const nexus = host(file);
    await nexus.start();
    const db = openDatabase(file);
    onTestFinished(() => void db.close());
    createOutbox(db);
    const said: { id: string }[] = [];
    for (let n = 0; n < 50; n++) said.push(nexus.within(db).dispatch('A', { secret: secretOf(n) }));
    await nexus.idle();
    const { secure_delete: after } = db.prepare('PRAGMA secure_delete').get() as { secure_delete: number };
    expect(after).toBe(1);
    for (const { id } of said) await nexus.audit.redact(id, 'asked for');
    expect(
      filesWith(
        folder,
        said.map((_, n) => secretOf(n)),
      ),
    ).toEqual([]);
  });

  it(
    'may be in the write-ahead log while somebody reads, and is not called complete before',
    { timeout: 30_000 },
    async () => {
      const folder = emptyFolder();
      const file = join(folder, 'nexus.db');
      const nexus = host(file);
      const { id } = await nexus.dispatch('A', { secret: secretOf(1) });
      const reader = openDatabase(file, { readonly: true });
      reader.exec('BEGIN');
      reader.prepare('SELECT * FROM nexus_events').all();
      expect(await nexus.audit.redact(id, 'asked for')).toMatchObject({ already: false, complete: false });
      reader.close();
      expect(await nexus.audit.redact(id, 'asked for')).toMatchObject({ already: true, complete: true });
      expect(filesWith(folder, [secretOf(1)])).toEqual([]);
    },
  );
});

describe('what was pruned', () => {
  it('is gone with its rows, and a host that starts goes on above it', async () => {
    const folder = emptyFolder();
    const file = join(folder, 'nexus.db');
    const first = host(file);
    for (let n = 0; n < 300; n++) await first.dispatch('A', { n }, { idempotencyKey: `k${n}` });
    await first.audit.checkpoint();
    expect(await first.audit.prune({ before: 300 })).toEqual({ removed: 299, base: 299, heldBy: undefined });
    await first.close();
    const nexus = host(file);
    expect(await nexus.audit.verify()).toMatchObject({ ok: true, base: 299, from: 300, to: 301 });
    expect(await nexus.dispatch('A', { n: 7 }, { idempotencyKey: 'k7' })).toMatchObject({
      duplicate: true,
      seq: 8,
    });
    expect(await nexus.dispatch('A', { n: 300 })).toMatchObject({ seq: 302 });
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
  });
});
