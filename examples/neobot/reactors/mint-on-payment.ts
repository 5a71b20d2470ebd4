/** If a payment was received, have tokens minted for the payer. */
import { defineReactor, type protocolEvents } from '@neo-protocol/nexus';
import type { Services } from '../services.js';

export default ({ factory }: Pick<Services, 'factory'>) =>
  defineReactor<typeof protocolEvents>()({
    on: 'PAYMENT_RECEIVED',
    name: 'mint-on-payment',
    timeoutMs: 10_000,
    handler: async (payment, ctx) => {
      const { payerId, amount, orderId } = payment;
      // A handler may run twice for one payment: the reference is the same.
      await factory.mint({ targetAddress: payerId, amount, reference: orderId }, ctx.signal);
    },
  });
