/** A storage that has no room for further events, or for nothing at all: who is refused, and what goes on. */
import { describe, expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import type { Batch, Storage, Trouble } from '../../src/storage/storage.js';
import { createBus, deferred, record, type Bus } from '../support/bus.js';
import { createTestClock, turns } from '../support/test-clock.js';

type Disk = Bus & {
  /** `low`: no new events. `full`: nothing. `mute`: commits are stored, and answered with an error. */
  become: (state: 'roomy' | 'low' | 'full' | 'mute') => void;
  /** Lets the commits of `mute` end. */
  answer: () => void;
};

function onDisk(): Disk {
  const database = createMemoryDatabase();
  const clock = createTestClock();
  const memory = memoryStorage({ database, clock });
  let state = 'roomy';
  const answered = deferred();
  let tell: (troubles: readonly Trouble[]) => void = () => undefined;
  const error = (code: 'NEXUS_STORAGE' | 'NEXUS_STORAGE_FULL', details: object): NexusError =>
    new NexusError(code, `the disk is ${state}`, {
      details: { retryable: true, outcome: 'not_stored', ...details },
    });
  const isNew = (event: Batch['events'][number]): boolean =>
    event.onlyIf === undefined && !database.byId.has(event.id);
  const commit: Storage['commit'] = async (batch) => {
    if (state === 'full') throw error('NEXUS_STORAGE_FULL', {});
    if (state === 'low' && batch.events.some(isNew)) throw error('NEXUS_STORAGE_FULL', { eventsOnly: true });
    const committed = await memory.commit(batch);
    if (state !== 'mute') return committed;
    await answered.promise;
    throw error('NEXUS_STORAGE', { outcome: 'unknown' });
  };
  const onTrouble: Storage['onTrouble'] = (listener) => {
    tell = listener;
    return () => undefined;
  };
  const storage = Object.create(memory, {
    commit: { value: commit },
    onTrouble: { value: onTrouble },
  }) as Storage;
  const bus = createBus({ storage, clock });
  return {
    ...bus,
    database,
    clock,
    answer: answered.resolve,
    become: (next) => {
      const was = state;
      state = next;
      if (next === 'low') tell([{ refusesEvents: true, error: error('NEXUS_STORAGE_FULL', {}) }]);
      else if (was === 'low' || was === 'full') tell([]);
    },
  };
}

const full = { code: 'NEXUS_STORAGE_FULL' };

describe('a storage with no room for further events', () => {
  it('refuses each dispatch at once, says so once, and takes them again at once', async () => {
    const { nexus, become } = onDisk();
    await nexus.dispatch('A', { n: 1 });
    const told = record(nexus, 'storage:error');
    become('low');
    for (let n = 0; n < 5; n++) await expect(nexus.dispatch('A', { n })).rejects.toMatchObject(full);
    expect(told).toHaveLength(1);
    expect(await nexus.health()).toMatchObject({
      status: 'down',
      reasons: ['the storage takes no events: the disk is low'],
    });
    become('roomy');
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
    expect(await nexus.dispatch('A', { n: 2 })).toMatchObject({ seq: 2 });
  });

  it('settles what is running, with what it dispatches, beside dispatches that are refused', async () => {
    const { nexus, become } = onDisk();
    const gate = deferred();
    nexus.onEvent('A', { name: 'a' }, async (_, ctx) => {
      await gate.promise;
      ctx.dispatch('B', {});
    });
    const { id } = await nexus.dispatch('A', {});
    become('low');
    gate.resolve();
    // In the commit of the settlement.
    const refused = expect(nexus.dispatch('A', {})).rejects.toMatchObject(full);
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
    await refused;
    const { items } = await nexus.events.list({ after: 0 });
    expect(items.map(({ type }) => type)).toEqual(['A', 'B']);
  });

  it('retries and redrives', async () => {
    const { nexus, become, clock } = onDisk();
    let broken = true;
    nexus.onEvent('A', { name: 'a', retry: { maxAttempts: 2, jitter: 0 } }, () => {
      if (broken) throw new Error('broken');
    });
    const { id } = await nexus.dispatch('A', {});
    await clock.advance(0);
    become('low');
    await clock.advance(1_000);
    expect(await nexus.settled(id)).toMatchObject([{ state: 'dead', attempt: 2 }]);
    broken = false;
    expect(await nexus.deadLetters.redrive()).toEqual({ redriven: 1 });
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
  });

  it('answers rightly for what it had stored without an answer', async () => {
    const { nexus, become, answer, clock } = onDisk();
    await nexus.start();
    become('mute');
    const stored = [nexus.dispatch('A', { n: 1 }), nexus.dispatch('A', { n: 2 })];
    await turns();
    // Said while that commit is on its way, so it is in one batch with what may have been stored.
    const late = expect(nexus.dispatch('A', { n: 3 })).rejects.toMatchObject(full);
    become('low');
    answer();
    await clock.advance(1_000);
    expect(await Promise.all(stored)).toMatchObject([
      { seq: 1, duplicate: false },
      { seq: 2, duplicate: false },
    ]);
    await late;
    expect((await nexus.events.list()).items).toHaveLength(2);
  });
});

describe('a storage with no room at all', () => {
  it('refuses dispatches at once and keeps settlements, which are tried as soon as it has some', async () => {
    const { nexus, become, clock } = onDisk();
    const gate = deferred();
    nexus.onEvent('A', { name: 'a' }, () => gate.promise);
    const { id } = await nexus.dispatch('A', {});
    become('low');
    become('full');
    become('low');
    become('full');
    gate.resolve();
    await clock.advance(5_000);
    await expect(Promise.all([nexus.dispatch('A', {}), clock.advance(1_000)])).rejects.toMatchObject(full);
    expect(await nexus.deliveries.list({ state: 'running' })).toMatchObject({ items: [{ eventId: id }] });
    become('low');
    become('roomy');
    // Nothing but what is due now: the back-off is not waited for.
    await clock.advance(0);
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
    expect(await nexus.health()).toMatchObject({ status: 'ok' });
  });
});
