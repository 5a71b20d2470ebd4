/** A file of every released schema opens, is brought up to date, and goes on from where it was. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GENESIS_HASH, hashEvent } from '../../src/core/chain.js';
import { createNexus } from '../../src/create-nexus.js';
import { migrate, SCHEMA_VERSION, schemaVersion } from '../../src/storage/sqlite/migrations.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../support/database.js';
import { makeSchemaFile } from './schema-file.js';

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));

/** The newest schema, which is not released before its file is there, is as the code makes it. */
const NEWEST = 'the newest';
const files = [...readdirSync(fixtures), NEWEST];

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-schema-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function copyOf(fixture: string): Promise<string> {
  const path = join(emptyFolder(), 'nexus.db');
  if (fixture === NEWEST) await makeSchemaFile(path);
  else copyFileSync(join(fixtures, fixture), path);
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
  const path = join(emptyFolder(), 'nexus.db');
  const nexus = createNexus({ storage: path, logger: false });
  await nexus.start();
  await nexus.close();
  return path;
}

describe('a file of an earlier schema', () => {
  it('is there for every released schema', () => {
    const expected = Array.from({ length: SCHEMA_VERSION - 1 }, (_, i) => `schema-${i + 1}.db`);
    expect(readdirSync(fixtures).sort()).toEqual(expected);
  });

  it.each(readdirSync(fixtures))('%s is what its migrations still make', async (fixture) => {
    const path = join(emptyFolder(), 'nexus.db');
    const db = openDatabase(path);
    migrate(db, { logId: 'x' }, Number(/\d+/.exec(fixture)?.[0]));
    db.close();
    expect(tables(path)).toEqual(tables(await copyOf(fixture)));
  });

  it.each(readdirSync(fixtures))('%s is not read but by who may migrate it', async (fixture) => {
    const path = await copyOf(fixture);
    const before = readFileSync(path);
    const storage = sqliteStorage({ path });
    await expect(
      storage.open({ instance: crypto.randomUUID(), leaseMs: 1_000, mode: 'read' }),
    ).rejects.toMatchObject({
      code: 'NEXUS_STORAGE_OLDER',
      message: expect.stringMatching(/has schema \d+, .*start a Nexus on it once/) as string,
    });
    await storage.close();
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(join(path, '..'))).toEqual(['nexus.db']);
  });

  it.each(files)('%s becomes what a new file is', async (fixture) => {
    const path = await copyOf(fixture);
    const nexus = createNexus({ storage: path, logger: false });
    await nexus.start();
    await nexus.close();
    expect(tables(path)).toEqual(tables(await fresh()));
  });

  it.each(files)('%s keeps its log and its open deliveries', async (fixture) => {
    const path = await copyOf(fixture);
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

describe('schema 3', () => {
  it('keeps fingerprints of bytes as numbers, and what was said before it is known', async () => {
    const path = await copyOf('schema-2.db');
    const digest = (n: number): string => createHash('sha256').update(String(n)).digest('hex').slice(0, 32);
    const before = openDatabase(path);
    const insert = before.prepare('INSERT INTO nexus_dedupe (source, key, seq) VALUES (?, ?, ?)');
    for (let n = 0; n < 2_500; n++)
      insert.run(n % 2 === 0 ? 'flowpay' : 'factory', `b:${digest(n)}`, 1 + (n % 36));
    // Of the same number, but another fingerprint.
    const twin = `b:${digest(0).slice(0, 20)}${'0'.repeat(12)}`;
    insert.run('flowpay', twin, 7);
    insert.run('flowpay', `b:${digest(1)}/300000/5`, 8);
    insert.run('flowpay', 'b:of the host', 9);
    before.close();

    const nexus = createNexus({ storage: path, logger: false });
    await nexus.start();
    await nexus.close();
    const storage = sqliteStorage({ path });
    await storage.open({ instance: crypto.randomUUID(), leaseMs: 1_000, mode: 'read' });
    onTestFinished(async () => await storage.close());
    const seqOf = async (source: string, key: string): Promise<number | undefined> =>
      (await storage.read.eventByKey(source, key))?.seq;
    for (let n = 0; n < 2_500; n++) {
      const [own, other] = n % 2 === 0 ? ['flowpay', 'factory'] : ['factory', 'flowpay'];
      expect(await seqOf(own, `b:${digest(n)}`)).toBe(1 + (n % 36));
      expect(await seqOf(other, `b:${digest(n)}`)).toBeUndefined();
    }
    expect(await seqOf('flowpay', twin)).toBe(7);
    expect(await seqOf('flowpay', `b:${digest(1)}/300000/5`)).toBe(8);
    expect(await seqOf('flowpay', 'b:of the host')).toBe(9);
    const after = openDatabase(path, { readonly: true });
    const left = after.prepare(`SELECT key FROM nexus_dedupe WHERE key GLOB 'b:*' ORDER BY key`).all();
    after.close();
    // In the order of the index; of the twins the later one stays what it was.
    expect(left).toEqual([
      { key: `b:${digest(0)}` },
      { key: `b:${digest(1)}/300000/5` },
      { key: 'b:of the host' },
    ]);
  });
});

describe('a migration', () => {
  type Migrated = { migrated: number; seq: number };
  const script = fileURLToPath(new URL('./migrating.ts', import.meta.url));

  /** Processes that open a file at the same moment; what each says, or how it was killed. */
  async function atOnce(path: string, count: number, how = ''): Promise<(Migrated | string)[]> {
    const children = Array.from({ length: count }, () =>
      spawn(process.execPath, ['--import', 'tsx', script, path, how], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    onTestFinished(() => children.forEach((child) => child.kill('SIGKILL')));
    await Promise.all(children.map((child) => new Promise((ready) => child.stdout.once('data', ready))));
    return await Promise.all(
      children.map(
        (child) =>
          new Promise<Migrated | string>((done) => {
            let said = '';
            child.stdout.on('data', (data) => (said += String(data)));
            child.once('close', (code, signal) =>
              done(code === 0 ? (JSON.parse(said) as Migrated) : String(signal ?? code)),
            );
            child.stdin.write('go\n');
          }),
      ),
    );
  }
  const versionOf = (path: string): number => {
    const db = openDatabase(path, { readonly: true });
    try {
      return schemaVersion(db);
    } finally {
      db.close();
    }
  };

  it.each(['schema-1.db', 'a file that is not there'])(
    'is made by one of several processes that open %s at once',
    { timeout: 60_000 },
    async (file) => {
      const path = file === 'schema-1.db' ? await copyOf(file) : join(emptyFolder(), 'nexus.db');
      const said = (await atOnce(path, 4)) as Migrated[];
      expect(said.map(({ migrated }) => migrated).sort()).toEqual([0, 0, 0, 1]);
      expect(new Set(said.map(({ seq }) => seq)).size).toBe(4);
      expect(tables(path)).toEqual(tables(await fresh()));
    },
  );

  it('that is killed leaves the schema as it was, for the next to migrate', { timeout: 60_000 }, async () => {
    const path = await copyOf('schema-1.db');
    expect(await atOnce(path, 1, 'die')).toEqual(['SIGKILL']);
    expect(versionOf(path)).toBe(1);
    expect(tables(path)).toEqual(tables(await copyOf('schema-1.db')));
    expect(await atOnce(path, 1)).toEqual([{ migrated: 1, seq: 37 }]);
    expect(versionOf(path)).toBe(SCHEMA_VERSION);
    expect(tables(path)).toEqual(tables(await fresh()));
  });
});
