import { describe, expect, expectTypeOf, it } from 'vitest';
// eslint-disable-next-line no-restricted-imports -- only its type, and it is the host's own driver that is meant here
import type { Database } from 'better-sqlite3';
import { z } from 'zod';
import type { protocolEvents } from '@neo-protocol/nexus';
import {
  createNexus,
  defineEvent,
  defineEvents,
  defineReactor,
  memoryStorage,
  type Dispatched,
  type EventOf,
  type InputOf,
  type JsonObject,
  type Nexus,
  type NexusEvent,
  type OutputOf,
  type StandardSchemaV1,
  type TypeOf,
} from '@neo-protocol/nexus';

const events = defineEvents({
  PAID: z.object({
    orderId: z.string(),
    amount: z.number().transform(String),
    note: z.string().default('-'),
  }),
  'shop:SENT': z.object({ parcel: z.string() }),
});
type Events = typeof events;

/** For the compiler only: `npm run typecheck` is what decides these tests. */
function typed(body: (nexus: Nexus<Events>) => unknown): void {
  expect(body).toBeTypeOf('function');
}

describe('types of a catalogue', () => {
  it('hold in a transaction of the host', () => {
    typed((nexus) => (db: Database) => {
      const shop = nexus.within(db);
      expectTypeOf(shop.dispatch('PAID', { orderId: 'o', amount: 1 })).toEqualTypeOf<{
        readonly id: string;
      }>();
      // @ts-expect-error not in the catalogue
      shop.dispatch('LOST', {});
      // @ts-expect-error not the payload
      shop.dispatch('PAID', { orderId: 1 });
    });
  });

  it('are its names, and what goes in and comes out of its schemas', () => {
    expectTypeOf<TypeOf<Events>>().toEqualTypeOf<'PAID' | 'shop:SENT'>();
    expectTypeOf<InputOf<Events, 'PAID'>>().toEqualTypeOf<{
      orderId: string;
      amount: number;
      note?: string | undefined;
    }>();
    expectTypeOf<OutputOf<Events, 'PAID'>>().toEqualTypeOf<{
      orderId: string;
      amount: string;
      note: string;
    }>();
  });

  it('come from any Standard Schema, of whatever library', () => {
    type ByHand = {
      readonly A: StandardSchemaV1<{ in: number }, { out: string }>;
      readonly B: StandardSchemaV1;
    };
    expectTypeOf<InputOf<ByHand, 'A'>>().toEqualTypeOf<{ in: number }>();
    expectTypeOf<OutputOf<ByHand, 'A'>>().toEqualTypeOf<{ out: string }>();
    expectTypeOf<OutputOf<ByHand, 'B'>>().toBeUnknown();
  });
});

