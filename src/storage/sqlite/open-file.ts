/** Opens a database file, after making sure that it is one of ours and not of a later time. */
import { existsSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { NexusError } from '../../core/errors.js';
import { isBusy, toNexusError } from './failure.js';
import { APPLICATION_ID } from './migration-1.js';
import { migrate, schemaVersion, SCHEMA_VERSION } from './migrations.js';
import type { SqliteDriver, SqliteLike } from './sqlite-like.js';
import { createWrite } from './transaction.js';

/** Short: longer waits are asynchronous. */
const BUSY_MS = 5;
const JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024;
/** No database is smaller. */
const HEADER_BYTES = 100;

/** @throws NexusError NEXUS_STORAGE and its kin */
export async function openFile(options: {
  path: string;
  driver: SqliteDriver;
  mode: 'run' | 'read';
  logId: string;
}): Promise<SqliteLike> {
  const { path, driver, mode } = options;
  const inMemory = path === ':memory:';
  const known = inMemory ? 'fresh' : await inspect(path, driver, mode);
  if (mode === 'read') {
    if (known === 'fresh')
      throw new NexusError('NEXUS_NOT_FOUND', `there is no Nexus database at ${path}`, { details: { path } });
    return openOrExplain(path, driver, true);
  }
  const db = openOrExplain(path, driver, false);
  try {
    await untilFree(() => db.exec('PRAGMA journal_mode = WAL'), path);
    db.exec(`
      PRAGMA synchronous = FULL;
      PRAGMA trusted_schema = OFF;
      PRAGMA secure_delete = ON;
      PRAGMA mmap_size = 0;
      PRAGMA journal_size_limit = ${JOURNAL_LIMIT_BYTES};
      PRAGMA wal_autocheckpoint = 4000;
    `);
    const write = createWrite(db, path, () => undefined);
    await write(() => migrate(db, { logId: options.logId }));
    if (!inMemory) demandFullSync(db, path);
    return db;
  } catch (error) {
    db.close();
    throw toNexusError(error, 'open', path);
  }
}

/** The driver's build may fall back to NORMAL after the first write to a WAL file, which loses commits in a power cut. */
function demandFullSync(db: SqliteLike, path: string): void {
  const level = (): unknown =>
    (db.prepare('PRAGMA synchronous').get() as { synchronous?: unknown }).synchronous;
  if (level() === 2) return;
  db.exec('PRAGMA synchronous = FULL');
  if (level() === 2) return;
  throw new NexusError(
    'NEXUS_STORAGE',
    `SQLite does not keep synchronous=FULL for ${path}: commits would not survive a power cut; use another build of the driver`,
    {
      details: { path, retryable: false, outcome: 'not_stored' },
    },
  );
}

/** Looks without writing: what is not ours stays as it is. */
async function inspect(path: string, driver: SqliteDriver, mode: 'run' | 'read'): Promise<'fresh' | 'ours'> {
  const stats = look(path);
  if (!stats || (stats.isFile() && stats.size === 0)) return 'fresh';
  if (!stats.isFile()) {
    throw new NexusError(
      'NEXUS_STORAGE',
      `${path} is not a file but a ${stats.isDirectory() ? 'folder' : 'special file'}; give the path of a file`,
      {
        details: { path, retryable: false, outcome: 'not_stored' },
      },
    );
  }
  // SQLite takes a file of one byte for an empty one and would write over it.
  if (stats.size < HEADER_BYTES) throw notADatabase(path);
  // The last connection to close takes -wal and -shm with it, unless it is read-only; but one that may write would also
  // bring in what a crashed application has left there.
  const db = openOrExplain(path, driver, leftovers(path));
  try {
    return await untilFree(() => judge(db, path, mode), path);
  } catch (error) {
    throw toNexusError(error, 'open', path);
  } finally {
    db.close();
  }
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new NexusError(
      'NEXUS_STORAGE',
      `${path} cannot be looked at (${message}); give a path that this process may read and write`,
      { cause: error, details: { path, retryable: false, outcome: 'not_stored' } },
    );
  }
}

function notADatabase(path: string): NexusError {
  return new NexusError(
    'NEXUS_STORAGE_FOREIGN',
    `${path} is not a SQLite database; it was left untouched: give another path`,
    { details: { path, retryable: false, outcome: 'not_stored' } },
  );
}

function leftovers(path: string): boolean {
  return existsSync(`${path}-wal`) || existsSync(`${path}-journal`);
}

function judge(db: SqliteLike, path: string, mode: 'run' | 'read'): 'fresh' | 'ours' {
  // In this order: whoever makes the database meanwhile commits both at once, and its tables are not taken for a stranger's.
  const tables = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number };
  const { application_id: id } = db.prepare('PRAGMA application_id').get() as { application_id: number };
  if (id !== APPLICATION_ID) {
    // A start that was killed before its first commit leaves a database without tables.
    if (id === 0 && tables.n === 0) return 'fresh';
    throw new NexusError(
      'NEXUS_STORAGE_FOREIGN',
      `${path} is the database of another application; it was left untouched: give Nexus a file of its own`,
      {
        details: { path, applicationId: id },
      },
    );
  }
  const version = schemaVersion(db);
  if (version > SCHEMA_VERSION) {
    throw new NexusError(
      'NEXUS_STORAGE_NEWER',
      `${path} has schema ${version}, this Nexus knows up to ${SCHEMA_VERSION}; it was left untouched: upgrade @neo-protocol/nexus`,
      {
        details: { path, version, known: SCHEMA_VERSION },
      },
    );
  }
  if (version < SCHEMA_VERSION && mode === 'read') {
    // Only who runs migrates; a reader would not find what it asks for.
    throw new NexusError(
      'NEXUS_STORAGE_OLDER',
      `${path} has schema ${version}, this Nexus reads ${SCHEMA_VERSION}; it was left untouched: start a Nexus on it once, which migrates it, or read it with the version that wrote it`,
      { details: { path, version, known: SCHEMA_VERSION } },
    );
  }
  return 'ours';
}

function openOrExplain(path: string, driver: SqliteDriver, readonly: boolean): SqliteLike {
  try {
    return driver(path, { readonly, busyMs: BUSY_MS });
  } catch (error) {
    // Drivers report a missing folder each in their own way.
    const message = error instanceof Error ? error.message : String(error);
    if (path !== ':memory:' && !existsSync(dirname(path))) {
      throw new NexusError('NEXUS_STORAGE', `${path} cannot be opened: ${message}; create the folder first`, {
        cause: error,
        details: { path, retryable: false, outcome: 'not_stored' },
      });
    }
    throw toNexusError(error, 'open', path);
  }
}

async function untilFree<T>(work: () => T, path: string): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || tries >= 200) throw toNexusError(error, 'open', path);
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
    }
  }
}
