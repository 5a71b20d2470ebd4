/** Replays: durable runs over events in the log, beside live work. */
import { describe, expect, it } from 'vitest';
import type { NexusOptions, ReactorOptions, Replay, ReplayOptions, ReplayProgress } from '../../src/nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { Storage, Wants } from '../../src/storage/storage.js';
import { createBus, deferred, record, type Bus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

type Paid = Bus & { runs: [number, boolean][]; effects: number[] };

/** A reactor with a child and an effect per event, and some events that it has handled. */
async function paid(count: number, options: Partial<NexusOptions> & { beside?: Bus } = {}): Promise<Paid> {
  const bus = createBus(options);
  const runs: [number, boolean][] = [];
  const effects: number[] = [];
  bus.nexus.onEvent('PAID', { name: 'mint' }, async (payload, ctx) => {
    runs.push([Number(payload.n), ctx.replayed]);
    await ctx.once('charge', () => {
      effects.push(Number(payload.n));
      return { n: payload.n };
    });
    ctx.dispatch('MINT', { n: payload.n });
  });
  for (let n = 1; n <= count; n++) await bus.nexus.dispatch('PAID', { n });
  await bus.nexus.idle();
  runs.length = 0;
  return { ...bus, runs, effects };
}

/** A reactor whose handlers wait when they are replayed; what is let go, ends. */
async function held(
  count: number,
  options: ReactorOptions & Pick<NexusOptions, 'maxInFlight'> = {},
): Promise<Bus & { gates: Gate[] }> {
  const { maxInFlight = 1_000, ...reactor } = options;
  const bus = createBus({ maxInFlight });
  const gates: Gate[] = [];
  bus.nexus.onEvent('A', { name: 'r', ...reactor }, async ({ n }, ctx) => {
    if (!ctx.replayed) return;
    const { promise, resolve, reject } = deferred();
    gates.push({ n: Number(n), open: resolve, fail: () => reject(new Error('later')), signal: ctx.signal });
    await promise;
  });
  for (let n = 1; n <= count; n++) await bus.nexus.dispatch('A', { n });
  await bus.nexus.idle();
  return { ...bus, gates };
}
type Gate = { n: number; open: () => void; fail: () => void; signal: AbortSignal };

const children = async ({ nexus }: Bus): Promise<number> =>
  (await nexus.events.list({ type: 'MINT', limit: 1_000 })).items.length;
const only = async ({ nexus }: Bus): Promise<Replay> => {
  const [replay] = (await nexus.replays.list()).items;
  if (!replay) throw new Error('there is no replay');
  return replay;
};

describe('a replay', () => {
  it('runs a reactor again over what it has handled, and doubles neither children nor effects', async () => {
    const bus = await paid(5);
    const before = await bus.nexus.reactors.list();
    const report = await bus.nexus.replay({});
    expect(report).toEqual({
      run: 1,
      state: 'done',
      fresh: false,
      reactors: [{ reactor: 'mint', events: 5, skipped: 0, open: 0, dead: 0, before: undefined }],
    });
    expect(bus.runs).toEqual([1, 2, 3, 4, 5].map((n) => [n, true]));
    expect(bus.effects).toEqual([1, 2, 3, 4, 5]);
    expect(await children(bus)).toBe(5);
    const [after] = await bus.nexus.reactors.list();
    expect([after?.position, after?.generation]).toEqual([before[0]?.position, before[0]?.generation]);
  });

  it('does both again when it is fresh, once in each run', async () => {
    const bus = await paid(3);
    await bus.nexus.replay({ fresh: true });
    expect([await children(bus), bus.effects]).toEqual([6, [1, 2, 3, 1, 2, 3]]);
    const { items } = await bus.nexus.deliveries.list({ run: 1 });
    for (const { id } of items) await bus.nexus.deliveries.retry(id);
    await bus.nexus.idle();
    expect(bus.runs).toHaveLength(6);
    expect([await children(bus), bus.effects.length]).toEqual([6, 6]);
    await bus.nexus.replay({ fresh: true });
    expect([await children(bus), bus.effects.length]).toEqual([9, 9]);
  });

  it('covers more than it may have open at once', async () => {
    const bus = await paid(2_000);
    const { reactors } = await bus.nexus.replay({});
    expect(reactors[0]?.events).toBe(2_000);
    const numbers = bus.runs.map(([n]) => n).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
  });

  it('has a bounded number of deliveries open, however much it covers', async () => {
    const bus = await held(1_000);
    void bus.nexus.replay({}).catch(() => undefined);
    await turns(100);
    const { open, events } = (await only(bus)).reactors[0] ?? {};
    expect(events).toBe(open);
    expect(open).toBeGreaterThan(256);
    expect(open).toBeLessThanOrEqual(384);
  });

  it('gives a new reactor what was said before it', async () => {
    const { nexus } = createBus();
    await nexus.dispatch('A', { n: 1 });
    await nexus.dispatch('B', {});
    const seen: unknown[] = [];
    nexus.onEvent(['A', 'C'], { name: 'late' }, ({ n }) => void seen.push(n));
    await nexus.idle();
    expect(seen).toEqual([]);
    await nexus.replay({ reactors: ['late'] });
    expect(seen).toEqual([1]);
  });

  it('leaves out what is still in progress, live or in another replay, and says how many', async () => {
    const { nexus } = createBus();
    const gate = deferred();
    nexus.onEvent('A', { name: 'r' }, async ({ n }, ctx) => {
      if (n === 2 && !ctx.replayed) await gate.promise;
    });
    for (const n of [1, 2, 3]) await nexus.dispatch('A', { n });
    await turns();
    const { reactors } = await nexus.replay({});
    expect(reactors[0]).toMatchObject({ events: 2, skipped: 1 });
    gate.resolve();
    await nexus.idle();
    expect((await nexus.replay({})).reactors[0]).toMatchObject({ events: 3, skipped: 0 });
  });

  it('tries again what fails, and counts what is dead', async () => {
    const { nexus, clock } = createBus();
    nexus.onEvent(
      'A',
      { name: 'r', retry: { maxAttempts: 2, initialMs: 60_000, jitter: 0 } },
      ({ n }, ctx) => {
        if (ctx.replayed && (n === 1 || ctx.attempt === 1)) throw new Error('no');
      },
    );
    for (const n of [1, 2]) await nexus.dispatch('A', { n });
    await nexus.idle();
    const replay = nexus.replay({});
    await turns();
    await nexus.idle();
    await clock.advance(59_000);
    expect((await nexus.replays.get(1))?.state).toBe('running');
    await clock.advance(1_000);
    expect(await replay).toMatchObject({ state: 'done', reactors: [{ events: 2, dead: 1, open: 0 }] });
  });

  it('does not hold events to their maximum age', async () => {
    const { nexus, clock } = createBus();
    let calls = 0;
    nexus.onEvent('A', { name: 'r', maxAgeMs: 1_000 }, () => void (calls += 1));
    await nexus.dispatch('A', {});
    await clock.advance(60_000);
    await nexus.replay({});
    expect(calls).toBe(2);
  });

  it('keeps the order of each key', async () => {
    const { nexus, clock } = createBus();
    const seen = new Map<string, number[]>();
    const failed = new Set<number>();
    const options: ReactorOptions = {
      name: 'r',
      orderBy: ({ payload }) => String(payload.key),
      retry: { initialMs: 100 },
    };
    nexus.onEvent('A', options, async ({ key, n }, ctx) => {
      if (!ctx.replayed) return;
      await new Promise((resolve) => setImmediate(resolve));
      if (Number(n) % 3 === 0 && !failed.has(Number(n))) {
        failed.add(Number(n));
        throw new Error('once');
      }
      seen.set(String(key), [...(seen.get(String(key)) ?? []), Number(n)]);
    });
    for (let n = 0; n < 60; n++) await nexus.dispatch('A', { key: `k${n % 4}`, n });
    await nexus.idle();
    const replay = nexus.replay({});
    await turns();
    for (let i = 0; i < 40; i++) await clock.advance(200);
    expect(await replay).toMatchObject({ state: 'done' });
    expect([...seen.values()].flat()).toHaveLength(60);
    for (const numbers of seen.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  it('tells its progress from beginning to end, to a listener that may throw', async () => {
    const bus = await paid(700);
    const told: ReplayProgress[] = [];
    await bus.nexus.replay({
      to: 700,
      onProgress: (progress) => {
        told.push(progress);
        throw new Error('mine');
      },
    });
    expect(told[0]).toEqual({ run: 1, done: 0, total: 700 });
    expect(told.at(-1)).toEqual({ run: 1, done: 700, total: 700 });
    expect(told.length).toBeGreaterThan(3);
    for (const [i, { done }] of told.entries()) expect(done).toBeGreaterThanOrEqual(told[i - 1]?.done ?? 0);
  });

  it('goes on when who waits for it does so no longer', async () => {
    const bus = await held(1);
    const waiting = new AbortController();
    const reason = new Error('enough');
    const replay = bus.nexus.replay({ signal: waiting.signal });
    await turns();
    waiting.abort(reason);
    await expect(replay).rejects.toBe(reason);
    expect(await only(bus)).toMatchObject({ state: 'running' });
    bus.gates[0]?.open();
    await turns();
    expect(await only(bus)).toMatchObject({ state: 'done' });
    await expect(bus.nexus.replay({ signal: waiting.signal })).rejects.toBe(reason);
  });

  it('is waited for by idle, not by settled, and is part of the story of its events', async () => {
    const bus = await held(1);
    const [event] = (await bus.nexus.events.list()).items;
    const replay = bus.nexus.replay({});
    await turns();
    expect(await bus.nexus.settled(event?.id ?? '')).toMatchObject([{ run: 0, state: 'succeeded' }]);
    const { deliveries } = await bus.nexus.explain(event?.id ?? '');
    expect(deliveries.map(({ run, state }) => [run, state])).toEqual([
      [0, 'succeeded'],
      [1, 'running'],
    ]);
    let idle = false;
    void bus.nexus.idle().then(() => (idle = true));
    await turns();
    expect(idle).toBe(false);
    bus.gates[0]?.open();
    await replay;
    await turns();
    expect(idle).toBe(true);
  });
});

describe('what a replay covers', () => {
  const numbers = async (options: (bus: Paid) => ReplayOptions): Promise<number[]> => {
    const bus = await paid(0);
    for (let n = 1; n <= 6; n++) {
      await bus.nexus.dispatch('PAID', { n });
      await bus.clock.advance(1_000);
    }
    bus.runs.length = 0;
    await bus.nexus.replay(options(bus));
    return bus.runs.map(([n]) => n);
  };
  /** Each payment is followed by its child: payment n is at 2n - 1. */
  it.each<[string, (bus: Paid) => ReplayOptions, number[]]>([
    ['everything', () => ({}), [1, 2, 3, 4, 5, 6]],
    ['from a seq, inclusive', () => ({ from: 5 }), [3, 4, 5, 6]],
    ['up to a seq, inclusive', () => ({ to: 5 }), [1, 2, 3]],
    ['one seq', () => ({ from: 5, to: 5 }), [3]],
    ['from an instant, inclusive', ({ clock }) => ({ from: new Date(clock.now() - 4_000) }), [3, 4, 5, 6]],
    ['up to an instant, exclusive', ({ clock }) => ({ to: new Date(clock.now() - 4_000) }), [1, 2]],
    ['a seq and an instant', ({ clock }) => ({ from: 3, to: new Date(clock.now() - 2_000) }), [2, 3, 4]],
    ['types', () => ({ types: ['PAID'], from: 11 }), [6]],
    ['types that the reactor does not listen to', () => ({ types: ['MINT'] }), []],
  ])('is %s', async (_, options, expected) => {
    expect(await numbers(options)).toEqual(expected);
  });

  it('is nothing in an empty log', async () => {
    const bus = await paid(0);
    expect(await bus.nexus.replay({})).toMatchObject({ state: 'done', reactors: [{ events: 0 }] });
  });

  it('is what was in the log at the call', async () => {
    const bus = await held(2);
    const replay = bus.nexus.replay({});
    await turns();
    await bus.nexus.dispatch('A', { n: 3 });
    for (const gate of bus.gates) gate.open();
    expect(await replay).toMatchObject({ reactors: [{ events: 2 }] });
  });

  it('is for the reactors that are named, each for its own types', async () => {
    const { nexus } = createBus();
    const seen: string[] = [];
    for (const [name, type] of [
      ['a', 'A'],
      ['b', 'B'],
      ['all', '*'],
    ] as const)
      nexus.onEvent(type, { name }, (_, ctx) => {
        if (ctx.replayed) seen.push(`${name} ${ctx.event.type}`);
      });
    for (const type of ['A', 'B', 'C']) await nexus.dispatch(type, {});
    await nexus.idle();
    const { reactors } = await nexus.replay({ reactors: ['all', 'a', 'a'] });
    expect(seen.sort()).toEqual(['a A', 'all A', 'all B', 'all C']);
    expect(reactors.map(({ reactor, events }) => [reactor, events])).toEqual([
      ['a', 1],
      ['all', 3],
    ]);
    await nexus.replay({});
    expect(seen).toHaveLength(4 + 5);
  });

  it.each<[string, unknown, string]>([
    ['a reactor that is not there', { reactors: ['mint', 'nobody'] }, 'NEXUS_NOT_FOUND'],
    ['no reactor', { reactors: [] }, 'NEXUS_INVALID_OPTION'],
    ['reactors that are no list', { reactors: 'mint' }, 'NEXUS_INVALID_OPTION'],
    ['no type', { types: [] }, 'NEXUS_INVALID_OPTION'],
    ['a type that cannot be', { types: ['no type'] }, 'NEXUS_UNKNOWN_EVENT'],
    ['an inverted range', { from: 3, to: 2 }, 'NEXUS_INVALID_OPTION'],
    ['inverted instants', { from: new Date(2), to: new Date(1) }, 'NEXUS_INVALID_OPTION'],
    ['a date that is none', { from: new Date(NaN) }, 'NEXUS_INVALID_OPTION'],
    ['a fraction', { to: 1.5 }, 'NEXUS_INVALID_OPTION'],
    ['a negative seq', { from: -1 }, 'NEXUS_INVALID_OPTION'],
    ['a seq above the head, or an instant for one', { to: 1_800_000_000_000 }, 'NEXUS_POSITION_AHEAD'],
    ['a from above the head', { from: 100 }, 'NEXUS_POSITION_AHEAD'],
    ['a fresh that is no boolean', { fresh: 'yes' }, 'NEXUS_INVALID_OPTION'],
    ['a dryRun that is no boolean', { dryRun: 1 }, 'NEXUS_INVALID_OPTION'],
    ['a forgotten that is neither', { forgotten: true }, 'NEXUS_INVALID_OPTION'],
    ['an onProgress that cannot be called', { onProgress: {} }, 'NEXUS_INVALID_OPTION'],
    ['a signal that is none', { signal: {} }, 'NEXUS_INVALID_OPTION'],
  ])('is refused for %s, and nothing is begun', async (_, options, code) => {
    const { nexus } = await paid(3);
    await expect(nexus.replay(options as ReplayOptions)).rejects.toMatchObject({ code });
    expect((await nexus.replays.list()).items).toEqual([]);
  });

  it('is refused where retention removed what was remembered, unless it is told to do it again', async () => {
    const bus = await paid(2, { retention: { succeededMs: 60_000 }, leaseMs: 3_600_000 });
    await bus.clock.advance(86_400_000);
    await bus.nexus.dispatch('PAID', { n: 3 });
    await bus.nexus.idle();
    bus.runs.length = 0;
    const at = new Date(bus.clock.now());
    const { items } = await bus.nexus.events.list({ type: 'PAID', after: 0 });
    const prunedTo = items[1]?.seq ?? 0;
    for (const options of [{}, { dryRun: true }, { types: ['PAID'], to: prunedTo }])
      await expect(bus.nexus.replay(options)).rejects.toMatchObject({
        code: 'NEXUS_POSITION_PRUNED',
        details: { reactor: 'mint', prunedTo },
      });
    expect(await bus.nexus.replay({ from: at })).toMatchObject({ reactors: [{ events: 1 }] });
    expect(await bus.nexus.replay({ from: prunedTo + 1 })).toMatchObject({ reactors: [{ events: 1 }] });
    expect([bus.effects, await children(bus)]).toEqual([[1, 2, 3], 3]);
    expect(await bus.nexus.replay({ forgotten: 'run' })).toMatchObject({ reactors: [{ events: 3 }] });
    expect([bus.effects, await children(bus)]).toEqual([[1, 2, 3, 1, 2], 3]);
    await bus.clock.advance(86_400_000);
    bus.effects.length = 0;
    expect(await bus.nexus.replay({ fresh: true })).toMatchObject({ reactors: [{ events: 3 }] });
    expect([bus.effects, await children(bus)]).toEqual([[1, 2, 3], 6]);
  });

  it('must be told in a process without reactors', async () => {
    const bus = await paid(1);
    const { nexus } = createBus({ beside: bus });
    await expect(nexus.replay({})).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    expect(await nexus.replay({ reactors: ['mint'] })).toMatchObject({
      state: 'done',
      reactors: [{ events: 1 }],
    });
    expect(bus.runs).toEqual([[1, true]]);
  });
});

describe('a dry run', () => {
  it('ends when its signal aborts', async () => {
    const { nexus } = await paid(501);
    const abort = new AbortController();
    const reading = nexus.replay({ dryRun: true, signal: abort.signal, onProgress: () => abort.abort() });
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('says what would run and what was dispatched before, and writes nothing', async () => {
    const bus = await paid(3);
    const gate = deferred();
    bus.nexus.onEvent(['PAID', 'MINT'], { name: 'other', from: 'beginning' }, async (payload, ctx) => {
      if (ctx.event.type === 'MINT' && payload.n === 3) await gate.promise;
      ctx.dispatch('SEEN', {});
      ctx.dispatch('SEEN', {}, { idempotencyKey: ctx.event.id });
    });
    await turns(60);
    const head = (await bus.nexus.stats()).head;
    const told: ReplayProgress[] = [];
    const report = await bus.nexus.replay({
      dryRun: true,
      fresh: true,
      onProgress: (each) => told.push(each),
    });
    const none = { open: 0, dead: 0 };
    expect(report).toEqual({
      run: undefined,
      state: 'dry-run',
      fresh: true,
      reactors: [
        {
          reactor: 'mint',
          events: 3,
          skipped: 0,
          ...none,
          before: { children: [{ type: 'MINT', count: 3 }], once: 3 },
        },
        {
          reactor: 'other',
          events: 5,
          skipped: 1,
          ...none,
          before: { children: [{ type: 'SEEN', count: 5 }], once: 0 },
        },
      ],
    });
    expect(told.at(-1)).toEqual({ run: undefined, done: 2 * head, total: 2 * head });
    expect(bus.runs).toEqual([]);
    expect((await bus.nexus.replays.list()).items).toEqual([]);
    // What it says is what happens.
    const { reactors } = await bus.nexus.replay({ fresh: true, to: head });
    expect(reactors.map(({ events, skipped }) => [events, skipped])).toEqual([
      [3, 0],
      [5, 1],
    ]);
    expect(await children(bus)).toBe(6);
    gate.resolve();
  });
});

describe('a replay beside live work', () => {
  it('has half of the slots, and waits behind nothing live', async () => {
    const bus = await held(40, { concurrency: 8 });
    const live: unknown[] = [];
    bus.nexus.on('delivery:succeeded', ({ deliveryId }) => live.push(deliveryId));
    const replay = bus.nexus.replay({});
    await turns();
    expect(bus.gates).toHaveLength(4);
    for (let n = 41; n <= 60; n++) await bus.nexus.dispatch('A', { n });
    await turns();
    expect(live).toHaveLength(20);
    expect(bus.gates).toHaveLength(4);
    while ((await only(bus)).state === 'running') {
      for (const gate of bus.gates) gate.open();
      await turns();
      expect(bus.gates.length).toBeLessThanOrEqual(40);
    }
    await replay;
  });

  it('has the only slot where there is one, when it is free', async () => {
    const bus = await held(3, { concurrency: 1 });
    const replay = bus.nexus.replay({});
    await turns();
    expect(bus.gates).toHaveLength(1);
    const { id } = await bus.nexus.dispatch('A', { n: 4 });
    bus.gates[0]?.open();
    await turns();
    expect(bus.gates.map(({ n }) => n)).toEqual([1, 2]);
    expect(await bus.nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
    bus.gates[1]?.open();
    await turns();
    bus.gates[2]?.open();
    await replay;
  });

  it('has at most half of what may be in memory', async () => {
    const bus = await held(300, { concurrency: 2, maxInFlight: 40 });
    void bus.nexus.replay({}).catch(() => undefined);
    await turns(60);
    expect((await bus.nexus.stats()).inFlight).toBe(20);
    // With the other half, live work goes on.
    for (let n = 301; n <= 330; n++) await bus.nexus.dispatch('A', { n });
    await turns();
    const { inFlight, deliveries } = await bus.nexus.stats();
    expect([inFlight, deliveries.pending + deliveries.running]).toEqual([20, 300]);
  });

  it('does not keep live events from being leased as they are stored', async () => {
    const claimed: Wants[] = [];
    const bus = createBus();
    const inner = memoryStorage(bus);
    const storage = Object.create(inner, {
      claim: {
        value: async (wants: Wants) => {
          const result = await inner.claim(wants);
          if (result.leased.length > 0) claimed.push(wants);
          return result;
        },
      },
    }) as Storage;
    const { nexus } = createBus({ beside: bus, storage });
    const gates: (() => void)[] = [];
    nexus.onEvent('A', { name: 'r' }, (_, ctx) =>
      ctx.replayed ? new Promise<void>((resolve) => gates.push(resolve)) : undefined,
    );
    for (let n = 0; n < 50; n++) await nexus.dispatch('A', { n });
    await nexus.idle();
    claimed.length = 0;
    void nexus.replay({}).catch(() => undefined);
    await turns();
    expect(gates.length).toBe(8);
    for (let n = 0; n < 20; n++) {
      const { id } = await nexus.dispatch('A', { n });
      expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded' }]);
      gates.shift()?.();
      await turns();
    }
    expect(claimed.length).toBeGreaterThan(0);
    expect(claimed.every(({ lane }) => lane === 'replays')).toBe(true);
  });

  it('stands still while its reactor is paused', async () => {
    const bus = await paid(5);
    await bus.nexus.reactors.pause('mint');
    const replay = bus.nexus.replay({});
    await turns(60);
    expect(bus.runs).toEqual([]);
    await bus.nexus.reactors.resume('mint');
    expect(await replay).toMatchObject({ state: 'done' });
    expect(bus.runs).toHaveLength(5);
  });

  it('is over for a reactor that is removed', async () => {
    const bus = await held(5);
    const replay = bus.nexus.replay({});
    await turns();
    await bus.nexus.reactors.remove('r');
    expect(await replay).toMatchObject({ state: 'done', reactors: [{ reactor: 'r', events: 5, open: 0 }] });
  });
});

describe('a replay over the lives of processes', () => {
  it('goes on by itself where a closed process left it, and is waited for no more', async () => {
    const bus = await held(600);
    const replay = expect(bus.nexus.replay({})).rejects.toMatchObject({ code: 'NEXUS_CLOSED' });
    await turns();
    bus.gates.slice(0, 3).forEach(({ open }) => open());
    await turns();
    const closed = bus.nexus.close({ timeoutMs: 0 });
    await bus.clock.advance(1);
    await replay;
    await closed;

    const next = createBus({ beside: bus });
    const seen = new Set<number>();
    next.nexus.onEvent('A', { name: 'r' }, ({ n }) => void seen.add(Number(n)));
    await next.nexus.idle();
    expect(await only(next)).toMatchObject({ state: 'done', reactors: [{ events: 600, open: 0 }] });
    expect(seen.size).toBe(597);
  });

  it('goes on after a crash, with what was held as suspects', async () => {
    const bus = await held(300);
    const ids: string[] = [...bus.database.instances.keys()];
    void bus.nexus.replay({}).catch(() => undefined);
    await turns();
    expect(bus.gates).toHaveLength(8);
    for (const id of ids) bus.database.kill(id);

    const next = createBus({ beside: bus });
    const seen: number[] = [];
    next.nexus.onEvent('A', { name: 'r' }, ({ n }) => void seen.push(Number(n)));
    const told = record(next.nexus, 'delivery:recovered');
    await next.nexus.idle();
    expect(told.length).toBeGreaterThanOrEqual(8);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
    expect((await only(next)).state).toBe('done');
  });

  it('is shared by the processes that have its reactor', async () => {
    const one = await paid(900);
    const two = await paid(0, { beside: one });
    await one.nexus.replay({});
    await two.nexus.idle();
    expect(one.runs.length + two.runs.length).toBe(900);
    expect(Math.min(one.runs.length, two.runs.length)).toBeGreaterThan(50);
    const all = new Set([...one.runs, ...two.runs].map(([n]) => n));
    expect(all.size).toBe(900);
    expect(await children(one)).toBe(900);
  });
});

describe('cancelling a replay', () => {
  it('ends it: nothing further is begun, and what runs counts for nothing', async () => {
    const bus = await held(600);
    const replay = bus.nexus.replay({});
    await turns();
    bus.gates[0]?.open();
    await turns();
    await bus.nexus.replays.cancel(1);
    const report = await replay;
    expect(report).toMatchObject({ run: 1, state: 'cancelled', reactors: [{ open: 0 }] });
    const begun = bus.gates.length;
    expect(bus.gates.slice(1).every(({ signal }) => signal.aborted)).toBe(true);
    for (const gate of bus.gates) gate.open();
    await bus.nexus.idle();
    expect(bus.gates).toHaveLength(begun);
    const { items } = await bus.nexus.deliveries.list({ run: 1, limit: 1_000 });
    expect(items).toHaveLength(report.reactors[0]?.events ?? 0);
    const ends = items.map(({ state, reason }) => `${state} ${reason ?? ''}`);
    expect(ends.filter((end) => end === 'succeeded ')).toHaveLength(1);
    expect(ends.filter((end) => end === 'cancelled replay_cancelled')).toHaveLength(items.length - 1);
    expect((await bus.nexus.stats()).inFlight).toBe(0);
    // Another replay may begin at once, for nothing of it is in progress.
    const again = bus.nexus.replay({ to: 2 });
    await turns();
    bus.gates.slice(begun).forEach(({ open }) => open());
    expect(await again).toMatchObject({ state: 'done', reactors: [{ events: 2, skipped: 0 }] });
  });

  it('is heard in the other processes', async () => {
    const bus = await held(50);
    const { nexus } = createBus({ beside: bus });
    const replay = bus.nexus.replay({});
    await turns();
    await nexus.replays.cancel(1);
    expect(await replay).toMatchObject({ state: 'cancelled' });
    expect(bus.gates.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it('changes nothing once it is over, and knows what there is not', async () => {
    const bus = await paid(2);
    await bus.nexus.replay({});
    await bus.nexus.replays.cancel(1);
    expect(await bus.nexus.replays.get(1)).toMatchObject({
      state: 'done',
      done: 4,
      total: 4,
      from: 1,
      to: 4,
    });
    await expect(bus.nexus.replays.cancel(2)).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
    await expect(bus.nexus.replays.cancel('x' as never)).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
    expect(await bus.nexus.replays.get(2)).toBeUndefined();
  });

  it('lists replays page by page', async () => {
    const bus = await paid(1);
    for (let i = 0; i < 3; i++) await bus.nexus.replay({ fresh: i === 1 });
    const page = await bus.nexus.replays.list({ limit: 2 });
    expect(page.items.map(({ run, fresh }) => [run, fresh])).toEqual([
      [3, false],
      [2, true],
    ]);
    expect(
      (await bus.nexus.replays.list({ limit: 2, before: page.next ?? 0 })).items.map(({ run }) => run),
    ).toEqual([1]);
    expect((await bus.nexus.replays.list({ state: 'running' })).items).toEqual([]);
    await expect(bus.nexus.replays.list({ limit: 0 })).rejects.toMatchObject({
      code: 'NEXUS_INVALID_OPTION',
    });
  });
});
