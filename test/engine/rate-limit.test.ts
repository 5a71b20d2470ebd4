import { describe, expect, it } from 'vitest';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { createBus, deferred, type Bus } from '../support/bus.js';
import { createTestClock, turns } from '../support/test-clock.js';

const limit = { rateLimit: { count: 3, perMs: 10_000 } };

/** Registers a reactor that notes, in seconds since now, when its handler was called. */
function limited(bus: Bus, name = 'r', options: object = limit): number[] {
  const start = bus.clock.now();
  const calls: number[] = [];
  bus.nexus.onEvent('A', { name, ...options }, () => void calls.push((bus.clock.now() - start) / 1_000));
  return calls;
}
const say = async ({ nexus }: Bus, count: number): Promise<void> => {
  await nexus.dispatchMany(Array.from({ length: count }, (_, n) => ({ type: 'A', payload: { n } })));
  await turns();
};

describe('rateLimit', () => {
  it('calls so many handlers in a span, and the rest when their time has come', async () => {
    const bus = createBus();
    const calls = limited(bus);
    await say(bus, 8);
    await bus.clock.advance(60_000);
    expect(calls).toEqual([0, 0, 0, 10, 10, 10, 20, 20]);
  });

  it('slides: no two spans share a burst', async () => {
    const bus = createBus();
    const calls = limited(bus);
    await say(bus, 1);
    await bus.clock.advance(9_000);
    await say(bus, 5);
    await bus.clock.advance(60_000);
    expect(calls).toEqual([0, 9, 9, 10, 19, 19]);
  });

  it('counts retries, and spends no attempt on waiting', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    const calls: [number, number][] = [];
    bus.nexus.onEvent(
      'A',
      { name: 'r', ...limit, retry: { initialMs: 1_000, backoff: 'fixed', jitter: 0 } },
      (_, { attempt }) => {
        calls.push([(bus.clock.now() - start) / 1_000, attempt]);
        if (attempt < 3) throw new Error('again');
      },
    );
    await say(bus, 2);
    await bus.clock.advance(60_000);
    expect(calls).toEqual([
      [0, 1],
      [0, 1],
      [1, 2],
      [10, 2],
      [10, 3],
      [11, 3],
    ]);
    const { items } = await bus.nexus.deliveries.list();
    expect(items.map(({ state, attempt, postponed }) => [state, attempt, postponed])).toEqual([
      ['succeeded', 3, 0],
      ['succeeded', 3, 0],
    ]);
  });

  it('keeps what has to wait in storage, where no lease runs, and holds up no other reactor', async () => {
    const bus = createBus({ maxInFlight: 10 });
    const slow = limited(bus, 'slow', { rateLimit: { count: 1, perMs: 3_600_000 } });
    const quick = limited(bus, 'quick', {});
    await say(bus, 500);
    await turns(1_000);
    expect([slow.length, quick.length]).toEqual([1, 500]);
    const { inFlight, deliveries } = await bus.nexus.stats();
    expect([inFlight, deliveries.running, deliveries.pending]).toEqual([0, 0, 499]);
    await say(bus, 500);
    await turns(1_000);
    expect(quick.length).toBe(1_000);
    expect(quick.every((at) => at === 0)).toBe(true);
  });

  it('waits on one timer, and asks the storage no more often than handlers may start', async () => {
    const clock = createTestClock();
    const plain = memoryStorage({ clock });
    let asked = 0;
    const storage = Object.create(plain, {
      claim: {
        value: (wants: Parameters<Storage['claim']>[0]) => {
          asked += 1;
          return plain.claim(wants);
        },
      },
      nextDueInMs: {
        value: (reactors: readonly number[]) => {
          asked += 1;
          return plain.nextDueInMs(reactors);
        },
      },
    }) as Storage;
    const bus: Bus = { ...createBus({ clock, storage }), clock };
    const calls = limited(bus, 'r', { rateLimit: { count: 10, perMs: 60_000 }, concurrency: 1 });
    // Another reactor looks for what is due while that one may not start anything.
    bus.nexus.onEvent('B', { name: 'other' }, () => undefined);
    await say(bus, 35);
    await bus.nexus.dispatch('B', {}, { notBefore: clock.now() + 1_000 });
    await clock.advance(2_000);
    const timers = clock.timers();
    asked = 0;
    await clock.advance(57_000);
    expect([calls.length, asked]).toEqual([10, 0]);
    await clock.advance(112_000);
    expect(calls).toHaveLength(30);
    // Every ten starts take a claim, a look at whether there is more, and another for their settlements.
    expect(asked).toBeLessThan(20);
    expect(clock.timers()).toBe(timers);
  });

  it('gives back what was leased though it may not start for long', async () => {
    const clock = createTestClock();
    const plain = memoryStorage({ clock });
    const gate = deferred();
    let gated = false;
    const storage = Object.create(plain, {
      commit: {
        value: async (batch: Parameters<Storage['commit']>[0]) => {
          if (gated) await gate.promise;
          return await plain.commit(batch);
        },
      },
    }) as Storage;
    const bus: Bus = { ...createBus({ clock, storage }), clock };
    const calls = limited(bus, 'r', { rateLimit: { count: 1, perMs: 3_600_000 } });
    await bus.nexus.dispatch('A', {}, { notBefore: clock.now() + 1_000 });
    await clock.advance(900);
    // This one is to be born leased; while its commit is on its way, the other is claimed.
    gated = true;
    const second = bus.nexus.dispatch('A', {});
    await clock.advance(200);
    gate.resolve();
    await second;
    await turns();
    expect(calls).toEqual([1]);
    const { inFlight, deliveries } = await bus.nexus.stats();
    expect([inFlight, deliveries.running, deliveries.pending]).toEqual([0, 0, 1]);
    await clock.advance(3_600_000);
    expect(calls).toEqual([1, 3_601]);
  });

  it('lets a reactor with slots to spare start a fast pace on time', async () => {
    const bus = createBus();
    const calls = limited(bus, 'r', { rateLimit: { count: 20, perMs: 1_000 }, concurrency: 2 });
    await say(bus, 100);
    await bus.clock.advance(10_000);
    expect(calls).toHaveLength(100);
    expect(calls.at(-1)).toBe(4);
  });

  it('is per reactor and process', async () => {
    const bus = createBus();
    const other = createBus({ beside: bus });
    const here = limited(bus);
    const there = limited(other);
    await turns();
    await say(bus, 12);
    await bus.clock.advance(9_000);
    expect([here.length, there.length]).toEqual([3, 3]);
    await bus.clock.advance(2_000);
    expect([here.length, there.length]).toEqual([6, 6]);
  });

  it('holds no one up for a lifetime: a pause stops it, resume goes on', async () => {
    const bus = createBus();
    const calls = limited(bus);
    await say(bus, 6);
    await bus.nexus.reactors.pause('r');
    await bus.clock.advance(30_000);
    expect(calls).toEqual([0, 0, 0]);
    await bus.nexus.reactors.resume('r');
    await turns();
    expect(calls).toEqual([0, 0, 0, 30, 30, 30]);
  });

  it('cancels what got too old while it waited, and counts it for nothing', async () => {
    const bus = createBus();
    const calls = limited(bus, 'r', { ...limit, maxAgeMs: 15_000 });
    await say(bus, 10);
    await bus.clock.advance(19_000);
    await say(bus, 3);
    await bus.clock.advance(60_000);
    expect(calls).toEqual([0, 0, 0, 10, 10, 10, 20, 20, 20]);
    const { items } = await bus.nexus.deliveries.list({ state: 'cancelled' });
    expect(items.map(({ reason, attempt }) => [reason, attempt])).toEqual(Array(4).fill(['too_old', 0]));
  });

  it('counts the timeout from the start of the handler', async () => {
    const bus = createBus();
    const seen: boolean[] = [];
    const gate = deferred();
    bus.nexus.onEvent(
      'A',
      { name: 'r', rateLimit: { count: 1, perMs: 100_000 }, timeoutMs: 5_000 },
      async (_, { signal }) => {
        if (seen.length === 1) await gate.promise;
        seen.push(signal.aborted);
      },
    );
    await say(bus, 2);
    await bus.clock.advance(103_000);
    gate.resolve();
    await turns();
    expect(seen).toEqual([false, false]);
  });

  it('keeps to the order of a key', async () => {
    const bus = createBus();
    const seen: unknown[] = [];
    bus.nexus.onEvent('A', { name: 'r', ...limit, orderBy: () => 'k' }, ({ n }) => void seen.push(n));
    await say(bus, 7);
    await bus.clock.advance(5_000);
    expect(seen).toEqual([0, 1, 2]);
    await bus.clock.advance(60_000);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('closes without waiting for what may not start yet', async () => {
    const bus = createBus();
    const calls = limited(bus);
    await say(bus, 8);
    const closed = bus.nexus.close();
    await bus.clock.advance(0);
    expect(await closed).toMatchObject({ interrupted: 0, unrecorded: 0 });
    const next = createBus({ beside: bus });
    const rest = limited(next);
    await bus.clock.advance(60_000);
    expect([calls.length, rest.length]).toEqual([3, 5]);
  });

  it('takes over what a dead process held, at its pace', async () => {
    const bus = createBus({ leaseMs: 30_000 });
    const gate = deferred();
    bus.nexus.onEvent('A', { name: 'r', timeoutMs: 3_600_000, concurrency: 10 }, () => gate.promise);
    await say(bus, 8);
    for (const id of bus.database.instances.keys()) bus.database.kill(id);
    const next = createBus({ beside: bus });
    const calls = limited(next);
    const other = limited(next, 'other');
    await bus.clock.advance(120_000);
    expect(calls).toHaveLength(8);
    for (const at of calls)
      expect(calls.filter((each) => each >= at && each < at + 10).length).toBeLessThanOrEqual(3);
    expect(other).toEqual([]);
    expect((await next.nexus.stats()).inFlight).toBe(0);
  });

  it.each([
    {},
    { count: 0, perMs: 1 },
    { count: 1.5, perMs: 1 },
    { count: 1, perMs: 0 },
    { count: 1, perMs: NaN },
    { count: 1 },
    5,
    null,
    { count: 1, perMs: Infinity },
    { count: 1e6, perMs: 1 },
  ])('refuses %j', (rateLimit) => {
    const { nexus } = createBus();
    expect(() => nexus.onEvent('A', { rateLimit: rateLimit as never }, () => undefined)).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
    );
  });
});
