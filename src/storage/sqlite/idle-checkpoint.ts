/**
 * Some time after the last write, the write-ahead log is brought into the database and its file emptied, so that what a
 * burst or a long reader of another connection has made of it does not stay. Nothing is armed while nothing is written.
 */
import { sqliteCode } from './failure.js';
import type { SqliteLike } from './sqlite-like.js';

export interface IdleCheckpoint {
  /** To be called with every write transaction: it costs next to nothing. */
  wrote(): void;
  stop(): void;
}

const IDLE_MS = 5_000;
/** Readers are still there, or a writer of another process: again later, then later still. */
const LONGEST_WAIT_MS = 5 * 60_000;
/** The renewals of a lease fill so much in hours: it is not worth the syncs. */
const SMALL_BYTES = 256 * 1024;

export function createIdleCheckpoint(db: SqliteLike, walBytes: () => number): IdleCheckpoint {
  const truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writes = 0;

  const arm = (waitMs: number): void => {
    const before = writes;
    timer = setTimeout(() => {
      timer = undefined;
      if (writes !== before) arm(IDLE_MS);
      else if (walBytes() > SMALL_BYTES && !truncated()) arm(Math.min(waitMs * 2, LONGEST_WAIT_MS));
    }, waitMs);
    timer.unref();
  };
  /** Waits for readers no longer than for any lock: some milliseconds. */
  const truncated = (): boolean => {
    try {
      return (truncate.get() as { busy: number }).busy === 0;
    } catch (error) {
      // Of a connection that was closed nothing is left to do. A disk that is full may have room later.
      return sqliteCode(error) === '';
    }
  };
  return {
    wrote: () => {
      writes += 1;
      if (timer === undefined) arm(IDLE_MS);
    },
    stop: () => clearTimeout(timer),
  };
}
