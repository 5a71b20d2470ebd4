/** Writes that found no room on the disk: room is made for them, and they are said again. */
import { NexusError } from '../../core/errors.js';
import type { Space } from './space.js';
import type { SqliteLike } from './sqlite-like.js';
import type { Write } from './transaction.js';

/**
 * First the write-ahead log is brought into the database: from then on it is written from its beginning, where it takes no
 * space. It may be too short to be brought in by itself, and too long to grow. If that is not enough, the ballast is given
 * up for it, a step at a time.
 */
export function withRoom(plain: Write, { db, space }: { db: SqliteLike; space: Space }): Write {
  return async (work, committed) => {
    for (let tries = 0; ; tries++) {
      try {
        return await plain(work, committed);
      } catch (error) {
        if (!foundNoRoom(error)) throw error;
        space.full();
        const brought = tryCheckpoint(db, 'PASSIVE');
        if (!brought || tries > 0) {
          if (!space.giveUp()) throw error;
          tryCheckpoint(db, 'PASSIVE');
        }
        // Said again, what may have been stored could be stored twice.
        if (error.details.outcome === 'unknown') throw error;
      }
    }
  };
}

/** The same for the opening of the file, when there is nothing yet to be brought in. */
export async function withSpace<T>(open: () => Promise<T>, space: Space): Promise<T> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!foundNoRoom(error)) throw error;
      space.full();
      if (!space.giveUp()) throw error;
    }
  }
}

/** True when all of the write-ahead log is in the database; it may find no room, or others that still read. */
export function tryCheckpoint(db: SqliteLike, how: 'PASSIVE' | 'TRUNCATE'): boolean {
  try {
    const { log, checkpointed } = db.prepare(`PRAGMA wal_checkpoint(${how})`).get() as {
      log: number;
      checkpointed: number;
    };
    return log > 0 && log === checkpointed;
  } catch {
    // The next one will do: what is in the write-ahead log is as good as in the database.
    return false;
  }
}

/** Also a refusal below the floor has this code, but no write was tried. */
function foundNoRoom(error: unknown): error is NexusError {
  return NexusError.is(error, 'NEXUS_STORAGE_FULL') && error.details.eventsOnly !== true;
}
