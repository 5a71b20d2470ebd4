import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { NonRetryableError, RetryAfterError } from '../../src/core/errors.js';
import { defineReactor } from '../../src/define-reactor.js';
import type { Handler } from '../../src/nexus.js';
import { sleep } from '../../src/testing/index.js';
import { kit } from './kit.js';

const events = {
  PAID: z.object({ orderId: z.string(), amount: z.coerce.string() }),
  MINT: z.object({ amount: z.string() }),
};
const paid = { type: 'PAID', payload: { orderId: 'o-1', amount: 10 } } as const;
const reactor = (handler: Handler<typeof events, 'PAID'>) =>
  defineReactor<typeof events>()({ on: 'PAID', name: 'mint', retry: { maxAttempts: 3 }, handler });

describe('run', () => {
  it('gives what the handler dispatched, and writes nothing', async () => {
    const t = kit({ events });
    const result = await t.run(
      reactor((payload, ctx) => {
        expect(ctx.attempt).toBe(1);
        expect(ctx.event.type).toBe('PAID');
        ctx.dispatch('MINT', { amount: payload.amount });
      }),
      paid,
    );
    expect(result.outcome).toBe('succeeded');
    // The schema has made a text of the number.
    expect(result.dispatched).toMatchObject([{ type: 'MINT', payload: { amount: '10' }, source: 'nexus' }]);
    t.expectNothingDispatched();
    expect((await t.nexus.events.list()).items).toEqual([]);
  });

  it('checks the event, and what is dispatched, against the schema', async () => {
    const t = kit({ events });
    const silent = reactor(() => undefined);
    await expect(t.run(silent, { type: 'PAID', payload: {} as never })).rejects.toMatchObject({
      code: 'NEXUS_INVALID_PAYLOAD',
    });
    const wrong = reactor((_payload, ctx) => void ctx.dispatch('MINT', { amount: 5 } as never));
    const result = await t.run(wrong, paid);
    expect(result).toMatchObject({ outcome: 'retry', error: { code: 'NEXUS_INVALID_PAYLOAD' } });
  });

  it('hands a copy that came through JSON to the handler', async () => {
    const t = kit();
    const given = { list: [{ n: 1 }], left: undefined };
    const seen: unknown[] = [];
    const keeping = defineReactor({
      on: 'ANY',
      handler: (payload) => {
        seen.push({ ...payload });
        (payload.list as { n: number }[])[0]!.n = 2;
      },
    });
    await t.run(keeping, { type: 'ANY', payload: given });
    expect(given.list[0]?.n).toBe(1);
    expect(seen[0]).not.toHaveProperty('left');
  });

  it('says when it would be tried again', async () => {
    const t = kit({ events });
    const error = new Error('busy');
    const busy = reactor(() => Promise.reject(error));
    expect(await t.run(busy, paid)).toEqual({
      outcome: 'retry',
      error,
      inMs: 1_000,
      counted: true,
      dispatched: [],
    });
    expect(await t.run(busy, paid, { attempt: 2 })).toMatchObject({ outcome: 'retry', inMs: 2_000 });
    const later = reactor(() => {
      throw new RetryAfterError(30_000);
    });
    expect(await t.run(later, paid)).toMatchObject({ outcome: 'retry', inMs: 30_000, counted: false });
  });

  it('is dead after the last attempt, and at once where nothing can help', async () => {
    const t = kit({ events });
    const error = new Error('busy');
    const busy = reactor(() => Promise.reject(error));
    expect(await t.run(busy, paid, { attempt: 3 })).toEqual({
      outcome: 'dead',
      reason: 'attempts_spent',
      error,
      dispatched: [],
    });
    const hopeless = reactor(() => {
      throw new NonRetryableError('gone');
    });
    expect(await t.run(hopeless, paid)).toMatchObject({ outcome: 'dead', reason: 'not_retryable' });
  });

  it('dispatches nothing where it fails', async () => {
    const t = kit({ events });
    const result = await t.run(
      reactor((_payload, ctx) => {
        ctx.dispatch('MINT', { amount: '1' });
        throw new Error('after all');
      }),
      paid,
    );
    expect(result).toMatchObject({ outcome: 'retry', dispatched: [] });
  });

  it('knows what an earlier attempt remembered', async () => {
    const t = kit({ events });
    let minted = 0;
    const once = reactor(async (_payload, ctx) => {
      const amount = await ctx.once('mint', () => {
        minted += 1;
        return 'fresh';
      });
      await ctx.once('nothing', () => undefined);
      ctx.dispatch('MINT', { amount });
    });
    const again = await t.run(once, paid, { attempt: 2, once: { mint: 'remembered', nothing: undefined } });
    expect(again.dispatched).toMatchObject([{ payload: { amount: 'remembered' } }]);
    expect(minted).toBe(0);
    expect((await t.run(once, paid)).dispatched).toMatchObject([{ payload: { amount: 'fresh' } }]);
  });

  it('lets virtual time pass up to the timeout', async () => {
    const t = kit({ events });
    const slow = defineReactor<typeof events>()({ on: 'PAID', timeoutMs: 5_000, handler: () => sleep('1h') });
    expect(await t.run(slow, paid)).toMatchObject({ outcome: 'retry', error: { code: 'NEXUS_TIMEOUT' } });
    const quick = defineReactor<typeof events>()({
      on: 'PAID',
      timeoutMs: 5_000,
      handler: () => sleep('4s'),
    });
    expect(await t.run(quick, paid)).toMatchObject({ outcome: 'succeeded' });
  });

  it('refuses what cannot be meant', async () => {
    const t = kit({ events });
    const silent = reactor(() => undefined);
    await expect(t.run(silent, paid, { attempt: 0 })).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    await expect(t.run(silent, { type: 'MINT', payload: { amount: '1' } } as never)).rejects.toThrow(
      'does not handle MINT',
    );
  });
});