describe('types of a definition', () => {
  type PaidV1 = { order: string; amount: number };
  const versioned = defineEvents({
    PAID: defineEvent({
      schema: z.object({ orderId: z.string(), amount: z.number().transform(String) }),
      version: 3,
      upcast: {
        1: ({ order, amount }: PaidV1) => ({ orderId: order, amount }),
        2: (payload) => {
          expectTypeOf(payload).toEqualTypeOf<JsonObject>();
          return { ...payload, amount: String(payload.amount) };
        },
      },
    }),
    LITERAL: { schema: z.object({ n: z.coerce.number<string>() }), version: 2, upcast: { 1: (old) => old } },
    SENT: z.object({ parcel: z.string() }),
  });
  type Versioned = typeof versioned;

  it('are what goes in and comes out of its schema', () => {
    expectTypeOf<InputOf<Versioned, 'PAID'>>().toEqualTypeOf<{ orderId: string; amount: number }>();
    expectTypeOf<OutputOf<Versioned, 'PAID'>>().toEqualTypeOf<{ orderId: string; amount: string }>();
    expectTypeOf<InputOf<Versioned, 'LITERAL'>>().toEqualTypeOf<{ n: string }>();
    expectTypeOf<OutputOf<Versioned, 'LITERAL'>>().toEqualTypeOf<{ n: number }>();
    expectTypeOf<OutputOf<Versioned, 'SENT'>>().toEqualTypeOf<{ parcel: string }>();
    expectTypeOf<OutputOf<Versioned, TypeOf<Versioned>>>().toEqualTypeOf<
      { orderId: string; amount: string } | { n: number } | { parcel: string }
    >();
  });

  it('hold for dispatch, handlers and readers', () => {
    const use = async (nexus: Nexus<Versioned>): Promise<void> => {
      await nexus.dispatch('PAID', { orderId: 'o', amount: 5 });
      // @ts-expect-error the payload of an older version
      await nexus.dispatch('PAID', { order: 'o', amount: 5 });
      nexus.onEvent(['PAID', 'LITERAL'], (_payload, { event }) => {
        if (event.type === 'PAID') expectTypeOf(event.payload.amount).toBeString();
        else expectTypeOf(event.payload).toEqualTypeOf<{ n: number }>();
        expectTypeOf(event.schemaVersion).toBeNumber();
      });
      const paid = await nexus.waitFor('PAID');
      expectTypeOf(paid.payload).toEqualTypeOf<{ orderId: string; amount: string }>();
    };
    const made = (): Nexus<Versioned> => createNexus({ events: versioned, storage: memoryStorage() });
    expect([use, made].map((each) => typeof each)).toEqual(['function', 'function']);
  });

  it('refuse what is no definition', () => {
    const schema = z.object({});
    // @ts-expect-error there is no schema
    defineEvent({ version: 2 });
    // @ts-expect-error a version is a number
    defineEvent({ schema, version: '2' });
    // @ts-expect-error an upcaster is a function
    defineEvent({ schema, version: 2, upcast: { 1: {} } });
    // @ts-expect-error an upcaster returns an object
    defineEvent({ schema, version: 2, upcast: { 1: () => 7 } });
    // @ts-expect-error versions are numbers
    expect(defineEvent({ schema, version: 2, upcast: { one: () => ({}) } }).schema).toBe(schema);
  });
});

describe('types of dispatch', () => {
  it('take the input of the named type and nothing else', () => {
    typed(async (nexus) => {
      expectTypeOf(await nexus.dispatch('PAID', { orderId: 'o', amount: 5 })).toEqualTypeOf<
        Dispatched<'PAID'>
      >();
      await nexus.dispatch('shop:SENT', { parcel: 'p' }, { idempotencyKey: 'k' });
      // @ts-expect-error an unknown type
      await nexus.dispatch('PIAD', { orderId: 'o', amount: 5 });
      // @ts-expect-error the output of the schema is not its input
      await nexus.dispatch('PAID', { orderId: 'o', amount: '5' });
      // @ts-expect-error a field is missing
      await nexus.dispatch('PAID', { amount: 5 });
      // @ts-expect-error a field too many
      await nexus.dispatch('shop:SENT', { parcel: 'p', weight: 1 });
      // @ts-expect-error the payload of another type
      await nexus.dispatch('PAID', { parcel: 'p' });
      // @ts-expect-error no payload
      await nexus.dispatch('PAID');
      // @ts-expect-error an unknown option
      await nexus.dispatch('shop:SENT', { parcel: 'p' }, { key: 'k' });
    });
  });

  it('hold for each of many', () => {
    typed(async (nexus) => {
      await nexus.dispatchMany([
        { type: 'PAID', payload: { orderId: 'o', amount: 5 } },
        { type: 'shop:SENT', payload: { parcel: 'p' }, options: { headers: { a: 'b' } } },
      ]);
      // @ts-expect-error the payload of another type
      await nexus.dispatchMany([{ type: 'PAID', payload: { parcel: 'p' } }]);
    });
  });
});

