import type { IncomingMessage } from 'node:http';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { z } from 'zod';
import type { protocolEvents } from '@neo-protocol/nexus';
import { defineEvent, defineEvents } from '@neo-protocol/nexus';
import {
  createNexusClient,
  verifyRequest,
  type JsonObject,
  type NexusClient,
  type RemoteEvent,
} from '@neo-protocol/nexus/sdk';

const events = defineEvents({
  PAID: z.object({ orderId: z.string(), amount: z.number().transform(String) }),
  SENT: defineEvent({
    schema: z.object({ parcel: z.string() }),
    version: 2,
    upcast: { 1: () => ({ parcel: '' }) },
  }),
});
type Events = typeof events;

/** For the compiler only: `npm run typecheck` is what decides these tests. */
function typed(body: (client: NexusClient<Events>) => unknown): void {
  expect(body).toBeTypeOf('function');
}

describe('types of a client', () => {
  it('are those of its catalogue, given as a type or as a value', () => {
    typed(() => {
      const options = { url: 'https://bus.example' };
      expectTypeOf(createNexusClient<Events>(options)).toEqualTypeOf<NexusClient<Events>>();
      expectTypeOf(createNexusClient({ ...options, events })).toEqualTypeOf<NexusClient<Events>>();
      void createNexusClient<typeof protocolEvents>(options).dispatch('PAYMENT_RECEIVED', {
        orderId: 'o',
        amount: '1.00',
        payerId: 'ana',
      });
      // @ts-expect-error not in the catalogue
      void createNexusClient<typeof protocolEvents>(options).dispatch('LOST', {});
    });
  });

  it('take what goes into a schema', () => {
    typed(async (client) => {
      const { type } = await client.dispatch('PAID', { orderId: 'o', amount: 1 });
      expectTypeOf(type).toEqualTypeOf<'PAID'>();
      // @ts-expect-error not the payload
      await client.dispatch('PAID', { orderId: 'o' });
      // @ts-expect-error what comes out is not what goes in
      await client.dispatch('PAID', { orderId: 'o', amount: '1' });
    });
  });

  it('give handlers what comes out of it', () => {
    typed((client) => {
      client.onEvent('PAID', (payload, { event }) => {
        expectTypeOf(payload).toEqualTypeOf<{ orderId: string; amount: string }>();
        expectTypeOf(event.type).toEqualTypeOf<'PAID'>();
      });
      client.onEvent(['PAID', 'SENT'], async (_payload, { event }) => {
        if (event.type === 'SENT') expectTypeOf(event.payload).toEqualTypeOf<{ parcel: string }>();
        else expectTypeOf(event.payload.amount).toEqualTypeOf<string>();
      });
      client.onEvent('*', (_payload, { event }) => {
        expectTypeOf(event.type).toEqualTypeOf<'PAID' | 'SENT'>();
      });
      // @ts-expect-error not in the catalogue
      client.onEvent('LOST', () => undefined);
    });
  });

  it('give feeds and receivers events that narrow by type', () => {
    typed(async (client) => {
      for await (const event of client.feed({ types: ['SENT'] }))
        expectTypeOf(event).toEqualTypeOf<RemoteEvent<'SENT', { parcel: string }>>();
      const event = await verifyRequest<Events>('', {}, 'secret');
      if (event.type === 'PAID') expectTypeOf(event.payload.amount).toEqualTypeOf<string>();
    });
  });

  it('are loose without a catalogue', () => {
    typed(async () => {
      const client = createNexusClient({ url: 'https://bus.example' });
      await client.dispatch('ANY', { a: 1 });
      client.onEvent('ANY', (payload) => expectTypeOf(payload).toEqualTypeOf<JsonObject>());
      // @ts-expect-error payloads are objects
      await client.dispatch('ANY', 7);
    });
  });

  it('take the WebSocket of a browser, of Node and of the package ws, and headers of every server', () => {
    typed(() => {
      createNexusClient({ url: 'https://bus.example', WebSocket });
      createNexusClient({ url: 'https://bus.example', WebSocket: WsWebSocket });
      createNexusClient({ url: 'https://bus.example', fetch });
      return async (request: IncomingMessage, web: Request) => {
        await verifyRequest('', request.headers, [process.env.SECRET]);
        await verifyRequest(Buffer.from(''), web.headers, 'secret');
        await verifyRequest(await web.arrayBuffer(), Object.fromEntries(web.headers), undefined);
      };
    });
  });
});
