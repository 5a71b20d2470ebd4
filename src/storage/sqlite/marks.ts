/**
 * The high-water mark: what was acknowledged, kept outside of the database. A damaged write-ahead log loses commits without
 * a word, and what is left is a sound database; only the mark says that there was more.
 *
 * The side file `<database>-mark` is slots of 32 bytes, one for each living instance, so no process writes over another's:
 *
 *     log id (8) ‖ seq (6) ‖ hash of that event (14, cut) ‖ CRC-32 of these (4)
 *
 * A slot is written after its COMMIT has returned, so it is never ahead of what was durable. It is not synced each time: a
 * power cut may take marks back, which hides a loss but never invents one.
 */
import { closeSync, fstatSync, fsync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { NexusError } from '../../core/errors.js';
import type { Troubles } from './troubles.js';

export type Mark = { readonly seq: number; readonly hash: string };

export interface Marks {
  /** The highest that can be trusted: whole, and of this log. */
  highest(): Mark | undefined;
  /** Opens the file, if it is not. Under the write lock, so that it is made once. */
  prepare(): void;
  /** From now on writes into this slot; into none without one. */
  take(slot: number | undefined): void;
  /** After a COMMIT. Never throws. */
  write(seq: number, hash: string): void;
  sync(): Promise<void>;
  /** Syncs, too. */
  close(): void;
}

/** How many instances can have a slot at a time. */
export const SLOTS = 128;
const SLOT_BYTES = 32;
const CHECKED_BYTES = SLOT_BYTES - 4;
const LOG_ID_BYTES = 8;
const HASH_AT = LOG_ID_BYTES + 6;
const HASH_BYTES = CHECKED_BYTES - HASH_AT;

export function createMarks(path: string, logId: string, troubles: Troubles): Marks {
  const file = `${path}-mark`;
  const own = Buffer.alloc(SLOT_BYTES);
  const checked = own.subarray(0, CHECKED_BYTES);
  own.write(logId.replaceAll('-', ''), 0, LOG_ID_BYTES, 'hex');
  let fd: number | undefined;
  let at: number | undefined;
  let written = 0;
  let unsynced = false;
  let failing = false;

  const failed = (error: unknown): void => {
    if (failing) return;
    failing = true;
    const message = error instanceof Error ? error.message : String(error);
    troubles.set('mark', {
      refusesEvents: false,
      error: new NexusError(
        'NEXUS_STORAGE',
        `${file} cannot be written (${message}): commits are stored, but if they were lost nobody would know; give the process write permission for the file and its folder`,
        { cause: error, details: { path: file, retryable: true } },
      ),
    });
  };

  return {
    highest: () => {
      let highest: Mark | undefined;
      const bytes = contents(file);
      for (let from = 0; from + SLOT_BYTES <= bytes.length; from += SLOT_BYTES) {
        const mark = parse(bytes.subarray(from, from + SLOT_BYTES), own);
        if (mark && mark.seq > (highest?.seq ?? 0)) highest = mark;
      }
      return highest;
    },
    prepare: () => {
      if (fd !== undefined) return;
      let opened: number | undefined;
      try {
        opened = openFile(file);
        // In full at once: later writes take no space, so a full disk does not stop them.
        const { size } = fstatSync(opened);
        const rest = SLOTS * SLOT_BYTES - size;
        if (rest > 0) writeSync(opened, Buffer.alloc(rest), 0, rest, size);
        fd = opened;
      } catch (error) {
        if (opened !== undefined) closeSync(opened);
        failed(error);
      }
    },
    take: (slot) => {
      written = 0;
      at = slot === undefined ? undefined : slot * SLOT_BYTES;
    },
    write: (seq, hash) => {
      if (fd === undefined || at === undefined || seq === written) return;
      own.writeUIntBE(seq, LOG_ID_BYTES, HASH_AT - LOG_ID_BYTES);
      own.write(hash, HASH_AT, HASH_BYTES, 'hex');
      own.writeUInt32BE(crc32(checked), CHECKED_BYTES);
      try {
        writeSync(fd, own, 0, SLOT_BYTES, at);
        written = seq;
        unsynced = true;
        if (failing) troubles.set('mark', undefined);
        failing = false;
      } catch (error) {
        failed(error);
      }
    },
    sync: async () => {
      if (fd === undefined || !unsynced) return;
      unsynced = false;
      // Closed meanwhile, it was synced.
      await promisify(fsync)(fd).catch(() => undefined);
    },
    close: () => {
      if (fd === undefined) return;
      const closing = fd;
      fd = at = undefined;
      try {
        fsyncSync(closing);
      } catch {
        // The next to open sees what the system still has of it.
      }
      closeSync(closing);
    },
  };
}

/** For a database in memory, of which nothing is left to be compared. */
export function createNoMarks(): Marks {
  return {
    highest: () => undefined,
    prepare: () => undefined,
    take: () => undefined,
    write: () => undefined,
    sync: () => Promise.resolve(),
    close: () => undefined,
  };
}

function parse(slot: Buffer, own: Buffer): Mark | undefined {
  if (slot.compare(own, 0, LOG_ID_BYTES, 0, LOG_ID_BYTES) !== 0) return undefined;
  if (slot.readUInt32BE(CHECKED_BYTES) !== crc32(slot.subarray(0, CHECKED_BYTES))) return undefined;
  return {
    seq: slot.readUIntBE(LOG_ID_BYTES, HASH_AT - LOG_ID_BYTES),
    hash: slot.toString('hex', HASH_AT, CHECKED_BYTES),
  };
}

/** For reading and writing, made if it is not there, never cut. */
function openFile(file: string): number {
  try {
    return openSync(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return openSync(file, 'w+');
  }
}

function contents(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    // None yet, or none that may be read: then `prepare` fails as well, and tells.
    return Buffer.alloc(0);
  }
}
