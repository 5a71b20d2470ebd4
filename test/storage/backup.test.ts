/** Copies of a file that is in use. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { chainWhole } from '../../proof/crash.js';
import { createNexus } from '../../src/create-nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { Nexus, NexusOptions } from '../../src/nexus.js';
import { sqliteStorage, type SqliteDriver, type SqliteLike } from '../../src/storage/sqlite/index.js';
import { deferred, record } from '../support/bus.js';
import { openDatabase } from '../support/database.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-backup-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function onFile(path: string, options: Partial<NexusOptions> = {}): Nexus {
  const nexus = createNexus({ storage: path, logger: false, ...options });
  onTestFinished(() => nexus.close({ timeoutMs: 0 }).then(() => undefined));
  return nexus;
}

async function fill(nexus: Nexus, batches: number): Promise<void> {
  const pad = 'x'.repeat(1_000);
  for (let i = 0; i < batches; i++)
    await nexus.dispatchMany(Array.from({ length: 500 }, () => ({ type: 'A', payload: { pad } })));
}

/** The driver with its connections to files, as they are opened. */
function watched(change: (db: SqliteLike) => SqliteLike = (db) => db): {
  driver: SqliteDriver;
  opened: Map<string, SqliteLike>;
} {
  const opened = new Map<string, SqliteLike>();
  return {
    opened,
    driver: (file, options) => {
      const db = change(openDatabase(file, options));
      opened.set(file, db);
      return db;
    },
  };
}

function look<T>(path: string, ask: (db: SqliteLike) => T): T {
  const db = openDatabase(path, { readonly: true });
  try {
    return ask(db);
  } finally {
    db.close();
  }
}

const meta = (path: string): Record<string, string> =>
  look(path, (db) =>
    Object.fromEntries(
      (db.prepare('SELECT key, value FROM nexus_meta').all() as { key: string; value: string }[]).map(
        ({ key, value }) => [key, value],
      ),
    ),
  );

const inSteps = 'backup' in openDatabase(':memory:');
const oneStatement = 'the driver of this run copies in one statement, in which nothing else happens';

