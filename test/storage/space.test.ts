/** The floor of free space, and the ballast below it. */
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { toNexusError } from '../../src/storage/sqlite/failure.js';
import { createSpace, type Space } from '../../src/storage/sqlite/space.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import { createTroubles } from '../../src/storage/sqlite/troubles.js';
import type { Nexus } from '../../src/nexus.js';
import type { Trouble } from '../../src/storage/storage.js';
import { fillDisk, onSmallDisk } from '../../proof/small-disk.js';

const MIB = 1024 * 1024;

type Rig = {
  space: Space;
  path: string;
  ballast: string;
  free: (mib: number) => void;
  looks: () => number;
  told: (readonly Trouble[])[];
};

/** On a disk of our own making. */
function onDisk(options: { totalMiB?: number; freeMiB: number; minFreeBytes?: number }): Rig {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-space-'));
  const path = join(folder, 'nexus.db');
  let freeBytes = options.freeMiB * MIB;
  const room = (): { freeBytes: number; totalBytes: number } => ({
    freeBytes,
    totalBytes: (options.totalMiB ?? 100_000) * MIB,
  });
  const troubles = createTroubles();
  let looks = 0;
  const told: (readonly Trouble[])[] = [];
  troubles.listen((now) => void told.push(now));
  const space = createSpace({
    path,
    minFreeBytes: options.minFreeBytes,
    troubles,
    look: async () => {
      looks += 1;
      return room();
    },
    lookNow: room,
  });
  onTestFinished(async () => {
    await space.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    space,
    path,
    ballast: `${path}-ballast`,
    told,
    free: (mib) => void (freeBytes = mib * MIB),
    looks: () => looks,
  };
}

/** Writes until a look has come of it. */
async function looked(space: Space, fact: () => void): Promise<void> {
  await vi.waitFor(
    () => {
      space.writing();
      fact();
    },
    { timeout: 3_000 },
  );
}

describe('free space', () => {
  it('below the floor refuses events and says what there is and what is expected', async () => {
    const { space, free, told } = onDisk({ freeMiB: 1_000 });
    await space.start();
    expect(space.refusal()).toBeUndefined();
    free(63);
    await looked(space, () => expect(space.refusal()).toBeDefined());
    expect(space.refusal()).toMatchObject({
      code: 'NEXUS_STORAGE_FULL',
      message: expect.stringMatching(/63\.0 MiB free, expected at least 64\.0/) as string,
      details: { freeBytes: 63 * MIB, floorBytes: 64 * MIB, eventsOnly: true, outcome: 'not_stored' },
    });
    expect(told).toMatchObject([[{ refusesEvents: true }]]);
  });

  it('is looked at while there is too little, so that it ends by itself', async () => {
    const { space, free, told } = onDisk({ freeMiB: 10 });
    await space.start();
    expect(space.refusal()).toBeDefined();
    free(1_000);
    await vi.waitFor(() => expect(space.refusal()).toBeUndefined());
    expect(told.at(-1)).toEqual([]);
  });

  it('must be somewhat above the floor before events are taken again', async () => {
    const { space, free, looks } = onDisk({ freeMiB: 10, minFreeBytes: 16 * MIB });
    await space.start();
    // With 4 MiB of ballast to come.
    free(16 + 4 + 1);
    await vi.waitFor(() => expect(looks()).toBeGreaterThan(2));
    expect(space.refusal()).toBeDefined();
    free(18 + 4);
    await vi.waitFor(() => expect(space.refusal()).toBeUndefined());
  });

  it.each([
    { totalMiB: 100_000, floor: 64, pages: 4_000 },
    { totalMiB: 64, floor: 8, pages: 512 },
    { totalMiB: 2, floor: 0.25, pages: 64 },
  ])('has a floor of $floor MiB on a disk of $totalMiB', async ({ totalMiB, floor, pages }) => {
    const { space } = onDisk({ totalMiB, freeMiB: 0 });
    await space.start();
    expect(space.refusal()?.details.floorBytes).toBe(floor * MIB);
    expect(space.checkpointPages()).toBe(pages);
  });
});

describe('the ballast', () => {
  it('is really there, and grows with the write-ahead log', async () => {
    const { space, path, ballast } = onDisk({ freeMiB: 1_000 });
    await space.start();
    await looked(space, () => expect(statSync(ballast).size).toBe(4 * MIB));
    expect(statSync(ballast).blocks * 512).toBeGreaterThanOrEqual(4 * MIB);
    writeFileSync(`${path}-wal`, Buffer.alloc(2 * MIB));
    await looked(space, () => expect(statSync(ballast).size).toBe(6 * MIB));
    writeFileSync(`${path}-wal`, Buffer.alloc(30 * MIB));
    await looked(space, () => expect(statSync(ballast).size).toBe(24 * MIB));
  });

  it('is given up step by step, and comes again with the room', async () => {
    const { space, ballast, free } = onDisk({ freeMiB: 1_000 });
    await space.start();
    await looked(space, () => expect(statSync(ballast).size).toBe(4 * MIB));
    free(0);
    space.full();
    expect(space.refusal()).toBeDefined();
    for (let left = 3.5; left >= 0; left -= 0.5) {
      expect(space.giveUp()).toBe(true);
      expect(left > 0 ? statSync(ballast).size : existsSync(ballast)).toBe(left > 0 && left * MIB);
    }
    expect(space.giveUp()).toBe(false);
    free(1_000);
    await vi.waitFor(() => expect(space.refusal()).toBeUndefined());
    await looked(space, () => expect(statSync(ballast).size).toBe(4 * MIB));
  });

  it('is kept where it is not the disk that is full', async () => {
    const { space, ballast } = onDisk({ freeMiB: 1_000 });
    await space.start();
    await looked(space, () => expect(statSync(ballast).size).toBe(4 * MIB));
    space.full();
    expect(space.giveUp()).toBe(false);
    expect(existsSync(ballast)).toBe(true);
  });

  it('that is missing is not taken for free space', async () => {
    const { space, ballast } = onDisk({ freeMiB: 66 });
    await space.start();
    expect(space.refusal()).toBeDefined();
    writeFileSync(ballast, Buffer.alloc(4 * MIB));
    const again = onDisk({ freeMiB: 69 });
    await again.space.start();
    expect(again.space.refusal()).toBeUndefined();
  });
});

describe('a database on a disk with too little free space', () => {
  const low = (minFreeBytes: number): { storage: ReturnType<typeof sqliteStorage>; path: string } => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-space-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'nexus.db');
    return { path, storage: sqliteStorage({ path, minFreeBytes }) };
  };

  it('refuses new events but not what was said before, works off what it has, and has no ballast', async () => {
    const { path } = low(0);
    const before = createNexus({ storage: sqliteStorage({ path, minFreeBytes: 0 }), logger: false });
    const first = await before.dispatch('A', {}, { idempotencyKey: 'k' });
    await before.close();
    const nexus = createNexus({
      storage: sqliteStorage({ path, minFreeBytes: Number.MAX_SAFE_INTEGER }),
      logger: false,
    });
    onTestFinished(async () => {
      await nexus.close();
    });
    nexus.onEvent('A', { name: 'a', from: 'beginning' }, (_, ctx) => void ctx.dispatch('B', {}));
    expect(await nexus.settled(first.id)).toMatchObject([{ state: 'succeeded' }]);
    await expect(nexus.dispatch('A', {})).rejects.toMatchObject({
      code: 'NEXUS_STORAGE_FULL',
      message: expect.stringMatching(
        /nearly full .*; nothing was stored: free space and try again/,
      ) as string,
    });
    expect(await nexus.dispatch('A', {}, { idempotencyKey: 'k' })).toMatchObject({
      id: first.id,
      duplicate: true,
    });
    expect(await nexus.health()).toMatchObject({ status: 'down' });
    const { items } = await nexus.events.list({ after: 0 });
    expect(items.map(({ type }) => type)).toEqual(['A', 'B']);
    expect(existsSync(`${path}-ballast`)).toBe(false);
  });

  it('opens on a full disk, works off what it has, and takes events once there is space', async (context) => {
    const outcome = await onSmallDisk(64, async (disk) => {
      const path = join(disk, 'nexus.db');
      const on = (): Nexus => createNexus({ storage: sqliteStorage({ path }), logger: false });
      const before = on();
      const first = await before.dispatch('A', {});
      await vi.waitFor(async () => {
        await before.dispatch('B', {});
        expect(statSync(`${path}-ballast`).size).toBe(3 * MIB);
      });
      await before.close();
      fillDisk(disk, join(disk, 'filler'));
      const nexus = on();
      try {
        nexus.onEvent('A', { name: 'a', from: 'beginning' }, () => undefined);
        expect(await nexus.settled(first.id)).toMatchObject([{ state: 'succeeded' }]);
        await expect(nexus.dispatch('A', {})).rejects.toMatchObject({ code: 'NEXUS_STORAGE_FULL' });
        rmSync(join(disk, 'filler'));
        await vi.waitFor(() => nexus.dispatch('A', {}));
        expect(await nexus.health()).toMatchObject({ status: 'ok' });
      } finally {
        await nexus.close();
      }
      return 'done' as const;
    });
    if (outcome !== 'done') context.skip(outcome.skipped);
  });

  it('takes an error that does not say why for what it is, by the space that is left', async (context) => {
    const shm = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_SHMSIZE' });
    const outcome = await onSmallDisk(8, async (disk) => {
      const path = join(disk, 'nexus.db');
      expect(toNexusError(shm, 'before-commit', path).code).toBe('NEXUS_STORAGE');
      fillDisk(disk, join(disk, 'filler'));
      expect(toNexusError(shm, 'before-commit', path)).toMatchObject({
        code: 'NEXUS_STORAGE_FULL',
        details: { retryable: true, outcome: 'not_stored' },
      });
      expect(toNexusError(shm, 'commit', path).details.outcome).toBe('unknown');
      return 'done' as const;
    });
    if (outcome !== 'done') context.skip(outcome.skipped);
  });

  it('asks for a floor that is a number of bytes', () => {
    for (const minFreeBytes of [-1, 0.5, Number.NaN, Infinity])
      expect(() => low(minFreeBytes)).toThrow(/minFreeBytes must be a number of bytes, 0 or more/);
  });
});
