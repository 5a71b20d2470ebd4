import { expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { createBus } from '../support/bus.js';
import { createTestClock } from '../support/test-clock.js';

/** Its first commit is stored and not answered; what comes after is not stored. */
function unreliable(later: object) {
  const clock = createTestClock();
  const memory = memoryStorage({ database: createMemoryDatabase(), clock });
  let commits = 0;
  const commit: Storage['commit'] = async (batch) => {
    commits += 1;
    if (commits === 1) await memory.commit(batch);
    const details =
      commits === 1 ? { retryable: true, outcome: 'unknown' } : { outcome: 'not_stored', ...later };
    throw new NexusError('NEXUS_STORAGE', `commit ${commits} failed`, { details });
  };
  const storage = Object.create(memory, { commit: { value: commit } }) as Storage;
  return { ...createBus({ clock, storage }), clock };
}

it.each([
  { name: 'that last too long', later: { retryable: true } },
  { name: 'that no patience helps', later: { retryable: false } },
])(
  'an event that may have been stored is not said to be missing by later errors $name',
  async ({ later }) => {
    const { nexus, clock } = unreliable(later);
    await nexus.start();
    const told = nexus.dispatch('A', {}).catch((error: unknown) => error);
    await clock.advance(15_000);
    expect(await told).toMatchObject({ code: 'NEXUS_STORAGE', details: { outcome: 'unknown' } });
  },
);
