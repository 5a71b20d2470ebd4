import { expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { OpenOptions, Storage } from '../../src/storage/storage.js';
import { createBus, record } from '../support/bus.js';
import { createTestClock, turns } from '../support/test-clock.js';

it('a start by itself is tried again while others hold the file, and given up where that cannot help', async () => {
  for (const retryable of [true, false]) {
    const clock = createTestClock();
    const storage = memoryStorage({ clock });
    let tries = 0;
    const locked = Object.create(storage, {
      open: {
        value: async (options: OpenOptions) => {
          tries += 1;
          if (tries < 3)
            throw new NexusError('NEXUS_STORAGE', 'locked', {
              details: { retryable, outcome: 'not_stored' },
            });
          return await storage.open(options);
        },
      },
    }) as Storage;
    const { nexus } = createBus({ clock, storage: locked });
    const told = record(nexus, 'storage:error');
    nexus.onEvent('A', () => undefined);
    await turns();
    await clock.advance(5_000);
    expect(tries).toBe(retryable ? 3 : 1);
    expect(told.map(({ moment }) => moment.retrying)).toEqual(retryable ? [true, true] : [false]);
  }
});
