/** What SQLite's errors mean, in the library's codes. */
import { NexusError } from '../../core/errors.js';
import { isFull } from './free-space.js';

export type Stage = 'open' | 'before-commit' | 'commit';

/** The extended result code of a driver error: `SQLITE_BUSY`, `SQLITE_IOERR_WRITE` … */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error));
}

/** Reads, and explains what the driver says when it cannot. */
export function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw toNexusError(error, 'before-commit', path);
  }
}

/** Any error of the driver as a NexusError; one that is already stays as it is. */
export function toNexusError(error: unknown, stage: Stage, path: string): NexusError {
  if (NexusError.is(error)) return error;
  const code = sqliteCode(error);
  const message = error instanceof Error ? error.message : String(error);
  const of = (
    kind: 'NEXUS_STORAGE' | 'NEXUS_STORAGE_FULL' | 'NEXUS_STORAGE_CORRUPT' | 'NEXUS_STORAGE_FOREIGN',
    text: string,
    retryable: boolean,
  ): NexusError =>
    new NexusError(kind, text, {
      cause: error,
      details: {
        path,
        sqlite: code,
        retryable,
        outcome: stage === 'commit' && code.startsWith('SQLITE_IOERR') ? 'unknown' : 'not_stored',
      },
    });
  if (isBusy(error))
    return of(
      'NEXUS_STORAGE',
      `${path} is locked by another writer (${message}); nothing was stored, try again`,
      true,
    );
  // It cannot always tell: the index of the write-ahead log that cannot grow is an input/output error, a file that
  // cannot be made one that cannot be opened.
  if (/^SQLITE_(IOERR|CANTOPEN)/.test(code) && isFull(path))
    return of('NEXUS_STORAGE_FULL', `the disk of ${path} is full (${code}): free space and try again`, true);
  if (code === 'SQLITE_FULL')
    return of(
      'NEXUS_STORAGE_FULL',
      `the disk of ${path} is full; nothing was stored: free space and try again`,
      true,
    );
  if (code === 'SQLITE_NOTADB')
    return of(
      'NEXUS_STORAGE_FOREIGN',
      `${path} is not a SQLite database; it was left untouched: give another path`,
      false,
    );
  if (code.startsWith('SQLITE_CORRUPT'))
    return of(
      'NEXUS_STORAGE_CORRUPT',
      `${path} is damaged (${message}); stop writing to it and restore a backup`,
      false,
    );
  if (code.startsWith('SQLITE_IOERR'))
    return of('NEXUS_STORAGE', `reading or writing ${path} failed (${code}); check the disk`, true);
  if (code.startsWith('SQLITE_CANTOPEN'))
    return of(
      'NEXUS_STORAGE',
      `${path} cannot be opened: expected a file in an existing, writable folder (${message})`,
      false,
    );
  if (code.startsWith('SQLITE_READONLY'))
    return of(
      'NEXUS_STORAGE',
      `${path} cannot be written: give the process write permission for the file and its folder`,
      false,
    );
  return of('NEXUS_STORAGE', `SQLite refused an operation on ${path}: ${message}`, false);
}
