/**
 * Ballast: a file that takes up space until it is needed. A full disk refuses deletes and checkpoints too, for both need
 * room in the write-ahead log or at the end of the database; giving up the ballast makes that room.
 */
import { randomFillSync } from 'node:crypto';
import { constants, rmSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { sizeOf } from './free-space.js';

export interface Ballast {
  bytes(): number;
  /** Grows to a size. What is written is random, for some file systems keep no blocks for zeros. */
  grow(to: number): Promise<void>;
  /** Gives up a step of it; false when there was none. */
  giveUp(): boolean;
}

const STEP_BYTES = 1024 * 1024;
/** Given up at once: what a few writes need. All of it at once would be for whoever else fills the disk. */
const GIVEN_BYTES = 512 * 1024;

export function createBallast(path: string): Ballast {
  const file = `${path}-ballast`;
  const bytes = (): number => sizeOf(file);
  let given = 0;
  return {
    bytes,
    grow: async (to) => {
      const before = given;
      const handle = await open(file, constants.O_CREAT | constants.O_RDWR);
      try {
        // At places of its own, so that two processes at it make one ballast, not two.
        for (let at = bytes(); at < to && given === before; at += STEP_BYTES) {
          await handle.write(randomFillSync(Buffer.alloc(Math.min(STEP_BYTES, to - at))), 0, null, at);
        }
      } finally {
        await handle.close();
      }
    },
    giveUp: () => {
      const had = bytes();
      given += 1;
      try {
        if (had > GIVEN_BYTES) truncateSync(file, had - GIVEN_BYTES);
        else rmSync(file, { force: true });
      } catch {
        return false;
      }
      return had > 0;
    },
  };
}
