/**
 * Copies a database while it is written. The copy is of one snapshot, held open by a connection of its own: a copy that
 * follows the writes of others starts over with each of them. It is made under another name, marked, synced and only
 * then given its own; and the file is never read but through SQLite, which would lose its locks.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { link, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NexusError } from '../../core/errors.js';
import type { BackupTo } from '../storage.js';
import { markCopy } from './copy-mark.js';
import { createPace } from './copy-pace.js';
import { toNexusError } from './failure.js';
import type { SqliteDriver, SqliteLike } from './sqlite-like.js';

export interface Copier {
  /** One at a time; others wait for it. */
  copy(to: BackupTo, now: number): Promise<void>;
  /** Gives up the copy that is being made; resolves when nothing is left of it. */
  close(): Promise<void>;
}

export function createCopier({ path, driver }: { path: string; driver: SqliteDriver }): Copier {
  const source = resolve(path);
  let desk: SqliteLike | undefined;
  let line: Promise<unknown> = Promise.resolve();
  let closed = false;
  const mayGoOn = (): void => {
    if (closed)
      throw new NexusError(
        'NEXUS_CLOSED',
        'the storage was closed before the backup was complete; none was left behind',
      );
  };

  const copyTo = async (to: BackupTo, now: number): Promise<void> => {
    mayGoOn();
    const target = resolve(to.path);
    refuseTaken(target);
    const partial = `${target}.partial-${randomBytes(4).toString('hex')}`;
    const file = await create(partial, target, source);
    // One connection for all copies: they cannot be freed everywhere.
    const db = (desk ??= driver(':memory:', { readonly: false, busyMs: 0 }));
    try {
      const head = await copyPages(db, { source, partial, file, to, mayGoOn });
      attach(db, partial, 'copy');
      try {
        db.exec('PRAGMA copy.synchronous = OFF');
        markCopy(db, 'copy', { at: now, from: source, head });
        // One file, which can be read where nothing can be written.
        db.exec('PRAGMA copy.journal_mode = DELETE');
      } finally {
        db.exec('DETACH copy');
      }
      await file.sync();
      await file.close();
      mayGoOn();
      await giveName(partial, target);
    } catch (error) {
      throw toCopyError(error, target);
    } finally {
      await file.close().catch(() => undefined);
      for (const rest of ['', '-journal', '-wal', '-shm']) await rm(partial + rest, { force: true });
    }
  };

  return {
    copy: (to, now) => {
      const copied = line.then(() => copyTo(to, now));
      line = copied.catch(() => undefined);
      return copied;
    },
    close: async () => {
      closed = true;
      await line;
      desk?.close();
      desk = undefined;
    },
  };
}

/** Returns the head of what was copied. */
async function copyPages(
  db: SqliteLike,
  {
    source,
    partial,
    file,
    to,
    mayGoOn,
  }: {
    source: string;
    partial: string;
    file: FileHandle;
    to: BackupTo;
    mayGoOn: () => void;
  },
): Promise<number> {
  const one = (sql: string): number => Number(Object.values(db.prepare(sql).get() as object)[0]);
  attach(db, source, 'origin');
  try {
    db.exec('BEGIN');
    const head = one('SELECT coalesce(max(seq), 0) FROM origin.nexus_events');
    const pageBytes = one('PRAGMA origin.page_size');
    if (db.backup) {
      const pace = createPace({ pageBytes, file, mayGoOn, tell: to.onProgress });
      await db.backup(partial, { attached: 'origin', progress: pace });
    } else {
      db.exec('COMMIT');
      const total = one('PRAGMA origin.page_count') * pageBytes;
      to.onProgress?.({ done: 0, total });
      db.exec(`VACUUM origin INTO ${quoted(partial)}`);
      to.onProgress?.({ done: total, total });
    }
    return head;
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
    db.exec('DETACH origin');
  }
}

function attach(db: SqliteLike, path: string, name: string): void {
  db.exec(`ATTACH ${quoted(path)} AS ${name}`);
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "''")}'`;
}

/** What lies beside a database under its name belongs to it: a copy would be opened with another's. */
function refuseTaken(target: string): void {
  for (const taken of [target, `${target}-wal`, `${target}-journal`]) {
    if (!isThere(taken)) continue;
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      `the path of a backup must be free, and so must what SQLite keeps beside it; ${taken} exists already: choose another path`,
      { details: { option: 'path', path: target, taken } },
    );
  }
}

function isThere(path: string): boolean {
  try {
    // A link that leads nowhere is there too.
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw toCopyError(error, path);
  }
}

/** Readable by those who may read the original. */
async function create(partial: string, target: string, source: string): Promise<FileHandle> {
  try {
    return await open(partial, 'wx+', statSync(source).mode & 0o777);
  } catch (error) {
    throw toCopyError(error, target);
  }
}

/** Without ever replacing a file that has come meanwhile, where the file system can do that. */
async function giveName(partial: string, target: string): Promise<void> {
  try {
    await link(partial, target);
  } catch (error) {
    if (existsSync(target)) throw error;
    await rename(partial, target);
  }
  // The name as well must outlast a power cut; not every system syncs folders.
  const folder = await open(dirname(target), 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function toCopyError(error: unknown, target: string): NexusError {
  const code = (error as { code?: unknown } | null)?.code;
  if (NexusError.is(error) || typeof code !== 'string' || code.startsWith('SQLITE_'))
    return toNexusError(error, 'open', target);
  const message = error instanceof Error ? error.message : String(error);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new NexusError(
    full ? 'NEXUS_STORAGE_FULL' : 'NEXUS_STORAGE',
    `the backup ${target} could not be written (${message}); none was left behind: ${full ? 'free space' : 'give a path in a folder that exists and can be written'}, and try again`,
    { cause: error, details: { path: target, retryable: full, outcome: 'not_stored' } },
  );
}
