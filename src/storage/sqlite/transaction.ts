/** Write transactions: immediate, atomic, retried asynchronously while another writer holds the lock. */
import { isBusy, toNexusError } from './failure.js';
import type { SqliteLike } from './sqlite-like.js';

/** How long to try for the write lock before the caller is told. */
const PATIENCE_MS = 5_000;

/**
 * Runs `work` between BEGIN IMMEDIATE and a durable COMMIT, or not at all; `committed` before any other write can begin.
 *
 * @throws NexusError NEXUS_STORAGE and its kin
 */
export type Write = <T>(work: () => T, committed?: (result: T) => void) => Promise<T>;

export function createWrite(db: SqliteLike, path: string, afterRollback: () => void): Write {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const undo = (): void => {
    afterRollback();
    // SQLite has rolled back by itself after some errors (disk full, for one).
    if (db.inTransaction) rollback.run();
  };
  const run = <T>(work: () => T, committed?: (result: T) => void): T => {
    let result: T;
    try {
      result = work();
    } catch (error) {
      undo();
      throw toNexusError(error, 'before-commit', path);
    }
    try {
      commit.run();
    } catch (error) {
      undo();
      throw toNexusError(error, 'commit', path);
    }
    committed?.(result);
    return result;
  };
  return async (work, committed) => {
    const since = performance.now();
    for (let tries = 0; ; tries++) {
      // From BEGIN to COMMIT in one piece: anything awaited in between would let another write in.
      if (begun(begin, path, performance.now() - since > PATIENCE_MS)) return run(work, committed);
      // A long `busy_timeout` would block the whole event loop; waiting is done outside of SQLite, with jitter.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2 ** tries, 50)));
    }
  };
}

/** False while another writer holds the lock. */
function begun(begin: { run(): unknown }, path: string, lastTry: boolean): boolean {
  try {
    begin.run();
    return true;
  } catch (error) {
    if (isBusy(error) && !lastTry) return false;
    throw toNexusError(error, 'before-commit', path);
  }
}
