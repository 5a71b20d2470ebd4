/** How fast a copy goes on: a short step in each turn of the event loop, and never far ahead of what the disk has taken. */
import type { FileHandle } from 'node:fs/promises';
import type { BackupTo } from '../storage.js';

/** About a millisecond of reading and writing. */
const STEP_BYTES = 1024 * 1024;
/** What is not synced when the last step comes is synced by it, and blocks the event loop for that time. */
const UNSYNCED_BYTES = 8 * STEP_BYTES;

/** Told how far the copy is; says how many pages the next step takes. */
export type Pace = (at: { readonly totalPages: number; readonly remainingPages: number }) => number;

export function createPace({
  pageBytes,
  file,
  mayGoOn,
  tell,
}: {
  pageBytes: number;
  file: FileHandle;
  mayGoOn: () => void;
  tell: BackupTo['onProgress'];
}): Pace {
  const step = Math.max(1, Math.floor(STEP_BYTES / pageBytes));
  let told = -1;
  let synced = 0;
  let syncing = false;
  let failed: { error: unknown } | undefined;

  const sync = (done: number): void => {
    if (syncing) return;
    syncing = true;
    file
      .datasync()
      .then(
        () => {
          synced = done;
        },
        (error: unknown) => {
          failed = { error };
        },
      )
      .finally(() => {
        syncing = false;
      });
  };

  return ({ totalPages, remainingPages }) => {
    mayGoOn();
    if (failed) throw failed.error;
    const done = (totalPages - remainingPages) * pageBytes;
    if (done > told) tell?.({ done, total: totalPages * pageBytes });
    told = done;
    const isLast = remainingPages <= step;
    const allowed = isLast ? 0 : UNSYNCED_BYTES;
    if (done - synced <= allowed) return step;
    sync(done);
    return isLast || done - synced > 2 * UNSYNCED_BYTES ? 0 : step;
  };
}