describe('a backup', () => {
  it('has every event acknowledged before it, whole, while two hosts go on writing', async (context) => {
    if (!inSteps) context.skip(oneStatement);
    const where = folder();
    const path = join(where, 'nexus.db');
    const hosts = [onFile(path), onFile(path)];
    for (const nexus of hosts) {
      nexus.onEvent('A', { name: 'r' }, () => undefined);
      await nexus.idle();
    }
    await fill(hosts[0]!, 12);
    let writing = true;
    const acknowledged: string[] = [];
    const writers = hosts.map(async (nexus) => {
      while (writing) acknowledged.push((await nexus.dispatch('A', {})).id);
    });
    await vi.waitUntil(() => acknowledged.length > 20);
    const before = [...acknowledged];
    const progress: { done: number; total: number }[] = [];
    await hosts[0]!.backup(join(where, 'copy.db'), { onProgress: (each) => progress.push(each) });
    const meanwhile = acknowledged.length - before.length;
    writing = false;
    await Promise.all(writers);
    expect(meanwhile, 'written while it was made').toBeGreaterThan(0);
    expect(progress.length).toBeGreaterThan(3);
    expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));

    expect(readdirSync(where).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
    look(join(where, 'copy.db'), (db) => {
      expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
      expect(chainWhole(db)).toBe(true);
      const ids = new Set(
        (db.prepare('SELECT id FROM nexus_events').all() as { id: string }[]).map(({ id }) => id),
      );
      expect(before.filter((id) => !ids.has(id))).toEqual([]);
    });
    // Who only reads it needs to write nothing beside it.
    expect(readdirSync(where).filter((name) => name.startsWith('copy'))).toEqual(['copy.db']);
  });

  it('says what it is of, once it is run for the first time', async () => {
    const where = folder();
    const path = join(where, 'nexus.db');
    const copy = join(where, "copy's.db");
    const nexus = onFile(path);
    await nexus.dispatch('A', {}, { idempotencyKey: 'k' });
    await nexus.backup(copy);
    await nexus.dispatch('A', { later: true });
    expect(meta(copy)).toMatchObject({ copied_from: path, copied_head: '1' });
    expect(meta(copy).log_id).toBe(meta(path).log_id);
    expect(meta(path)).not.toHaveProperty('copied_at');

    const warnings: object[] = [];
    const logger = {
      debug: () => undefined,
      info: () => undefined,
      warn: (what: object) => warnings.push(what),
      error: () => undefined,
    };
    for (const times of [1, 1]) {
      const restored = onFile(copy, { logger });
      expect(await restored.dispatch('A', {}, { idempotencyKey: 'k' })).toMatchObject({
        seq: 1,
        duplicate: true,
      });
      await restored.close();
      expect(warnings).toHaveLength(times);
    }
    expect(warnings[0]).toMatchObject({ from: path, head: 1 });
    // A copy of what was a copy is one again.
    const again = onFile(copy);
    await again.backup(join(where, 'second.db'));
    expect(meta(copy)).toHaveProperty('restored_at');
    expect(meta(join(where, 'second.db'))).toMatchObject({ copied_from: copy });
    expect(meta(join(where, 'second.db'))).not.toHaveProperty('restored_at');
  });

  it('runs as suspects what the original had running', async () => {
    const where = folder();
    const hanging = deferred();
    const started = deferred();
    const nexus = onFile(join(where, 'nexus.db'));
    nexus.onEvent('A', { name: 'r' }, async () => {
      started.resolve();
      await hanging.promise;
    });
    const { id } = await nexus.dispatch('A', {});
    await started.promise;
    await nexus.backup(join(where, 'copy.db'));
    const restored = onFile(join(where, 'copy.db'));
    const recovered = record(restored, 'delivery:recovered');
    restored.onEvent('A', { name: 'r' }, () => undefined);
    expect(await restored.settled(id)).toMatchObject([{ state: 'succeeded', crashes: 0 }]);
    expect(recovered).toHaveLength(1);
    hanging.resolve();
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
  });

  it('keeps the locks of the process on the original', async () => {
    const where = folder();
    const path = join(where, 'nexus.db');
    const { driver, opened } = watched();
    const nexus = onFile(path, { storage: sqliteStorage({ path, driver }) });
    await nexus.dispatch('A', {});
    const connection = opened.get(path)!;
    connection.exec('BEGIN IMMEDIATE');
    await nexus.backup(join(where, 'copy.db'));
    const script = fileURLToPath(new URL('./write-lock.ts', import.meta.url));
    const other = (): string =>
      execFileSync(process.execPath, ['--import', 'tsx', script, path], { encoding: 'utf8' });
    expect(other()).toBe('SQLITE_BUSY');
    connection.exec('ROLLBACK');
    expect(other()).toBe('free');
  });

  it('is made in one statement where the driver cannot do it in steps', async () => {
    const where = folder();
    const path = join(where, 'nexus.db');
    const { driver } = watched((db) => Object.assign(db, { backup: undefined }));
    const nexus = onFile(path, { storage: sqliteStorage({ path, driver }) });
    await fill(nexus, 1);
    const progress: { done: number; total: number }[] = [];
    await nexus.backup(join(where, 'copy.db'), { onProgress: (each) => progress.push(each) });
    expect(progress.map(({ done, total }) => done / total)).toEqual([0, 1]);
    expect(meta(join(where, 'copy.db'))).toMatchObject({ copied_head: '500' });
    expect(look(join(where, 'copy.db'), chainWhole)).toBe(true);
    expect(readdirSync(where).filter((name) => name.includes('copy'))).toEqual(['copy.db']);
  });

  it('may be read by those who may read the original', async () => {
    const where = folder();
    const nexus = onFile(join(where, 'nexus.db'));
    await nexus.dispatch('A', {});
    chmodSync(join(where, 'nexus.db'), 0o600);
    await nexus.backup(join(where, 'copy.db'));
    expect(statSync(join(where, 'copy.db')).mode & 0o777).toBe(0o600);
  });

  it('waits for the one that is being made', async () => {
    const where = folder();
    const nexus = onFile(join(where, 'nexus.db'));
    await fill(nexus, 4);
    await Promise.all(['one.db', 'two.db'].map((name) => nexus.backup(join(where, name))));
    for (const name of ['one.db', 'two.db']) expect(look(join(where, name), chainWhole)).toBe(true);
    await expect(
      Promise.allSettled(['same.db', 'same.db'].map((name) => nexus.backup(join(where, name)))),
    ).resolves.toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'NEXUS_INVALID_OPTION' } }]);
  });

  it('goes on when onProgress throws', async () => {
    const where = folder();
    const nexus = onFile(join(where, 'nexus.db'));
    await nexus.dispatch('A', {});
    const onProgress = (): never => {
      throw new Error('no');
    };
    await nexus.backup(join(where, 'copy.db'), { onProgress });
    expect(look(join(where, 'copy.db'), chainWhole)).toBe(true);
  });
});

