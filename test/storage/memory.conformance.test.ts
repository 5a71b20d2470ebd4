import { describe, it } from 'vitest';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { storageConformance, type StorageFixture } from '../../src/testing/storage-conformance.js';
import { createTestClock } from '../support/test-clock.js';

function shared(): StorageFixture {
  const database = createMemoryDatabase();
  const clock = createTestClock();
  const instances = new Map<Storage, string>();
  return {
    clock,
    storage: () => {
      const storage = memoryStorage({ database, clock });
      const open = storage.open.bind(storage);
      storage.open = async (options) => {
        instances.set(storage, options.instance);
        return open(options);
      };
      return storage;
    },
    kill: (storage) => database.kill(instances.get(storage) ?? ''),
    erase: (eventId) => {
      const event = database.byId.get(eventId);
      if (event) Object.assign(event, { salt: null, payload: null });
    },
    lose: (events) => database.lose(events),
    cleanup: async () => undefined,
  };
}

storageConformance({ name: 'memory', create: shared, describe, it });

storageConformance({
  name: 'memory, where deaths are shown by leases that run out',
  create: () => {
    const fixture = shared();
    delete fixture.kill;
    return fixture;
  },
  describe,
  it,
});
