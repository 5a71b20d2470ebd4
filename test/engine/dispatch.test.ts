import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createNexus } from '../../src/create-nexus.js';
import { NexusError } from '../../src/core/errors.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import { createBus, record } from '../support/bus.js';
import { createTestClock } from '../support/test-clock.js';

describe('dispatch', () => {
  it('stores the event and says where', async () => {
    const { nexus, clock } = createBus();
    const first = await nexus.dispatch('PAYMENT_RECEIVED', { amount: '10.00' });
    const second = await nexus.dispatch('PAYMENT_RECEIVED', { amount: '11.00' });
    expect(first).toMatchObject({
      seq: 1,
      type: 'PAYMENT_RECEIVED',
      duplicate: false,
      timestamp: clock.now(),
    });
    expect(second.seq).toBe(2);
    expect(await nexus.events.get(first.id)).toEqual({
      id: first.id,
      seq: 1,
      type: 'PAYMENT_RECEIVED',
      payload: { amount: '10.00' },
      source: 'nexus',
      timestamp: first.timestamp,
      correlationId: first.id,
      causationId: undefined,
      headers: {},
      schemaVersion: 1,
      version: 1,
    });
  });

  it('stores what the schema makes of a payload', async () => {
    const clock = createTestClock();
    const events = { PAID: z.object({ amount: z.coerce.string(), note: z.string().default('none') }) };
    const nexus = createNexus({ events, storage: memoryStorage({ clock }), clock, logger: false });
    const { id } = await nexus.dispatch('PAID', { amount: 5 });
    expect((await nexus.events.get(id))?.payload).toEqual({ amount: '5', note: 'none' });
    await nexus.close();
  });

  it('refuses an unknown type, naming the known ones', async () => {
    const nexus = createNexus({ events: { PAID: z.object({}) }, storage: memoryStorage(), logger: false });
    await expect(nexus.dispatch('PIAD' as 'PAID', {})).rejects.toThrow(
      /unknown event type "PIAD"; expected one of the catalogue: PAID/,
    );
    expect(() => nexus.onEvent('PIAD' as 'PAID', () => undefined)).toThrow(
      expect.objectContaining({ code: 'NEXUS_UNKNOWN_EVENT' }),
    );
    await nexus.close();
  });

  it('reports every issue of an invalid payload with its path', async () => {
    const events = { PAID: z.object({ amount: z.string(), payer: z.object({ id: z.string() }) }) };
    const nexus = createNexus({ events, storage: memoryStorage(), logger: false });
    const error = await nexus
      .dispatch('PAID', { amount: 1, payer: {} } as never)
      .catch((thrown: unknown) => thrown);
    expect(NexusError.is(error, 'NEXUS_INVALID_PAYLOAD')).toBe(true);
    expect((error as NexusError).details.issues).toMatchObject([
      { path: ['amount'] },
      { path: ['payer', 'id'] },
    ]);
    await nexus.close();
  });

  it.each([
    [{ id: 'no-uuid' }, 'id must be a UUID'],
    [{ idempotencyKey: '' }, 'idempotencyKey must be 1 to 512 characters'],
    [{ idempotencyKey: 'x'.repeat(513) }, 'idempotencyKey must be'],
    [{ notBefore: NaN }, 'notBefore must be an instant'],
    [{ correlationId: '' }, 'correlationId must be'],
    [{ headers: { a: 'b\r\nc' } }, 'headers.a must be text without control characters'],
    [{ headers: { a: 'x'.repeat(9_000) } }, 'headers must be at most 8192 bytes'],
  ])('refuses the options %j', async (options, message) => {
    const { nexus } = createBus();
    await expect(nexus.dispatch('A', {}, options)).rejects.toThrow(message);
    expect((await nexus.stats()).head).toBe(0);
  });

  it('refuses a foreign source that was not given the right', async () => {
    const nodes = { flowpay: { secrets: ['s'.repeat(32)], dispatch: ['PAYMENT_*'] } };
    const { nexus } = createBus({ nodes });
    await expect(nexus.dispatch('PAYMENT_RECEIVED', {}, { source: 'stranger' })).rejects.toMatchObject({
      code: 'NEXUS_PERMISSION_DENIED',
    });
    await expect(nexus.dispatch('MINT_CONFIRMED', {}, { source: 'flowpay' })).rejects.toMatchObject({
      code: 'NEXUS_PERMISSION_DENIED',
    });
    await nexus.dispatch('PAYMENT_RECEIVED', {}, { source: 'flowpay' });
  });

  it('gives the first event back for the same idempotency key, and refuses other content', async () => {
    const { nexus } = createBus();
    const told = record(nexus, 'dispatch:duplicate');
    const first = await nexus.dispatch('A', { n: 1 }, { idempotencyKey: 'k' });
    const again = await nexus.dispatch('A', { n: 1 }, { idempotencyKey: 'k' });
    expect(again).toEqual({ ...first, duplicate: true });
    expect(told).toHaveLength(1);
    await expect(nexus.dispatch('A', { n: 2 }, { idempotencyKey: 'k' })).rejects.toMatchObject({
      code: 'NEXUS_IDEMPOTENCY_CONFLICT',
    });
    expect((await nexus.stats()).head).toBe(1);
  });

  it('appends one event of many at once with one key', async () => {
    const { nexus } = createBus();
    const all = await Promise.all(
      Array.from({ length: 50 }, () => nexus.dispatch('A', {}, { idempotencyKey: 'k' })),
    );
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
  });

  it('takes an id of the caller as the identity of the event', async () => {
    const { nexus } = createBus();
    const id = '0192f3a1-1111-7222-8333-444444444444';
    expect(await nexus.dispatch('A', {}, { id })).toMatchObject({ id, duplicate: false });
    expect(await nexus.dispatch('A', {}, { id: id.toUpperCase() })).toMatchObject({ id, duplicate: true });
    await expect(nexus.dispatch('A', { other: 1 }, { id })).rejects.toMatchObject({
      code: 'NEXUS_IDEMPOTENCY_CONFLICT',
    });
  });

  it('keeps the order of the calls', async () => {
    const { nexus } = createBus();
    const all = await Promise.all(Array.from({ length: 3_000 }, (_, n) => nexus.dispatch('A', { n })));
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 3_000 }, (_, n) => n + 1));
  });

  it('is refused after close', async () => {
    const { nexus } = createBus();
    await nexus.dispatch('A', {});
    await nexus.close();
    await expect(nexus.dispatch('A', {})).rejects.toMatchObject({ code: 'NEXUS_CLOSED' });
    expect(() => nexus.onEvent('A', () => undefined)).toThrow(
      expect.objectContaining({ code: 'NEXUS_CLOSED' }),
    );
    await expect(nexus.settled('x')).rejects.toMatchObject({ code: 'NEXUS_CLOSED' });
  });

  it('stores many in one transaction', async () => {
    const { nexus } = createBus();
    const all = await nexus.dispatchMany([
      { type: 'A', payload: {} },
      { type: 'B', payload: {}, options: { idempotencyKey: 'x' } },
    ]);
    expect(all.map(({ type, seq }) => [type, seq])).toEqual([
      ['A', 1],
      ['B', 2],
    ]);
    expect(await nexus.dispatchMany([])).toEqual([]);
    await expect(
      nexus.dispatchMany([
        { type: 'A', payload: {} },
        { type: 'nexus.x', payload: {} },
      ]),
    ).rejects.toMatchObject({ code: 'NEXUS_UNKNOWN_EVENT' });
    expect((await nexus.stats()).head).toBe(2);
  });

  it('of many refuses the one that conflicts and stores the others', async () => {
    const { nexus } = createBus();
    await nexus.dispatch('A', { n: 1 }, { idempotencyKey: 'taken' });
    const many = nexus.dispatchMany([
      { type: 'A', payload: { n: 2 }, options: { idempotencyKey: 'taken' } },
      { type: 'B', payload: {} },
    ]);
    await expect(many).rejects.toMatchObject({ code: 'NEXUS_IDEMPOTENCY_CONFLICT' });
    expect((await nexus.events.list({ after: 0 })).items.map(({ type }) => type)).toEqual(['A', 'B']);
  });
});