describe('a backup that cannot be made', () => {
  type Refused = { code: string; make: (where: string) => string };
  const refused: Record<string, Refused> = {
    'onto a file': {
      code: 'NEXUS_INVALID_OPTION',
      make: (where) => {
        writeFileSync(join(where, 'mine.txt'), 'mine');
        return 'mine.txt';
      },
    },
    'onto itself': { code: 'NEXUS_INVALID_OPTION', make: () => 'nexus.db' },
    'onto a link that leads nowhere': {
      code: 'NEXUS_INVALID_OPTION',
      make: (where) => {
        symlinkSync(join(where, 'nowhere'), join(where, 'link.db'));
        return 'link.db';
      },
    },
    'beside the write-ahead log of another': {
      code: 'NEXUS_INVALID_OPTION',
      make: (where) => {
        writeFileSync(join(where, 'old.db-wal'), 'x');
        return 'old.db';
      },
    },
    'onto a folder': {
      code: 'NEXUS_INVALID_OPTION',
      make: (where) => {
        mkdirSync(join(where, 'folder'));
        return 'folder';
      },
    },
    'into a folder that is not there': { code: 'NEXUS_STORAGE', make: () => join('missing', 'copy.db') },
    'below a file': {
      code: 'NEXUS_STORAGE',
      make: (where) => {
        writeFileSync(join(where, 'file'), 'x');
        return join('file', 'copy.db');
      },
    },
  };

  it.each(Object.entries(refused))('%s is refused', async (_what, { code, make }) => {
    const where = folder();
    const nexus = onFile(join(where, 'nexus.db'));
    await nexus.dispatch('A', {});
    const name = make(where);
    const before = readdirSync(where);
    await expect(nexus.backup(join(where, name))).rejects.toMatchObject({ code });
    expect(readdirSync(where)).toEqual(before);
  });

  it.each(['', ' ', 'a\0b', 7 as never])('to %j is refused', async (path) => {
    const nexus = onFile(join(folder(), 'nexus.db'));
    await expect(nexus.backup(path)).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
  });

  it('of memory is refused', async () => {
    const path = join(folder(), 'copy.db');
    for (const storage of [memoryStorage(), ':memory:']) {
      const nexus = createNexus({ storage, logger: false });
      onTestFinished(() => nexus.close().then(() => undefined));
      await expect(nexus.backup(path)).rejects.toMatchObject({ code: 'NEXUS_NOT_SUPPORTED' });
    }
  });

  it('leaves nothing when the disk is full in the middle of it, and can be made again', async (context) => {
    if (!inSteps) context.skip(oneStatement);
    const where = folder();
    const path = join(where, 'nexus.db');
    let full = true;
    const { driver } = watched((db) => {
      const backup = db.backup?.bind(db);
      if (!backup) throw new Error('this driver has backup');
      return Object.assign(db, {
        backup: (to: string, options: Parameters<typeof backup>[1]) =>
          backup(to, {
            ...options,
            progress: (at) => {
              if (full && at.remainingPages < at.totalPages)
                throw Object.assign(new Error('full'), { code: 'SQLITE_FULL' });
              return options.progress(at);
            },
          }),
      });
    });
    const nexus = onFile(path, { storage: sqliteStorage({ path, driver }) });
    await fill(nexus, 8);
    // What lies beside the original comes and goes at its own time.
    const copies = (): string[] => readdirSync(where).filter((file) => !file.startsWith('nexus.db'));
    await expect(nexus.backup(join(where, 'copy.db'))).rejects.toMatchObject({ code: 'NEXUS_STORAGE_FULL' });
    expect(copies()).toEqual([]);
    full = false;
    await nexus.backup(join(where, 'copy.db'));
    expect(look(join(where, 'copy.db'), chainWhole)).toBe(true);
  });

  it('because the Nexus closes leaves nothing, and does not hold up the close', async () => {
    const where = folder();
    const nexus = onFile(join(where, 'nexus.db'));
    await fill(nexus, 12);
    let closing: Promise<unknown> | undefined;
    const copying = nexus.backup(join(where, 'copy.db'), {
      onProgress: () => void (closing ??= nexus.close()),
    });
    await expect(copying).rejects.toMatchObject({ code: 'NEXUS_CLOSED' });
    await closing;
    expect(readdirSync(where).filter((file) => !file.startsWith('nexus.db'))).toEqual([]);
    await expect(nexus.backup(join(where, 'copy.db'))).rejects.toMatchObject({ code: 'NEXUS_CLOSED' });
  });
});
