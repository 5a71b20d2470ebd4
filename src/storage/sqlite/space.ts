/**
 * Free space: below a floor no further events are taken, so that what is there already can be settled, retried and deleted.
 * When the disk fills up faster than that is noticed, the ballast is given up for it.
 */
import { NexusError } from '../../core/errors.js';
import type { Trouble } from '../storage.js';
import { createBallast } from './ballast.js';
import { lookForRoom, roomNow, sizeOf, type Room } from './free-space.js';
import type { Troubles } from './troubles.js';

export interface Space {
  /** The first look. */
  start(): Promise<void>;
  /** Why no further events are stored at present. */
  refusal(): NexusError | undefined;
  /** Something is about to be written: looks again if the last look was some time ago. */
  writing(): void;
  /** A write found no room: looks again, at once. */
  full(): void;
  /** Gives up a step of the ballast where the disk is full; false when there is none, or something else is full. */
  giveUp(): boolean;
  /** After how many pages the write-ahead log goes into the database, so that the ballast has room for them. */
  checkpointPages(): number;
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
/** The floor where nothing else is said; on a small disk an eighth of it. */
const FLOOR_BYTES = 64 * MIB;
const FLOOR_SHARE = 1 / 8;
/** Beside the floor, at most so much ballast; and at most three eighths of the floor. */
const BALLAST_BYTES = 24 * MIB;
const BALLAST_SHARE = 3 / 8;
/** What settlements need beside the pages of the write-ahead log, for which a checkpoint may have to make room. */
const SETTLEMENT_BYTES = 4 * MIB;
/** Two thirds of the ballast are for the checkpoint. */
const CHECKPOINT_SHARE = 2 / 3;
const PAGE_BYTES = 4_096;
const MOST_PAGES = 4_000;
const LEAST_PAGES = 64;
/** Taken again only when there is so much more: at the floor itself it would go to and fro. */
const COMFORT = 9 / 8;
/** Between two looks, while something is written and while there is too little. */
const LOOK_MS = 100;
const LOOK_WHILE_LOW_MS = 250;
/** After ballast could not be made. */
const BALLAST_AGAIN_MS = 10_000;

export function createSpace(options: {
  path: string;
  /** Undefined: as the disk is. 0: neither floor nor ballast. */
  minFreeBytes: number | undefined;
  troubles: Troubles;
  look?: (file: string) => Promise<Room | undefined>;
  lookNow?: (file: string) => Room | undefined;
}): Space {
  const { path, troubles, look = lookForRoom, lookNow = roomNow } = options;
  const ballast = createBallast(path);
  let low: Trouble | undefined;
  let most = BALLAST_BYTES;
  let lookedAt = -Infinity;
  let growAfter = -Infinity;
  let working: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const floorOf = ({ totalBytes }: Room): number =>
    options.minFreeBytes ?? Math.min(FLOOR_BYTES, Math.floor(totalBytes * FLOOR_SHARE));
  const wanted = (): number => Math.min(most, SETTLEMENT_BYTES + sizeOf(`${path}-wal`));

  /** Ballast that is missing is not free. */
  const judge = (room: Room): void => {
    const floor = floorOf(room);
    most = Math.min(BALLAST_BYTES, Math.floor(floor * BALLAST_SHARE));
    const free = room.freeBytes - Math.max(0, wanted() - ballast.bytes());
    if (free >= floor * (low ? COMFORT : 1)) become(undefined);
    else if (!low) become({ refusesEvents: true, error: tooLittle(path, room.freeBytes, floor) });
  };

  const become = (trouble: Trouble | undefined): void => {
    if (closed) return;
    low = trouble;
    clearInterval(timer);
    // Also when nobody writes: it ends by itself.
    if (low) timer = setInterval(() => void lookAgain(), LOOK_WHILE_LOW_MS).unref();
    troubles.set('space', low);
  };

  const lookAgain = (): Promise<void> => {
    lookedAt = performance.now();
    return (working ??= inspect().finally(() => {
      working = undefined;
    }));
  };
  const inspect = async (): Promise<void> => {
    const room = await look(path);
    if (!room || closed) return;
    judge(room);
    if (low || lookedAt < growAfter) return;
    const bytes = wanted();
    if (ballast.bytes() >= bytes) return;
    await ballast.grow(bytes).catch(() => {
      growAfter = performance.now() + BALLAST_AGAIN_MS;
    });
  };

  return {
    start: async () => {
      const room = await look(path);
      if (room) judge(room);
      lookedAt = performance.now();
    },
    refusal: () => low && new NexusError(low.error.code, low.error.message, { details: low.error.details }),
    writing: () => {
      if (performance.now() - lookedAt >= LOOK_MS) void lookAgain();
    },
    full: () => {
      // The limit of the database may be what is full, not the disk.
      const room = lookNow(path);
      if (room) judge(room);
    },
    giveUp: () => low !== undefined && ballast.giveUp(),
    checkpointPages: () =>
      Math.max(LEAST_PAGES, Math.min(MOST_PAGES, Math.floor((most * CHECKPOINT_SHARE) / PAGE_BYTES))),
    close: async () => {
      closed = true;
      clearInterval(timer);
      troubles.set('space', undefined);
      await working;
    },
  };
}

/** For a database in memory, and where no floor is wanted. */
export function createEndlessSpace(): Space {
  return {
    start: () => Promise.resolve(),
    refusal: () => undefined,
    writing: () => undefined,
    full: () => undefined,
    giveUp: () => false,
    checkpointPages: () => MOST_PAGES,
    close: () => Promise.resolve(),
  };
}

function tooLittle(path: string, freeBytes: number, floorBytes: number): NexusError {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  return new NexusError(
    'NEXUS_STORAGE_FULL',
    `the disk of ${path} is nearly full (${mib(freeBytes)} MiB free, expected at least ${mib(floorBytes)}); nothing was stored: free space and try again`,
    { details: { path, freeBytes, floorBytes, eventsOnly: true, retryable: true, outcome: 'not_stored' } },
  );
}
