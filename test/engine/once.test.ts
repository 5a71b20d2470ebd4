import { describe, expect, it } from 'vitest';
import type { ReactorContext } from '../../src/nexus.js';
import { createBus, deferred, record } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

describe('ctx.once', () => {
  it('runs an effect once over all attempts, and gives its result to each', async () => {
    const { nexus, clock } = createBus();
    let effects = 0;
    const seen: unknown[] = [];
    nexus.onEvent('A', { name: 'r', retry: { initialMs: 100, jitter: 0 } }, async (_, ctx) => {
      seen.push(await ctx.once('pay', async () => ({ id: ++effects, at: new Date(0) })));
      if (ctx.attempt < 3) throw new Error('later');
    });
    await nexus.dispatch('A', {});
    await turns();
    await clock.advance(10_000);
    expect(effects).toBe(1);
    expect(seen).toEqual(new Array(3).fill({ id: 1, at: '1970-01-01T00:00:00.000Z' }));
  });

  it('remembers that there was no result', async () => {
    const { nexus, clock } = createBus();
    let effects = 0;
    const seen: unknown[] = [];
    nexus.onEvent('A', { name: 'r', retry: { initialMs: 100 } }, async (_, ctx) => {
      const nothing: unknown = await ctx.once<unknown>('pay', () => {
        effects += 1;
      });
      seen.push(nothing, await ctx.once('null', () => null));
      if (ctx.attempt === 1) throw new Error('later');
    });
    await nexus.dispatch('A', {});
    await turns();
    await clock.advance(1_000);
    expect([effects, seen]).toEqual([1, [undefined, null, undefined, null]]);
  });

  it('remembers nothing of an effect that failed', async () => {
    const { nexus, clock } = createBus();
    let effects = 0;
    nexus.onEvent('A', { name: 'r', retry: { initialMs: 100 } }, async (_, ctx) => {
      await ctx.once('pay', () => {
        effects += 1;
        if (effects < 3) throw new Error('no');
      });
    });
    const { id } = await nexus.dispatch('A', {});
    await turns();
    await clock.advance(10_000);
    expect(effects).toBe(3);
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded', attempt: 3 }]);
  });

  it('keeps events, reactors and keys apart, and joins calls at the same time', async () => {
    const { nexus } = createBus();
    const effects: string[] = [];
    for (const name of ['one', 'two']) {
      nexus.onEvent('A', { name }, async ({ n }, ctx) => {
        const effect = (key: string) => async (): Promise<void> => {
          await Promise.resolve();
          effects.push(`${name} ${String(n)} ${key}`);
        };
        await Promise.all(['x', 'x', 'y'].map((key) => ctx.once(key, effect(key))));
      });
    }
    await nexus.dispatch('A', { n: 1 });
    await nexus.dispatch('A', { n: 2 });
    await nexus.idle();
    expect(effects.sort()).toEqual(
      ['one', 'two'].flatMap((name) => [1, 2].flatMap((n) => ['x', 'y'].map((key) => `${name} ${n} ${key}`))),
    );
  });

  it('refuses a dispatch inside, which a later attempt would forget', async () => {
    const { nexus } = createBus();
    const dead = record(nexus, 'delivery:dead');
    nexus.onEvent('A', { name: 'r', retry: { maxAttempts: 1 } }, async (_, ctx) => {
      await ctx.once('pay', () => void ctx.dispatch('B', {}));
    });
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(dead[0]?.moment.error).toMatchObject({
      code: 'NEXUS_INVALID_OPTION',
      message: expect.stringContaining('dispatch after it') as string,
    });
    expect((await nexus.stats()).head).toBe(1);
  });

  it('lets the handler dispatch after it, also when the effect failed', async () => {
    const { nexus } = createBus();
    nexus.onEvent('A', { name: 'r' }, async (_, ctx) => {
      await ctx.once('bad', () => Promise.reject(new Error('no'))).catch(() => undefined);
      ctx.dispatch('B', {});
    });
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect((await nexus.stats()).head).toBe(2);
  });

  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  it.each<[string, string, unknown]>([
    ['an empty key', '', 1],
    ['a long key', 'k'.repeat(201), 1],
    ['a function', 'k', () => 1],
    ['a BigInt', 'k', 1n],
    ['a cycle', 'k', cyclic],
    ['more than 64 KiB', 'k', 'é'.repeat(40_000)],
  ])('refuses %s', async (_, key, result) => {
    const { nexus } = createBus();
    const dead = record(nexus, 'delivery:dead');
    nexus.onEvent('A', { name: 'r', retry: { maxAttempts: 1 } }, async (__, ctx) => {
      await ctx.once(key, () => result);
    });
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(dead[0]?.moment.error).toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
  });

  it('records nothing for an attempt that is over', async () => {
    const { nexus, clock } = createBus();
    const gate = deferred();
    const outcomes: unknown[] = [];
    nexus.onEvent('A', { name: 'r', timeoutMs: 1_000, retry: { initialMs: 1 } }, async (_, ctx) => {
      if (ctx.attempt > 1) {
        outcomes.push(await ctx.once('pay', () => 'second'));
        return;
      }
      await ctx
        .once('pay', async () => {
          await gate.promise;
          return 'first';
        })
        .catch((error: unknown) => outcomes.push((error as { code: string }).code));
    });
    await nexus.dispatch('A', {});
    await turns();
    await clock.advance(1_100);
    gate.resolve();
    await clock.advance(20_000);
    expect(outcomes.sort()).toEqual(['NEXUS_LEASE_LOST', 'second']);
  });
});

