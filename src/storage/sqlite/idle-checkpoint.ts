/**
 * Some time after the last write, the write-ahead log is brought into the database and its file emptied, so that what a
 * burst or a long reader of another connection has made of it does not stay. Nothing is armed while nothing is written.
 */
import { sqliteCode } from './failure.js';
import type { SqliteLike } from './sqlite-like.js';

export interface IdleCheckpoint {
  /** To be called with every write transaction that is not only the renewal of a lease: it costs next to nothing. */
  wrote(): void;
  /** Empties it now, waiting for readers for a while; false when they stay: then it is tried again until they have gone. */
  empty(): Promise<boolean>;
  stop(): void;
}

const IDLE_MS = 5_000;
/** Readers are still there, or a writer of another process: again later, then later still. */
const LONGEST_WAIT_MS = 5 * 60_000;
/** Who writes a little now and then need not sync more for it. */
const SMALL_BYTES = 256 * 1024;
/** How long a caller waits for readers. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 50;

export function createIdleCheckpoint(db: SqliteLike, walBytes: () => number): IdleCheckpoint {
  const truncate = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)');
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writes = 0;
  /** Whatever its size: something in it must go. */
  let must = false;

  const arm = (waitMs: number): void => {
    const before = writes;
    timer = setTimeout(() => {
      timer = undefined;
      if (writes !== before) arm(IDLE_MS);
      else if ((must || walBytes() > SMALL_BYTES) && !truncated()) arm(Math.min(waitMs * 2, LONGEST_WAIT_MS));
    }, waitMs);
    timer.unref();
  };
  /** Waits for readers no longer than for any lock: some milliseconds. */
  const truncated = (): boolean => {
    try {
      if ((truncate.get() as { busy: number }).busy !== 0) return false;
      must = false;
      return true;
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
    empty: async () => {
      const since = performance.now();
      must = true;
      while (!truncated()) {
        if (performance.now() - since > PATIENCE_MS) {
          if (timer === undefined) arm(IDLE_MS);
          return false;
        }
        await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS));
      }
      return !must;
    },
    stop: () => clearTimeout(timer),
  };
}
