import { describe, expect, it } from 'vitest';
import { defineReactor } from '../../src/define-reactor.js';
import { kit } from './kit.js';

type Told = { calls: number[]; effects: number };

const mint = (told: Told) =>
  defineReactor({
    on: 'PAID',
    name: 'mint',
    handler: async (_payload, ctx) => {
      told.calls.push(ctx.attempt);
      await ctx.once('effect', () => void (told.effects += 1));
      ctx.dispatch('MINTED', { n: 1 });
    },
  });

describe.each(['memory', 'sqlite'] as const)('a crash, over %s', (storage) => {
  it('after append: the event is there though nobody was told, and is handled', async () => {
    const told: Told = { calls: [], effects: 0 };
    const t = kit({ storage, reactors: [mint(told)] });
    t.crashAfter('append', { type: 'PAID' });
    await expect(t.dispatch('PAID', {}, { idempotencyKey: 'p-1' })).rejects.toMatchObject({
      code: 'NEXUS_CLOSED',
    });
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    expect(await t.dispatch('PAID', {}, { idempotencyKey: 'p-1' })).toMatchObject({ duplicate: true });
    t.expectDispatched('MINTED', { n: 1 }, { times: 1 });
    expect([t.crashes, told]).toEqual([1, { calls: [1], effects: 1 }]);
    expect(t.dispatched('PAID')).toEqual([]);
  });

  it('after claim: the handler is called by the process that comes after', async () => {
    const told: Told = { calls: [], effects: 0 };
    const t = kit({ storage, reactors: [mint(told)] });
    t.crashAfter('claim');
    await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    expect([t.crashes, told.calls]).toEqual([1, [1]]);
  });

  it('between handler and settle: the handler runs again, what it dispatched is there once', async () => {
    const told: Told = { calls: [], effects: 0 };
    const t = kit({ storage, reactors: [mint(told)] });
    t.crashAfter('handler', { reactor: 'mint' });
    await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    t.expectDispatched('MINTED', undefined, { times: 1 });
    expect([t.crashes, told]).toEqual([1, { calls: [1, 1], effects: 1 }]);
  });

  it('after settle: nothing runs again', async () => {
    const told: Told = { calls: [], effects: 0 };
    const t = kit({ storage, reactors: [mint(told)] });
    t.crashAfter('settle');
    await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    await t.advance('1h');
    t.expectDispatched('MINTED', undefined, { times: 1 });
    expect([t.crashes, told.calls]).toEqual([1, [1]]);
  });

  it('three times in the same handler makes a dead letter of what kills it', async () => {
    const told: Told = { calls: [], effects: 0 };
    const t = kit({ storage, reactors: [mint(told)] });
    t.crashAfter('handler', { times: 99 });
    const { id } = await t.dispatch('PAID', {});
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 0, failed: 0, dead: 1 });
    const { items } = await t.nexus.deliveries.list({ eventId: id });
    expect(items).toMatchObject([{ state: 'dead', reason: 'crashed', crashes: 3 }]);
    // The first one was not marked as started: it was no suspect yet.
    expect(told.calls).toHaveLength(4);
    expect(told.effects).toBe(1);
  });

  it('strikes only what it is meant for', async () => {
    const told: Told = { calls: [], effects: 0 };
    const t = kit({ storage, reactors: [mint(told)] });
    t.crashAfter('append', { type: 'OTHER' });
    t.crashAfter('handler', { reactor: 'other' });
    t.crashAfter('settle', { reactor: 'other' });
    await t.dispatch('PAID', {});
    await t.drain();
    expect(t.crashes).toBe(0);
  });
});

describe('the process that comes after', () => {
  it('has everything that was registered, listened to and scheduled, except what was stopped', async () => {
    const told: string[] = [];
    const t = kit({
      setup: (nexus) => void nexus.onEvent('PAID', { name: 'setup' }, () => void told.push('setup')),
    });
    t.nexus.onEvent('PAID', { name: 'by hand' }, () => void told.push('by hand'));
    const stopped = t.nexus.onEvent('PAID', { name: 'stopped' }, () => void told.push('stopped'));
    await t.nexus.start();
    await stopped.stop();
    t.nexus.on('delivery:succeeded', ({ reactor }) => told.push(`${reactor} is done`));
    t.nexus.schedule({ everyMs: 1_000 }, 'TICK', {}, { name: 'tick' });
    const before = t.nexus;
    t.crashAfter('append', { type: 'PAID' });
    await t.dispatch('PAID', {}).catch(() => undefined);
    await t.drain();
    expect(t.nexus).not.toBe(before);
    expect(told.sort()).toEqual(['by hand', 'by hand is done', 'setup', 'setup is done']);
    await t.advance('2s');
    expect(t.dispatched('TICK')).toHaveLength(2);
  });

  it('is not told of by the one that died', async () => {
    const t = kit({ reactors: [mint({ calls: [], effects: 0 })] });
    const told: unknown[] = [];
    t.nexus.on('storage:error', ({ error }) => told.push(error));
    t.crashAfter('append');
    const dead = t.nexus;
    await expect(t.dispatch('PAID', {})).rejects.toThrow('killed by the test');
    await expect(dead.dispatch('PAID', {})).rejects.toThrow('killed by the test');
    await t.drain();
    expect(await t.dispatch('PAID', {})).toMatchObject({ seq: 3 });
    await t.advance('1h');
    expect(told).toEqual([]);
  });

  it('makes a setup that cannot be repeated heard', async () => {
    let starts = 0;
    const t = kit({
      setup: () => {
        starts += 1;
        if (starts > 1) throw new Error('only once');
      },
    });
    t.crashAfter('append');
    await t.dispatch('PAID', {}).catch(() => undefined);
    await expect(t.drain()).rejects.toThrow('only once');
  });
});
