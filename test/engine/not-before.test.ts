/** Deliveries due later: the event is logged now. On both storages. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NexusOptions } from '../../src/nexus.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { createBus, type Bus } from '../support/bus.js';
import { createTestClock, turns, type TestClock } from '../support/test-clock.js';

type World = { clock: TestClock; start: number; bus: () => Bus };

function inMemory(clock: TestClock): () => Storage {
  const database = createMemoryDatabase();
  return () => memoryStorage({ database, clock });
}

function onFile(clock: TestClock): () => Storage {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-not-before-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return () => sqliteStorage({ path: join(folder, 'nexus.db'), clock });
}

describe.each([
  ['memory', inMemory],
  ['SQLite', onFile],
])('notBefore on %s', (_name, create) => {
  const world = (options: Partial<NexusOptions> = {}): World => {
    const clock = createTestClock();
    const storage = create(clock);
    return {
      clock,
      start: clock.now(),
      bus: () => ({ ...createBus({ clock, storage: storage(), ...options }), clock }),
    };
  };
  const end = async ({ nexus, clock }: Bus): Promise<void> => {
    const closed = nexus.close({ timeoutMs: 0 });
    await clock.advance(0);
    await closed;
  };
  /** Notes what a reactor sees, and when, in seconds. */
  const see = (bus: Bus, start: number, options: object = {}): [unknown, number][] => {
    const seen: [unknown, number][] = [];
    bus.nexus.onEvent('A', { name: 'r', ...options }, ({ n }) => {
      seen.push([n, (bus.clock.now() - start) / 1_000]);
    });
    return seen;
  };

  it('logs the event now, calls the handler then, and overtakes nobody', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    const seen = see(one, start);
    const { seq, timestamp } = await one.nexus.dispatch('A', { n: 1 }, { notBefore: start + 5_000 });
    await one.nexus.dispatch('A', { n: 2 });
    expect([seq, timestamp]).toEqual([1, start]);
    await clock.advance(4_999);
    expect(seen).toEqual([[2, 0]]);
    await clock.advance(1);
    expect(seen).toEqual([
      [2, 0],
      [1, 5],
    ]);
  });

  it.each([0, 1, -5_000, -0.5])('is due at once where the instant has come: %d', async (offset) => {
    const { clock, start, bus } = world();
    const one = bus();
    const seen = see(one, start);
    await one.nexus.dispatch('A', { n: 1 }, { notBefore: offset > 0 ? 0 : start + offset });
    await clock.advance(0);
    await turns();
    expect(seen).toEqual([[1, 0]]);
  });

  it.each([NaN, -1, Infinity, 8.64e15 + 1, 1e300, '2027-01-01'])('refuses %s', async (notBefore) => {
    const { bus } = world();
    const { nexus } = bus();
    await expect(nexus.dispatch('A', {}, { notBefore: notBefore as number })).rejects.toMatchObject({
      code: 'NEXUS_INVALID_OPTION',
    });
    expect((await nexus.events.list()).items).toEqual([]);
  });

  it('waits longer than a timer can, to the end of time', async () => {
    const { clock, start, bus } = world({ leaseMs: 3_600_000 });
    const one = bus();
    const seen = see(one, start);
    const days = (count: number): number => count * 86_400_000;
    await one.nexus.dispatch('A', { n: 1 }, { notBefore: 8.64e15 });
    await one.nexus.dispatch('A', { n: 2 }, { notBefore: start + days(26) });
    await clock.advance(days(26) - 1);
    expect(seen).toEqual([]);
    await clock.advance(1);
    expect(seen).toEqual([[2, days(26) / 1_000]]);
    expect((await one.nexus.stats()).deliveries.pending).toBe(1);
  });

  it('holds up later ones of its key, and no other key', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    const seen = see(one, start, {
      orderBy: ({ payload }: { payload: { key?: string } }) => payload.key ?? '',
    });
    const say = (n: number, key: string, afterMs?: number): Promise<unknown> =>
      one.nexus.dispatch('A', { n, key }, afterMs === undefined ? {} : { notBefore: start + afterMs });
    await say(1, 'x', 5_000);
    await say(2, 'x');
    await say(3, 'x', 9_000);
    await say(4, 'x', 1_000);
    await say(5, 'y');
    await clock.advance(20_000);
    expect(seen).toEqual([
      [5, 0],
      [1, 5],
      [2, 5],
      [3, 9],
      [4, 9],
    ]);
  });

  it('holds for a reactor that comes later and finds the event in the log', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    await one.nexus.dispatch('A', { n: 1 }, { notBefore: start + 5_000 });
    await one.nexus.dispatch('A', { n: 2 });
    const seen = see(one, start, { from: 'beginning' });
    await clock.advance(1_000);
    expect(seen.map(([n]) => n)).toEqual([2]);
    await clock.advance(4_000);
    expect(seen).toContainEqual([1, 5]);
  });

  it('outlives the process', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    see(one, start);
    await one.nexus.dispatch('A', { n: 1 }, { notBefore: start + 5_000 });
    await one.nexus.dispatch('A', { n: 2 }, { notBefore: start + 60_000 });
    await end(one);
    await clock.advance(10_000);
    const two = bus();
    const seen = see(two, start);
    // Opening a file takes its time, and not the clock's.
    await two.nexus.idle();
    await clock.advance(60_000);
    expect(seen).toEqual([
      [1, 10],
      [2, 60],
    ]);
  });

  it('is waited for by one of two processes when the other ends', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    const two = bus();
    const seen = [see(one, start), see(two, start)];
    await Promise.all([one, two].map(({ nexus }) => nexus.reactors.list()));
    await one.nexus.dispatch('A', { n: 1 }, { notBefore: start + 5_000 });
    await end(one);
    // A process on a file looks for what others wrote by a timer of its own; a test does not wait for it.
    await two.nexus.reactors.resume('r');
    await turns();
    await clock.advance(4_999);
    expect(seen).toEqual([[], []]);
    await clock.advance(1);
    expect(seen).toEqual([[], [[1, 5]]]);
  });

  it('is for a child what it is for its parent', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    const seen = see(one, start);
    one.nexus.onEvent('P', (_, ctx) => void ctx.dispatch('A', { n: 1 }, { notBefore: start + 5_000 }));
    await one.nexus.dispatch('P', {});
    await clock.advance(5_000);
    expect(seen).toEqual([[1, 5]]);
  });

  it('can be cancelled, and brought forward, before its time', async () => {
    const { clock, start, bus } = world();
    const one = bus();
    const seen = see(one, start);
    const first = await one.nexus.dispatch('A', { n: 1 }, { notBefore: start + 5_000 });
    const second = await one.nexus.dispatch('A', { n: 2 }, { notBefore: start + 5_000 });
    const idOf = async (eventId: string): Promise<string> =>
      (await one.nexus.deliveries.list({ eventId })).items[0]?.id ?? '';
    await one.nexus.deliveries.cancel(await idOf(first.id));
    await one.nexus.deliveries.retry(await idOf(second.id));
    await clock.advance(20_000);
    expect(seen).toEqual([[2, 0]]);
  });

  it('is not what idle waits for', async () => {
    const { start, bus } = world();
    const one = bus();
    const seen = see(one, start);
    await one.nexus.dispatch('A', { n: 1 }, { notBefore: start + 5_000 });
    await one.nexus.idle();
    expect(seen).toEqual([]);
  });
});
