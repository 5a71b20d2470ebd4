/**
 * A disk fills up while the write-ahead log is shorter than what brings it into the database by itself: it could neither
 * grow nor start again, and once the ballast was gone nothing was settled any more.
 */
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { createNexus } from '@neo-protocol/nexus';
import { fillDisk, onSmallDisk } from '../../proof/small-disk.js';

it('works off what is there, however short the write-ahead log is', { timeout: 30_000 }, async (context) => {
  const outcome = await onSmallDisk(64, async (disk) => {
    const storage = join(disk, 'nexus.db');
    const before = createNexus({ storage, logger: false });
    await before.dispatchMany(Array.from({ length: 300 }, (_, n) => ({ type: 'A', payload: { n } })));
    await before.close();
    const filler = join(disk, 'filler');
    const nexus = createNexus({ storage, logger: false });
    let handled = 0;
    try {
      await vi.waitFor(async () => {
        await nexus.dispatch('B', {});
        expect(statSync(`${storage}-ballast`).size).toBe(3 * 1024 * 1024);
      });
      nexus.onEvent('A', { name: 'a', from: 'beginning', concurrency: 1 }, async () => {
        fillDisk(disk, filler);
        // Each outcome in a commit of its own, or nearly.
        await setTimeout(2);
        handled += 1;
      });
      await nexus.idle();
      expect(handled).toBe(300);
      expect(await nexus.stats()).toMatchObject({ deliveries: { pending: 0, running: 0, dead: 0 } });
      await expect(nexus.dispatch('A', {})).rejects.toMatchObject({ code: 'NEXUS_STORAGE_FULL' });
    } finally {
      rmSync(filler, { force: true });
      await nexus.close();
    }
    return 'done' as const;
  });
  if (outcome !== 'done') context.skip(outcome.skipped);
});
