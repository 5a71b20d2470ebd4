/** If somebody is to be told something on WhatsApp, send it. */
import { defineReactor, type protocolEvents } from '@neo-protocol/nexus';
import type { Services } from '../services.js';

export default ({ whatsApp }: Pick<Services, 'whatsApp'>) =>
  defineReactor<typeof protocolEvents>()({
    on: 'NOTIFICATION_DISPATCH',
    name: 'send-notification',
    // What one person is told has an order, and the gateway takes so many a second.
    orderBy: ({ payload }) => payload.to,
    rateLimit: { count: 20, perMs: 1_000 },
    timeoutMs: 10_000,
    handler: async ({ channel, to, message }, ctx) => {
      if (channel !== 'whatsapp') return;
      await whatsApp.send({ to, text: message, key: ctx.idempotencyKey('message') }, ctx.signal);
    },
  });
