import { expect, it, vi } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { NexusError } from '../../src/core/errors.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import { createBus } from '../support/bus.js';
import { createTestClock } from '../support/test-clock.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

it('removes deliveries a week after they succeeded, and says so of their events', async () => {
  const { nexus, clock } = createBus({ leaseMs: HOUR });
  nexus.onEvent('A', { name: 'r' }, () => undefined);
  nexus.onEvent('A', { name: 'fails', retry: { maxAttempts: 1 } }, () => {
    throw new Error('no');
  });
  nexus.onEvent('B', { name: 'other' }, () => undefined);
  const { id, seq } = await nexus.dispatch('A', {}, { idempotencyKey: 'k' });
  await nexus.settled(id);
  expect((await nexus.explain(id)).pruned).toEqual([]);
  await clock.advance(7 * DAY - 1);
  expect((await nexus.deliveries.list()).items).toHaveLength(2);
  await clock.advance(DAY);
  const { deliveries, pruned } = await nexus.explain(id);
  expect(deliveries.map(({ reactor, state }) => [reactor, state])).toEqual([['fails', 'dead']]);
  expect(pruned).toEqual(['r']);
  expect(await nexus.dispatch('A', {}, { idempotencyKey: 'k' })).toMatchObject({ seq, duplicate: true });
  const rows = await nexus.reactors.list();
  expect(rows.map(({ name, prunedTo }) => [name, prunedTo])).toEqual([
    ['fails', 0],
    ['other', 0],
    ['r', seq],
  ]);
  await expect(nexus.reactors.seek('r', 0)).rejects.toMatchObject({
    code: 'NEXUS_POSITION_PRUNED',
    details: { to: 0, prunedTo: seq },
  });
});

it('sleeps until something can be due, and works through much of it in many short steps', async () => {
  const clock = createTestClock();
  const storage = memoryStorage({ clock });
  const sweep = vi.spyOn(storage, 'sweep');
  const { nexus } = createBus({
    storage,
    beside: { nexus: {} as never, clock, database: createMemoryDatabase() },
  });
  nexus.onEvent('A', { name: 'r' }, () => undefined);
  for (let i = 0; i < 5; i++)
    await nexus.dispatchMany(Array.from({ length: 1_000 }, () => ({ type: 'A', payload: {} })));
  await nexus.idle();
  await clock.advance(DAY);
  expect(sweep).toHaveBeenCalledTimes(1);
  await clock.advance(5 * DAY + 22 * HOUR);
  expect(sweep).toHaveBeenCalledTimes(1);
  await clock.advance(2 * DAY);
  expect((await nexus.deliveries.list()).items).toEqual([]);
  const steps = await Promise.all(
    sweep.mock.results.map(({ value }) => value as ReturnType<typeof storage.sweep>),
  );
  expect(steps.map(({ removed }) => removed)).toEqual([0, 1_024, 1_024, 1_024, 1_024, 904]);
  // With nothing left, it looks again when what comes now could be due.
  await clock.advance(5 * DAY);
  expect(sweep).toHaveBeenCalledTimes(6);
});

it('tries again later when the storage fails', async () => {
  const clock = createTestClock();
  const storage = memoryStorage({ clock });
  const { nexus } = createBus({
    storage,
    retention: { succeededMs: 60_000 },
    beside: { nexus: {} as never, clock, database: createMemoryDatabase() },
  });
  nexus.onEvent('A', { name: 'r' }, () => undefined);
  await nexus.settled((await nexus.dispatch('A', {})).id);
  const failed: unknown[] = [];
  nexus.on('storage:error', ({ error }) => failed.push(error));
  const broken = new NexusError('NEXUS_STORAGE_FULL', 'full');
  vi.spyOn(storage, 'sweep').mockRejectedValueOnce(broken);
  await clock.advance(30_000);
  expect(failed).toEqual([broken]);
  await clock.advance(5 * 60_000);
  expect((await nexus.deliveries.list()).items).toEqual([]);
});

it('never looks where everything is kept', async () => {
  const clock = createTestClock();
  const storage = memoryStorage({ clock });
  const sweep = vi.spyOn(storage, 'sweep');
  const { nexus } = createBus({
    storage,
    leaseMs: HOUR,
    retention: { succeededMs: Infinity },
    beside: { nexus: {} as never, clock, database: createMemoryDatabase() },
  });
  await nexus.start();
  await clock.advance(100 * DAY);
  expect(sweep).not.toHaveBeenCalled();
});

it.each([
  { succeededMs: 59_999 },
  { succeededMs: -1 },
  { deadMs: 0 },
  { deadMs: NaN },
  { deadMs: '7d' as never },
])('refuses %j', (retention) => {
  expect(() => createNexus({ retention, logger: false })).toThrow(
    expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }) as Error,
  );
});
