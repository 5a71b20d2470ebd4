import { defineReactor } from '@neo-protocol/nexus';

/** A payment that has arrived asks for its tokens. */
export default defineReactor({
  name: 'mint-on-payment',
  on: 'PAYMENT_RECEIVED',
  orderBy: (event) => event.payload.payerId,
  handler: (payment, ctx) => {
    ctx.dispatch('MINT_REQUESTED', {
      targetAddress: payment.payerId,
      amount: payment.amount,
      reason: 'purchase',
      refTransactionId: payment.orderId,
    });
  },
});
