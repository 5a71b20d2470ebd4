import { expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import type { Batch, Storage } from '../../src/storage/storage.js';
import { createBus, record } from '../support/bus.js';
import { createTestClock, turns } from '../support/test-clock.js';

it('a catch-up that the storage refuses is tried again after a pause, not in a loop', async () => {
  const clock = createTestClock();
  const database = createMemoryDatabase();
  const first = createBus({ clock, storage: memoryStorage({ database, clock }) });
  for (let n = 0; n < 3; n++) await first.nexus.dispatch('A', { n });

  let broken = true;
  let tries = 0;
  const storage: Storage = memoryStorage({ database, clock });
  const flaky = Object.create(storage, {
    commit: {
      value: async (batch: Batch) => {
        if (broken && batch.fanOuts.length > 0) {
          tries += 1;
          throw new NexusError('NEXUS_STORAGE', 'no', {
            details: { retryable: false, outcome: 'not_stored' },
          });
        }
        return await storage.commit(batch);
      },
    },
  }) as Storage;
  const { nexus } = createBus({ clock, storage: flaky });
  const told = record(nexus, 'storage:error');
  const seen: unknown[] = [];
  nexus.onEvent('A', { name: 'r', from: 'beginning' }, ({ n }) => seen.push(n));
  await nexus.start();
  await turns(200);
  expect(tries).toBe(1);
  expect(told).toMatchObject([{ moment: { retrying: true } }]);
  await clock.advance(5_000);
  expect(tries).toBeLessThan(8);
  broken = false;
  await clock.advance(2_000);
  expect(seen.sort()).toEqual([0, 1, 2]);
});
