import { AssertionError } from 'node:assert';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineReactor } from '../../src/define-reactor.js';
import { matchers } from '../../src/testing/index.js';
import { kit, thrownBy } from './kit.js';

const events = {
  PAID: z.object({ orderId: z.string() }),
  MINT: z.object({ amount: z.string(), to: z.object({ wallet: z.string(), chain: z.string() }) }),
  NOTE: z.object({ text: z.string() }),
};
const mint = defineReactor<typeof events>()({
  on: 'PAID',
  name: 'mint',
  handler: (_payload, ctx) => {
    ctx.dispatch('MINT', { amount: '10.00', to: { wallet: 'w-1', chain: 'ton' } });
    ctx.dispatch('MINT', { amount: '12.00', to: { wallet: 'w-2', chain: 'ton' } });
  },
});

describe('expectDispatched', () => {
  it('finds the event by what is named of it', async () => {
    const t = kit({ events, reactors: [mint] });
    await t.dispatch('PAID', { orderId: 'o-1' });
    await t.drain();
    expect(t.expectDispatched('MINT').payload.amount).toBe('10.00');
    expect(t.expectDispatched('MINT', { to: { wallet: 'w-2' } }).payload.amount).toBe('12.00');
    expect(t.expectDispatched('MINT', { amount: expect.stringMatching(/^12/) as never }).seq).toBe(3);
    t.expectDispatched('MINT', { to: { chain: 'ton' } }, { times: 2 });
    expect(t.dispatched().map(({ type }) => type)).toEqual(['MINT', 'MINT']);
    expect(t.dispatched('PAID')).toEqual([]);
  });

  it('shows the nearest as a difference, and what else there was', async () => {
    const t = kit({ events, reactors: [mint] });
    await t.dispatch('PAID', { orderId: 'o-1' });
    await t.drain();
    const error = thrownBy(() => t.expectDispatched('MINT', { amount: '12.00', to: { wallet: 'w-9' } }));
    expect(error).toBeInstanceOf(AssertionError);
    expect(error.message).toBe(
      [
        `expected a MINT like { amount: '12.00', to: { wallet: 'w-9' } }`,
        '  nearest is seq 3:',
        `    - to.wallet: 'w-9'`,
        `    + to.wallet: 'w-2'`,
        '  dispatched:',
        `    seq 2  MINT { amount: '10.00', to: { wallet: 'w-1', chain: 'ton' } }`,
        `    seq 3  MINT { amount: '12.00', to: { wallet: 'w-2', chain: 'ton' } }`,
      ].join('\n'),
    );
    // For the runner's own diff: only what differs, differs.
    expect(error.actual).toEqual({ amount: '12.00', to: { wallet: 'w-2' } });
    expect(error.expected).toEqual({ amount: '12.00', to: { wallet: 'w-9' } });
  });

  it('says when there was nothing of the type, nothing at all, or another number', async () => {
    const t = kit({ events, reactors: [mint] });
    expect(thrownBy(() => t.expectDispatched('NOTE')).message).toBe(
      'expected a NOTE\n  dispatched instead: nothing',
    );
    await t.dispatch('PAID', { orderId: 'o-1' });
    await t.drain();
    expect(thrownBy(() => t.expectDispatched('NOTE', { text: 'x' })).message).toMatch(
      /^expected a NOTE like \{ text: 'x' \}\n {2}dispatched:\n {4}seq 2/,
    );
    const twice = thrownBy(() => t.expectDispatched('MINT', { amount: '10.00' }, { times: 2 }));
    expect(twice.message).toMatch(/^expected 2 × MINT like \{ amount: '10.00' \}, got 1/);
    expect(twice).toMatchObject({ actual: ['MINT'], expected: ['MINT', 'MINT'] });
  });

  it('takes arrays as they are', async () => {
    const t = kit({
      reactors: [
        defineReactor({
          on: 'A',
          handler: (_payload, ctx) => void ctx.dispatch('B', { list: [1, { a: 1, b: 2 }] }),
        }),
      ],
    });
    await t.dispatch('A', {});
    await t.drain();
    t.expectDispatched('B', { list: [1, { a: 1 }] as never });
    expect(() => t.expectDispatched('B', { list: [1] as never })).toThrow('list');
  });
});

describe('expectNothingDispatched', () => {
  it('holds for silence, and shows what broke it', async () => {
    const t = kit({ events, reactors: [mint] });
    t.expectNothingDispatched();
    await t.dispatch('PAID', { orderId: 'o-1' });
    await t.drain();
    t.expectNothingDispatched('NOTE');
    expect(thrownBy(() => t.expectNothingDispatched()).message).toMatch(
      /^expected that nothing is dispatched\n {2}dispatched:\n {4}seq 2 {2}MINT/,
    );
  });

  it('counts what the code under test dispatches by itself', async () => {
    const t = kit({ events });
    await t.nexus.dispatch('NOTE', { text: 'from the host' });
    t.expectDispatched('NOTE', { text: 'from the host' });
  });
});

describe('matchers', () => {
  it('are for expect.extend', async () => {
    expect.extend(matchers);
    const t = kit({ events, reactors: [mint] });
    type Expecting = Record<string, (...args: unknown[]) => void>;
    const expecting = () => expect(t) as unknown as Expecting & { not: Expecting };
    expecting().toHaveDispatchedNothing?.();
    await t.dispatch('PAID', { orderId: 'o-1' });
    await t.drain();
    expecting().toHaveDispatched?.('MINT', { amount: '10.00' }, { times: 1 });
    expecting().not.toHaveDispatched?.('NOTE');
    expecting().not.toHaveDispatchedNothing?.();
    expect(() => expecting().toHaveDispatched?.('NOTE')).toThrow('expected a NOTE');
    expect(() => expecting().not.toHaveDispatched?.('MINT')).toThrow('no such MINT');
    expect(() => expecting().toHaveDispatchedNothing?.()).toThrow('seq 2  MINT');
  });
});

describe('failNext', () => {
  it('fails the next calls of a reactor in place of its handler', async () => {
    const t = kit({ events, reactors: [mint] });
    t.failNext(mint, new Error('down'), 2);
    await t.dispatch('PAID', { orderId: 'o-1' });
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 1, failed: 2, dead: 0 });
    t.failNext('other', new Error('down'));
    await t.dispatch('PAID', { orderId: 'o-2' });
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
  });
});
