import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvent } from '../../src/core/event-definition.js';
import type { JsonObject } from '../../src/core/event.js';
import type { AnyCatalogue } from '../../src/core/catalogue.js';
import { createBus, record, type Bus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

const one = { PAID: z.object({ order: z.string(), amount: z.number() }) };
const two = {
  PAID: defineEvent({
    schema: z.object({ order: z.string(), cents: z.number() }),
    version: 2,
    upcast: { 1: ({ order, amount }) => ({ order, cents: Number(amount) * 100 }) },
  }),
};
const three = {
  PAID: defineEvent({
    schema: z.object({ order: z.object({ id: z.string() }), cents: z.number() }),
    version: 3,
    upcast: {
      ...two.PAID.upcast,
      2: ({ order, cents }) => ({ order: { id: order }, cents }),
    },
  }),
};
const now = (id: string, cents: number): JsonObject => ({ order: { id }, cents });

/** A host with the code of some time, on the log of another. */
function host(events: AnyCatalogue, beside?: Bus): Bus {
  return createBus({ events, ...(beside && { beside }) });
}

/** A log with an event of each version: of the orders a, b and c. */
async function history(): Promise<Bus> {
  const first = host(one);
  await first.nexus.dispatch('PAID', { order: 'a', amount: 1 });
  await first.nexus.close();
  const second = host(two, first);
  await second.nexus.dispatch('PAID', { order: 'b', cents: 200 });
  await second.nexus.close();
  const third = host(three, first);
  await third.nexus.dispatch('PAID', { order: { id: 'c' }, cents: 300 });
  return third;
}

const all = [now('a', 100), now('b', 200), now('c', 300)];

describe('events of older versions', () => {
  it('are stored with the version they were said in, and never change', async () => {
    const { nexus, database } = await history();
    const before = database.events.map((event) => ({ ...event }));
    nexus.onEvent('PAID', { from: 'beginning' }, () => undefined);
    await nexus.idle();
    await nexus.events.list();
    expect(database.events).toEqual(before);
    expect(database.events.map(({ schemaVersion, payload }) => [schemaVersion, payload])).toEqual([
      [1, '{"order":"a","amount":1}'],
      [2, '{"order":"b","cents":200}'],
      [3, '{"order":{"id":"c"},"cents":300}'],
    ]);
  });

  it('reach handlers as the version of now: from the backlog, live, at a retry, and what ctx.event says', async () => {
    const { nexus, clock } = await history();
    const seen: [unknown, unknown, number, number][] = [];
    const reactor = { name: 'r', from: 'beginning', concurrency: 1, retry: { jitter: 0 } } as const;
    nexus.onEvent('PAID', reactor, (payload, { event, attempt }) => {
      seen.push([payload, event.payload, event.schemaVersion, attempt]);
      Object.assign(payload, { spoilt: true });
      if (attempt === 1) throw new Error('again');
    });
    await nexus.dispatch('PAID', now('d', 400));
    await nexus.idle();
    await clock.advance(5_000);
    await nexus.idle();
    const spoilt = (payload: object): object => ({ ...payload, spoilt: true });
    const once = [...all, now('d', 400)].map(spoilt);
    expect(seen).toEqual([
      ...once.map((payload) => [payload, payload, 3, 1]),
      ...once.map((payload) => [payload, payload, 3, 2]),
    ]);
  });

  it('reach orderBy, events.get, events.list, waitFor, explain and the moment of an event', async () => {
    const { nexus } = await history();
    const keys: unknown[] = [];
    nexus.onEvent(
      'PAID',
      { name: 'r', from: 'beginning', orderBy: ({ payload }) => keyOf(payload, keys) },
      () => undefined,
    );
    await nexus.idle();
    expect(keys).toEqual(['a', 'b', 'c']);
    expect((await nexus.deadLetters.list()).items).toEqual([]);

    const { items } = await nexus.events.list({ after: 0 });
    expect(items.map(({ payload }) => payload)).toEqual(all);
    expect(items.map(({ schemaVersion }) => schemaVersion)).toEqual([3, 3, 3]);
    const id = items[0]?.id ?? '';
    expect(await nexus.events.get(id)).toEqual(items[0]);
    expect((await nexus.explain(id)).event).toEqual(items[0]);
    const match = ({ payload }: { payload: object }): boolean => keyOf(payload, []) === 'b';
    expect(await nexus.waitFor('PAID', { after: 0, match })).toEqual(items[1]);
    expect(await nexus.waitFor('PAID', { after: 0 })).toEqual(items[0]);

    const told = record(nexus, 'event');
    await nexus.dispatch('PAID', now('d', 400));
    expect(told).toMatchObject([{ moment: { payload: now('d', 400), schemaVersion: 3 } }]);
  });

  it('are said again under their key: the first one stands, whatever the version then was', async () => {
    const first = host(one);
    const key = { idempotencyKey: 'order a' };
    const { id } = await first.nexus.dispatch('PAID', { order: 'a', amount: 1 }, key);
    const next = host(two, first);
    expect(await next.nexus.dispatch('PAID', { order: 'a', cents: 100 }, key)).toMatchObject({
      id,
      duplicate: true,
    });
    await expect(first.nexus.dispatch('PAID', { order: 'a', amount: 2 }, key)).rejects.toMatchObject({
      code: 'NEXUS_IDEMPOTENCY_CONFLICT',
    });
  });

  it('are empty once erased, and run neither upcaster nor handler', async () => {
    const { nexus, database } = await history();
    for (const event of database.events) Object.assign(event, { salt: null, payload: null });
    const seen: unknown[] = [];
    nexus.onEvent('PAID', { from: 'beginning' }, (payload) => seen.push(payload));
    await nexus.idle();
    expect(seen).toEqual([]);
    const { items } = await nexus.events.list({ after: 0 });
    expect(items.map(({ payload, schemaVersion }) => [payload, schemaVersion])).toEqual([
      [{}, 1],
      [{}, 2],
      [{}, 3],
    ]);
  });
});

describe('an upcaster that fails', () => {
  const broken = {
    PAID: defineEvent({
      schema: two.PAID.schema,
      version: 2,
      upcast: {
        1: ({ order, amount }) => {
          if (order === 'bad') throw new Error('no such order');
          return { order, cents: Number(amount) * 100 };
        },
      },
    }),
  };

  async function withBad(): Promise<Bus> {
    const first = host(one);
    for (const order of ['bad', 'good']) await first.nexus.dispatch('PAID', { order, amount: 1 });
    await first.nexus.close();
    return host(broken, first);
  }

  it('fails the attempt like a handler, is retried, ends dead, and can be redriven once it is mended', async () => {
    const bus = await withBad();
    const seen: unknown[] = [];
    const reactor = { name: 'r', from: 'beginning', retry: { maxAttempts: 3 } } as const;
    bus.nexus.onEvent('PAID', reactor, ({ order }) => seen.push(order));
    await bus.nexus.idle();
    expect((await bus.nexus.deliveries.list({ state: 'pending' })).items).toMatchObject([
      { seq: 1, attempt: 1, postponed: 0, error: { code: 'NEXUS_UPCAST_FAILED' } },
    ]);
    await bus.clock.advance(60_000);
    expect((await bus.nexus.deadLetters.list()).items).toMatchObject([
      {
        seq: 1,
        attempt: 3,
        reason: 'attempts_spent',
        error: { code: 'NEXUS_UPCAST_FAILED', message: expect.stringContaining('no such order') as string },
      },
    ]);
    expect(seen).toEqual(['good']);
    await bus.nexus.close();

    const mended = host(two, bus);
    mended.nexus.onEvent('PAID', reactor, ({ order }) => seen.push(order));
    await mended.nexus.deadLetters.redrive({ errorCode: 'NEXUS_UPCAST_FAILED' });
    await mended.nexus.idle();
    expect(seen).toEqual(['good', 'bad']);
  });

  it('makes no page unreadable: the payload is as stored, and its version says so', async () => {
    const { nexus } = await withBad();
    const { items } = await nexus.events.list({ after: 0 });
    expect(items).toMatchObject([
      { payload: { order: 'bad', amount: 1 }, schemaVersion: 1 },
      { payload: { order: 'good', cents: 100 }, schemaVersion: 2 },
    ]);
    const id = items[0]?.id ?? '';
    expect(await nexus.events.get(id)).toEqual(items[0]);
    expect((await nexus.explain(id)).event).toEqual(items[0]);
  });

  it('ends waitFor with its error where that event is meant, and only there', async () => {
    const { nexus } = await withBad();
    const order = (name: string) => (event: { payload: object }) =>
      (event.payload as { order: string }).order === name;
    await expect(nexus.waitFor('PAID', { after: 0 })).rejects.toMatchObject({ code: 'NEXUS_UPCAST_FAILED' });
    await expect(nexus.waitFor('PAID', { after: 0, match: order('bad') })).rejects.toMatchObject({
      code: 'NEXUS_UPCAST_FAILED',
    });
    expect(await nexus.waitFor('PAID', { after: 0, match: order('good') })).toMatchObject({ seq: 2 });
    // What trips over a payload of an older version does not match it; over one of now it is the caller's error.
    const tripping = ({ payload }: { payload: object }): boolean =>
      (payload as { cents: number }).cents.toFixed() === '100';
    expect(await nexus.waitFor('PAID', { after: 0, match: tripping })).toMatchObject({ seq: 2 });
    const wrong = ({ payload }: { payload: object }): boolean =>
      (payload as { gone: number }).gone.toFixed() === '';
    await expect(nexus.waitFor('PAID', { after: 0, match: wrong })).rejects.toThrow(TypeError);
  });

  it('leaves orderBy without a key: that delivery is born dead, its neighbours run', async () => {
    const { nexus } = await withBad();
    const seen: unknown[] = [];
    nexus.onEvent(
      'PAID',
      { name: 'r', from: 'beginning', orderBy: ({ payload }) => String(payload.order) },
      ({ order }) => seen.push(order),
    );
    await nexus.idle();
    expect(seen).toEqual(['good']);
    expect((await nexus.deadLetters.list()).items).toMatchObject([
      { seq: 1, reason: 'order_key', error: { code: 'NEXUS_UPCAST_FAILED' } },
    ]);
  });
});

describe('in a rolling deploy the old host', () => {
  it('leaves events of a newer version to the new one: no attempt is spent on them', async () => {
    const old = host(one);
    const failed = record(old.nexus, 'delivery:failed');
    const seen: unknown[] = [];
    // One attempt: what cannot be done here must not cost it.
    const reactor = { name: 'r', retry: { maxAttempts: 1, jitter: 0 } } as const;
    old.nexus.onEvent('PAID', reactor, (payload) => seen.push(['old', payload]));
    await old.nexus.idle();
    const next = host(two, old);
    await next.nexus.dispatch('PAID', { order: 'b', cents: 200 });
    await turns();
    await old.nexus.idle();
    expect(failed).toMatchObject([
      { moment: { attempt: 1, retryInMs: 1_000, error: { code: 'NEXUS_EVENT_NEWER' } } },
    ]);
    expect(seen).toEqual([]);
    await old.clock.advance(3_500);
    expect(failed).toHaveLength(3);
    await old.nexus.close();
    next.nexus.onEvent('PAID', reactor, (payload) => seen.push(['new', payload]));
    await old.clock.advance(10_000);
    expect(seen).toEqual([['new', { order: 'b', cents: 200 }]]);
    expect((await next.nexus.deliveries.list()).items).toMatchObject([
      { state: 'succeeded', attempt: 1, postponed: 3 },
    ]);
  });

  it('gives up in the end, with a reason by which they can be redriven', async () => {
    const old = host(one);
    old.nexus.onEvent('PAID', { name: 'r' }, () => undefined);
    await old.nexus.idle();
    const next = host(two, old);
    await next.nexus.dispatch('PAID', { order: 'b', cents: 200 });
    await next.nexus.close();
    await old.clock.advance(90 * 60_000);
    expect((await old.nexus.deadLetters.list()).items).toEqual([]);
    await old.clock.advance(30 * 60_000);
    expect((await old.nexus.deadLetters.list({ errorCode: 'NEXUS_EVENT_NEWER' })).items).toMatchObject([
      { reason: 'postponed_too_often', postponed: 100 },
    ]);
  });

  it('reads them as they are stored, and does not take them for its own in waitFor', async () => {
    const old = host(one);
    await old.nexus.start();
    await host(two, old).nexus.dispatch('PAID', { order: 'b', cents: 200 });
    expect((await old.nexus.events.list()).items).toMatchObject([
      { payload: { order: 'b', cents: 200 }, schemaVersion: 2 },
    ]);
    await expect(old.nexus.waitFor('PAID', { after: 0 })).rejects.toMatchObject({
      code: 'NEXUS_EVENT_NEWER',
      details: { schemaVersion: 2, known: 1 },
    });
  });

  it('goes on saying its own version, which the new one upcasts', async () => {
    const old = host(one);
    const next = host(two, old);
    const seen: unknown[] = [];
    next.nexus.onEvent('PAID', (payload) => seen.push(payload));
    await next.nexus.idle();
    await old.nexus.dispatch('PAID', { order: 'a', amount: 1 });
    await turns();
    await next.nexus.idle();
    expect(seen).toEqual([{ order: 'a', cents: 100 }]);
  });

  it('with orderBy waits before them, says so, and goes on when the new one has told their keys', async () => {
    const old = host(one);
    const seen: unknown[] = [];
    const ordered = (name: string, bus: Bus): void =>
      void bus.nexus.onEvent(
        'PAID',
        { name: 'r', orderBy: ({ payload }) => String(payload.order) },
        (payload) => seen.push([name, payload]),
      );
    ordered('old', old);
    await old.nexus.idle();
    const next = host(two, old);
    await old.nexus.dispatch('PAID', { order: 'x', amount: 1 });
    await next.nexus.dispatchMany([
      { type: 'PAID', payload: { order: 'x', cents: 200 } },
      { type: 'PAID', payload: { order: 'x', cents: 300 } },
    ]);
    await turns();
    // It rests: idle comes, although it is behind.
    await old.nexus.idle();
    await old.nexus.dispatch('PAID', { order: 'x', amount: 4 });
    await old.nexus.idle();
    expect(seen).toEqual([['old', { order: 'x', amount: 1 }]]);
    expect(await old.nexus.reactors.list()).toMatchObject([{ position: 1, lag: 3 }]);
    expect(await old.nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringContaining('reactor r waits after seq 1') as string],
    });
    ordered('new', next);
    await next.nexus.idle();
    await turns();
    await old.clock.advance(60_000);
    expect((await old.nexus.deadLetters.list()).items).toEqual([]);
    expect(seen.slice(1).map((each) => (each as [string, object])[1])).toEqual([
      { order: 'x', cents: 200 },
      { order: 'x', cents: 300 },
      expect.anything(),
    ]);
    expect(await old.nexus.health()).toMatchObject({ status: 'ok' });
    expect(await old.nexus.reactors.list()).toMatchObject([{ position: 4, lag: 0 }]);
  });
});

function keyOf(payload: object, keys: unknown[]): string {
  const { id } = (payload as { order: { id: string } }).order;
  keys.push(id);
  return id;
}