describe('types of a handler', () => {
  it('are the output of its type', () => {
    typed((nexus) => {
      nexus.onEvent('PAID', (payload, ctx) => {
        expectTypeOf(payload).toEqualTypeOf<{ orderId: string; amount: string; note: string }>();
        expectTypeOf(ctx.event.type).toEqualTypeOf<'PAID'>();
        expectTypeOf(ctx.attempt).toBeNumber();
        expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
        ctx.dispatch('shop:SENT', { parcel: payload.orderId });
        // @ts-expect-error the payload of another type
        ctx.dispatch('shop:SENT', { orderId: 'o' });
        // @ts-expect-error a child has the source of its parent
        ctx.dispatch('shop:SENT', { parcel: 'p' }, { source: 'other' });
      });
      // @ts-expect-error an unknown type
      nexus.onEvent('PIAD', () => undefined);
      // @ts-expect-error an unknown option
      nexus.onEvent('PAID', { tries: 3 }, () => undefined);
    });
  });

  it('of several types narrow by the type of the event', () => {
    typed((nexus) => {
      nexus.onEvent(['PAID', 'shop:SENT'], { orderBy: (event) => event.id }, (payload, { event }) => {
        expectTypeOf(payload).toEqualTypeOf<OutputOf<Events, 'PAID'> | OutputOf<Events, 'shop:SENT'>>();
        if (event.type === 'PAID') expectTypeOf(event.payload.amount).toBeString();
        else expectTypeOf(event.payload).toEqualTypeOf<{ parcel: string }>();
        // @ts-expect-error not before it is narrowed
        return event.payload.parcel;
      });
      nexus.onEvent('*', (_payload, { event }) => {
        expectTypeOf(event).toEqualTypeOf<EventOf<Events>>();
        if (event.type === 'shop:SENT') expectTypeOf(event.payload.parcel).toBeString();
      });
    });
  });

  it('hold for waitFor and for orderBy', () => {
    typed(async (nexus) => {
      const sent = await nexus.waitFor('shop:SENT', { match: (event) => event.payload.parcel === 'p' });
      expectTypeOf(sent).toEqualTypeOf<NexusEvent<'shop:SENT', { parcel: string }>>();
      nexus.onEvent('PAID', { orderBy: (event) => event.payload.orderId }, () => undefined);
      // @ts-expect-error a key is a string
      nexus.onEvent('PAID', { orderBy: (event) => event.seq }, () => undefined);
    });
  });
});

describe('types of a Nexus', () => {
  it('come from its options', () => {
    const made = (): unknown => createNexus({ events, storage: memoryStorage() });
    expectTypeOf(createNexus<Events>).returns.toEqualTypeOf<Nexus<Events>>();
    expect(made).toBeTypeOf('function');
    // @ts-expect-error not a schema
    const wrong = (): unknown => createNexus({ events: { PAID: { orderId: 'string' } } });
    expect(wrong).toThrow('not a Standard Schema');
  });

  it('without a catalogue are any type and any JSON object', () => {
    const use = async (): Promise<void> => {
      const nexus = createNexus({ storage: memoryStorage() });
      await nexus.dispatch('ANYTHING', { at: 'all', n: [1] });
      nexus.onEvent('ANYTHING', (payload) => expectTypeOf(payload).toEqualTypeOf<JsonObject>());
      // @ts-expect-error not an object
      await nexus.dispatch('ANYTHING', 7);
    };
    expect(use).toBeTypeOf('function');
  });

  it('know the events of the protocol', () => {
    const use = async (nexus: Nexus<typeof protocolEvents>): Promise<void> => {
      await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o', amount: 129.9, payerId: 'p' });
      await nexus.dispatch('PAYMENT_RECEIVED', {
        orderId: 'o',
        amount: '129.90',
        currency: 'BRL',
        payerId: 'p',
      });
      // @ts-expect-error an amount is a decimal string or a number
      await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o', amount: true, payerId: 'p' });
      nexus.onEvent('PAYMENT_RECEIVED', ({ amount, currency }) => {
        expectTypeOf(amount).toBeString();
        expectTypeOf(currency).toBeString();
      });
    };
    expect(use).toBeTypeOf('function');
  });

  it('make a reactor a value of its own', () => {
    const reactor = defineReactor<Events>()({
      on: 'PAID',
      name: 'ship',
      handler: (payload, ctx) => {
        expectTypeOf(payload.amount).toBeString();
        ctx.dispatch('shop:SENT', { parcel: payload.orderId });
      },
    });
    typed((nexus) => nexus.register(reactor));
    expect(reactor.name).toBe('ship');
  });
});