describe('ctx.idempotencyKey', () => {
  it('is the same for every attempt, and another for each reactor, event and key', async () => {
    const { nexus, clock } = createBus();
    const keys = new Map<string, Set<string>>();
    const note = (place: string, ctx: ReactorContext): void => {
      for (const key of ['x', 'y']) {
        const set = keys.get(`${place} ${key}`) ?? new Set();
        keys.set(`${place} ${key}`, set.add(ctx.idempotencyKey(key)));
      }
    };
    for (const name of ['one', 'two']) {
      nexus.onEvent('A', { name, retry: { initialMs: 100 } }, ({ n }, ctx) => {
        note(`${name} ${String(n)}`, ctx);
        if (ctx.attempt < 3) throw new Error('later');
      });
    }
    await nexus.dispatch('A', { n: 1 });
    await nexus.dispatch('A', { n: 2 });
    await turns();
    await clock.advance(10_000);
    expect(keys.size).toBe(8);
    const all = [...keys.values()].map((set) => [...set]);
    expect(all.every((set) => set.length === 1)).toBe(true);
    expect(new Set(all.flat()).size).toBe(8);
    expect(all[0]?.[0]).toMatch(/^nexus_[0-9a-f]{40}$/);
  });
});

describe('maxAgeMs', () => {
  it('cancels what is too old when its turn comes, without an attempt', async () => {
    const { nexus, clock } = createBus();
    let calls = 0;
    nexus.onEvent(
      'A',
      { name: 'r', maxAgeMs: 5_000, retry: { backoff: 'fixed', initialMs: 2_000, jitter: 0 } },
      () => {
        calls += 1;
        throw new Error('later');
      },
    );
    const { id } = await nexus.dispatch('A', {});
    await turns();
    await clock.advance(60_000);
    // At 0, 2 and 4 seconds; at 6 it is too old.
    expect(calls).toBe(3);
    expect(await nexus.settled(id)).toMatchObject([{ state: 'cancelled', reason: 'too_old', attempt: 3 }]);
  });

  it('counts from notBefore', async () => {
    const { nexus, clock } = createBus();
    let calls = 0;
    nexus.onEvent('A', { name: 'r', maxAgeMs: 5_000 }, () => {
      calls += 1;
    });
    await nexus.dispatch('A', {}, { notBefore: clock.now() + 60_000 });
    await turns();
    await clock.advance(61_000);
    expect(calls).toBe(1);
  });

  it('frees the slots of what was too old', async () => {
    const { nexus, clock } = createBus();
    const seen: unknown[] = [];
    await nexus.start();
    nexus.onEvent('A', { name: 'r', maxAgeMs: 5_000, concurrency: 1 }, ({ n }) => void seen.push(n));
    await nexus.reactors.list();
    await nexus.reactors.pause('r');
    for (let n = 0; n < 50; n++) await nexus.dispatch('A', { n });
    await clock.advance(10_000);
    await nexus.dispatch('A', { n: 'new' });
    await nexus.reactors.resume('r');
    await clock.advance(1_000);
    await nexus.idle();
    expect(seen).toEqual(['new']);
    expect((await nexus.stats()).inFlight).toBe(0);
  });

  it('must be above 0', () => {
    const { nexus } = createBus();
    expect(() => nexus.onEvent('A', { maxAgeMs: 0 }, () => undefined)).toThrow(
      /maxAgeMs must be milliseconds/,
    );
  });
});