describe('deliverTwice', () => {
  it('shows that a good handler did nothing twice', async () => {
    let effects = 0;
    const good = defineReactor({
      on: 'PAID',
      name: 'good',
      handler: async (payload, ctx) => {
        await ctx.once('effect', () => void (effects += 1));
        ctx.dispatch('MINT', { order: payload.orderId });
      },
    });
    const t = kit({ reactors: [good] });
    const twice = await t.deliverTwice({ type: 'PAID', payload: { orderId: 'o-1' } });
    expect(twice).toMatchObject({
      reactors: [{ reactor: 'good', second: 'succeeded' }],
      dispatched: [{ type: 'MINT', payload: { order: 'o-1' } }],
      again: [],
      drifted: [],
    });
    expect(effects).toBe(1);
  });

  it('shows what a bad one did', async () => {
    let calls = 0;
    const bad = defineReactor({
      on: 'PAID',
      name: 'bad',
      handler: async (_payload, ctx) => {
        calls += 1;
        ctx.dispatch('MINT', { nonce: calls });
        await t.nexus.dispatch('BESIDE', {});
      },
    });
    const t = kit({ reactors: [bad as never] });
    const twice = await t.deliverTwice({ type: 'PAID', payload: {} });
    expect(calls).toBe(2);
    expect(twice.dispatched.map(({ type }) => type).sort()).toEqual(['BESIDE', 'MINT']);
    expect(twice.again.map(({ type }) => type)).toEqual(['BESIDE']);
    expect(twice.drifted).toMatchObject([
      { type: 'MINT', stored: { payload: { nonce: 1 } }, payload: { nonce: 2 } },
    ]);
  });

  it('probes every reactor of the event, through their retries', async () => {
    const t = kit({
      reactors: [
        defineReactor({ on: 'PAID', name: 'one', handler: () => undefined }),
        defineReactor({ on: 'PAID', name: 'two', handler: () => undefined }),
      ],
    });
    t.failNext('one', new Error('busy'), 3);
    const { reactors } = await t.deliverTwice({ type: 'PAID', payload: {} });
    expect(reactors.map(({ reactor }) => reactor).sort()).toEqual(['one', 'two']);
  });

  it('says why it cannot probe', async () => {
    const t = kit({
      reactors: [
        defineReactor({ on: 'PAID', name: 'm', retry: { maxAttempts: 1 }, handler: () => undefined }),
      ],
    });
    await expect(t.deliverTwice({ type: 'OTHER', payload: {} })).rejects.toThrow('no reactor handles');
    t.failNext('m', new Error('gone'));
    await expect(t.deliverTwice({ type: 'PAID', payload: {} })).rejects.toThrow('m is dead: gone');
  });
});
