import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus, NexusOptions } from '../../src/nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import { createBus, record } from '../support/bus.js';

async function refused(work: () => unknown): Promise<NexusError> {
  try {
    await work();
  } catch (error) {
    if (NexusError.is(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('options that createNexus refuses', () => {
  const storage = memoryStorage();

  it.each<[object, RegExp]>([
    [{ node: '' }, /^node must be a name of 1 to 200 characters.*; got $/],
    [{ node: 'a b' }, /^node must be .*; got a b/],
    [{ node: 7 }, /^node must be .*; got 7/],
    [{ concurrency: 0 }, /^concurrency must be an integer from 1 to 10000; got 0/],
    [{ concurrency: 1.5 }, /^concurrency .*; got 1\.5/],
    [{ maxInFlight: Infinity }, /^maxInFlight .*; got Infinity/],
    [{ leaseMs: 99 }, /^leaseMs must be an integer from 100 to 3600000; got 99/],
    [{ leaseMs: '30s' }, /^leaseMs .*; got 30s/],
    [{ maxPayloadBytes: NaN }, /^maxPayloadBytes .*; got NaN/],
    [{ storage: '' }, /^storage must be a path, ':memory:' or a storage adapter; got/],
    [{ storage: 7 }, /^storage must be .*; got number/],
    [{ storage: {} }, /^storage must be .*; got object/],
    [{ retry: { maxAttempts: 0 } }, /maxAttempts/],
    [{ retry: { backoff: 'random' } }, /backoff/],
    [{ events: { 'a b': z.object({}) } }, /"a b" cannot be an event type/],
    [{ nodes: { a: { secrets: ['short'] } } }, /nodes\.a\.secrets/],
  ])('%j', async (options, message) => {
    const error = await refused(() => createNexus({ storage, ...(options as NexusOptions) }));
    expect(error.code).toBe('NEXUS_INVALID_OPTION');
    expect(error.message).toMatch(message);
  });
});

const cycle: Record<string, unknown> = {};
cycle.again = cycle;

describe('a dispatch that is refused', () => {
  const events = {
    PAID: z.looseObject({ amount: z.string(), payer: z.object({ id: z.string() }).optional() }),
  };
  const make = (): { nexus: Nexus; told: unknown[] } => {
    const { nexus } = createBus({ events: events, maxPayloadBytes: 2_048 });
    return { nexus, told: record(nexus, 'event') };
  };

  it.each<[string, string, unknown, string, RegExp]>([
    [
      'unknown type',
      'PIAD',
      {},
      'NEXUS_UNKNOWN_EVENT',
      /unknown event type "PIAD"; expected one of .*: PAID/,
    ],
    ['reserved type', 'nexus.x', {}, 'NEXUS_UNKNOWN_EVENT', /unknown event type "nexus\.x"/],
    ['wildcard', '*', {}, 'NEXUS_UNKNOWN_EVENT', /unknown event type "\*"/],
    ['name of the prototype', '__proto__', {}, 'NEXUS_UNKNOWN_EVENT', /unknown event type "__proto__"/],
    ['no type', undefined as never, {}, 'NEXUS_UNKNOWN_EVENT', /unknown event type undefined/],
    [
      'invalid payload',
      'PAID',
      { amount: 5, payer: { id: 7 } },
      'NEXUS_INVALID_PAYLOAD',
      /amount: .*expected string.*; payer\.id: .*expected string/,
    ],
    ['no payload', 'PAID', undefined, 'NEXUS_INVALID_PAYLOAD', /expected object, received undefined/],
    [
      'non-JSON',
      'PAID',
      { amount: '1', at: [new Date()] },
      'NEXUS_INVALID_PAYLOAD',
      /at\[0\]: .*Date; use its ISO/,
    ],
    ['BigInt', 'PAID', { amount: '1', n: 1n }, 'NEXUS_INVALID_PAYLOAD', /n: expected JSON, got a bigint/],
    ['lone surrogate', 'PAID', { amount: '\ud800' }, 'NEXUS_INVALID_PAYLOAD', /amount: .*lone surrogate/],
    [
      'prototype key',
      'PAID',
      { amount: '1', constructor: { prototype: {} } },
      'NEXUS_INVALID_PAYLOAD',
      /constructor: the key constructor is not allowed/,
    ],
    [
      'too large',
      'PAID',
      { amount: 'é'.repeat(1_024) },
      'NEXUS_PAYLOAD_TOO_LARGE',
      /is 2061 bytes of JSON, the limit is 2048; .*send a reference/,
    ],
    ['cycle', 'PAID', { amount: '1', cycle }, 'NEXUS_PAYLOAD_TOO_DEEP', /deeper than 64 levels.*flatten it/],
  ])('%s', async (_what, type, payload, code, message) => {
    const { nexus, told } = make();
    const error = await refused(() => nexus.dispatch(type, payload as never));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    const many = await refused(() =>
      nexus.dispatchMany([
        { type: 'PAID', payload: { amount: '1' } },
        { type, payload: payload as never },
      ]),
    );
    expect(many.code).toBe(code);
    expect((await nexus.stats()).head).toBe(0);
    expect(told).toEqual([]);
  });

  it('takes no more than 1,000 at once', async () => {
    const { nexus } = make();
    const items = Array.from({ length: 1_001 }, () => ({ type: 'PAID', payload: { amount: '1' } }));
    const error = await refused(() => nexus.dispatchMany(items));
    expect([error.code, error.message]).toEqual([
      'NEXUS_INVALID_OPTION',
      'dispatchMany takes at most 1000 events; got 1001',
    ]);
    expect(await nexus.dispatchMany(items.slice(1))).toHaveLength(1_000);
  });
});

describe('a reactor that is refused', () => {
  const nothing = (): undefined => undefined;

  it.each<[string, (nexus: Nexus) => unknown, string, RegExp]>([
    [
      'no handler',
      (nexus) => nexus.onEvent('A', undefined as never),
      'NEXUS_INVALID_OPTION',
      /handler must be a function/,
    ],
    [
      'no types',
      (nexus) => nexus.onEvent([], nothing),
      'NEXUS_INVALID_OPTION',
      /on must be at least one event type; got \[\]/,
    ],
    [
      'a bad type',
      (nexus) => nexus.onEvent('a b', nothing),
      'NEXUS_UNKNOWN_EVENT',
      /unknown event type "a b"/,
    ],
    [
      'an empty name',
      (nexus) => nexus.onEvent('A', { name: '' }, nothing),
      'NEXUS_INVALID_OPTION',
      /name must be 1 to 200 characters.*; got ""/,
    ],
    [
      'a bad start',
      (nexus) => nexus.onEvent('A', { from: 'then' as never }, nothing),
      'NEXUS_INVALID_OPTION',
      /from must be 'now'.*; got "then"/,
    ],
    [
      'a bad timeout',
      (nexus) => nexus.onEvent('A', { timeoutMs: 0 }, nothing),
      'NEXUS_INVALID_OPTION',
      /timeoutMs must be milliseconds.*; got 0/,
    ],
    [
      'a bad concurrency',
      (nexus) => nexus.onEvent('A', { concurrency: -1 }, nothing),
      'NEXUS_INVALID_OPTION',
      /concurrency .*; got -1/,
    ],
    [
      'a bad order',
      (nexus) => nexus.onEvent('A', { orderBy: 'id' as never }, nothing),
      'NEXUS_INVALID_OPTION',
      /orderBy must be a function/,
    ],
    [
      'a bad retry',
      (nexus) => nexus.onEvent('A', { retry: { jitter: 2 } }, nothing),
      'NEXUS_INVALID_OPTION',
      /jitter/,
    ],
  ])('%s', async (_what, register, code, message) => {
    const { nexus } = createBus();
    const error = await refused(() => register(nexus));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(await nexus.reactors.list()).toEqual([]);
  });

  it('a name that is taken: the first goes on, the second never runs', async () => {
    const { nexus } = createBus();
    const seen: string[] = [];
    nexus.onEvent('A', () => void seen.push('first'));
    const error = await refused(() => nexus.onEvent('A', () => void seen.push('second')));
    expect(error.code).toBe('NEXUS_REACTOR_NAME_TAKEN');
    expect(error.message).toContain('A');
    const { id } = await nexus.dispatch('A', {});
    expect(await nexus.settled(id)).toHaveLength(1);
    expect(seen).toEqual(['first']);
  });
});

describe('a handler that misbehaves', () => {
  it.each<[string, Error, string]>([
    ['null', null as never, 'a handler threw object: null'],
    ['undefined', undefined as never, 'a handler threw undefined: undefined'],
    ['a text', 'no gas' as never, 'a handler threw string: no gas'],
    [
      'an object without a prototype',
      Object.create(null) as never,
      'a handler threw a value that cannot be described',
    ],
  ])('throws %s: its delivery is dead with that, the others go on', async (_what, value, message) => {
    const { nexus } = createBus();
    const thrower = async (): Promise<never> => await Promise.reject(value);
    nexus.onEvent('A', { name: 'thrower', retry: { maxAttempts: 1 } }, thrower);
    nexus.onEvent('A', { name: 'good' }, () => undefined);
    const { id } = await nexus.dispatch('A', {});
    const deliveries = await nexus.settled(id);
    const states = Object.fromEntries(deliveries.map(({ reactor, state }) => [reactor, state]));
    expect(states).toEqual({ thrower: 'dead', good: 'succeeded' });
    const { items } = await nexus.deadLetters.list();
    expect(items).toMatchObject([{ reactor: 'thrower', error: { code: 'NEXUS_HANDLER_FAILED', message } }]);
  });

  it('never ends: it is given up at its timeout, the others go on', async () => {
    const { nexus, clock } = createBus();
    const hanging = { name: 'hanging', timeoutMs: 1_000, retry: { maxAttempts: 1 } };
    nexus.onEvent('A', hanging, async () => await new Promise(() => undefined));
    nexus.onEvent('A', { name: 'good' }, () => undefined);
    const stuck = record(nexus, 'reactor:stuck');
    const { id } = await nexus.dispatch('A', {});
    const settled = nexus.settled(id);
    await clock.advance(1_000);
    expect((await settled).map(({ state }) => state).sort()).toEqual(['dead', 'succeeded']);
    const { items } = await nexus.deadLetters.list();
    expect(items).toMatchObject([{ reactor: 'hanging', error: { code: 'NEXUS_TIMEOUT' } }]);
    await clock.advance(10_000);
    expect(stuck).toHaveLength(1);
  });
});

describe('after close', () => {
  it('without ever having started, nothing is waited for', async () => {
    const { nexus } = createBus({ autoStart: false });
    nexus.onEvent('A', () => undefined);
    // No time passes here.
    expect(await nexus.close()).toEqual({ drained: 0, interrupted: 0, released: 0, unrecorded: 0 });
  });

  it('of one whose storage never opened, nothing is waited for and every dispatch has its answer', async () => {
    const storage = memoryStorage();
    storage.open = async () => await Promise.reject(new NexusError('NEXUS_STORAGE', 'no disk'));
    const { nexus } = createBus({ storage });
    const failed = new Promise((resolve) => nexus.on('storage:error', resolve));
    nexus.onEvent('A', () => undefined);
    await failed;
    const dispatching = refused(() => nexus.dispatch('A', {}));
    expect(await nexus.close()).toMatchObject({ unrecorded: 0 });
    expect(['NEXUS_STORAGE', 'NEXUS_CLOSED']).toContain((await dispatching).code);
  });

  it('everything is refused with a code, health is told, close is content', async () => {
    const { nexus } = createBus();
    const { id } = await nexus.dispatch('A', {});
    const report = await nexus.close();
    const calls: Record<string, () => unknown> = {
      start: () => nexus.start(),
      dispatch: () => nexus.dispatch('A', {}),
      dispatchMany: () => nexus.dispatchMany([{ type: 'A', payload: {} }]),
      'dispatchMany of nothing': () => nexus.dispatchMany([]),
      onEvent: () => nexus.onEvent('B', () => undefined),
      waitFor: () => nexus.waitFor('A'),
      settled: () => nexus.settled(id),
      idle: () => nexus.idle(),
      explain: () => nexus.explain(id),
      'events.get': () => nexus.events.get(id),
      'events.list': () => nexus.events.list(),
      'deliveries.list': () => nexus.deliveries.list(),
      'deadLetters.redrive': () => nexus.deadLetters.redrive(),
      'reactors.list': () => nexus.reactors.list(),
      stats: () => nexus.stats(),
    };
    for (const [name, call] of Object.entries(calls)) {
      const error = await refused(call);
      expect([name, error.code]).toEqual([name, 'NEXUS_CLOSED']);
      expect(error.message).toContain('create a new one');
    }
    expect(await nexus.health()).toEqual({ status: 'down', reasons: ['closed'], head: undefined });
    expect(await nexus.close()).toEqual(report);
  });
});
