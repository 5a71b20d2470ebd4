/** How much room there is on a disk. */
import { statfsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

export type Room = { readonly freeBytes: number; readonly totalBytes: number };

/** Of the disk that a file is on; undefined where that cannot be told. */
export async function lookForRoom(file: string): Promise<Room | undefined> {
  return await statfs(dirname(file)).then(toRoom, () => undefined);
}

/** The same, at once: for the moment after a write has failed. */
export function roomNow(file: string): Room | undefined {
  try {
    return toRoom(statfsSync(dirname(file)));
  } catch {
    return undefined;
  }
}

/** Below this a file of SQLite may not grow by its next step. */
const NOTHING_BYTES = 1024 * 1024;

/** True when so little is left that a failed write is no wonder: SQLite does not always say why. */
export function isFull(file: string): boolean {
  const room = roomNow(file);
  return room !== undefined && room.freeBytes < NOTHING_BYTES;
}

/** Bytes of a file; 0 where there is none, or none that may be seen. */
export function sizeOf(file: string): number {
  try {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    return 0;
  }
}

function toRoom({ bavail, blocks, bsize }: { bavail: number; blocks: number; bsize: number }): Room {
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
