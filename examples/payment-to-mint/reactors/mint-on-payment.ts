/** If a payment was received, have the Smart Factory mint tokens for the payer. */
import { defineReactor, NonRetryableError, type protocolEvents } from '@neo-protocol/nexus';

export type FactoryAccess = { readonly url: string; readonly apiKey: string; readonly tokenId: string };

export const mintOnPayment = ({ url, apiKey, tokenId }: FactoryAccess) =>
  defineReactor<typeof protocolEvents>()({
    on: 'PAYMENT_RECEIVED',
    name: 'mint-on-payment',
    timeoutMs: 5_000,
    retry: { initialMs: 150, maxAttempts: 6 },
    handler: async (payment, ctx) => {
      const response = await fetch(`${url}/api/mint`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        // A handler may run twice for one payment: the reference lets the factory mint once.
        body: JSON.stringify({
          targetAddress: payment.payerId,
          tokenId,
          amount: payment.amount,
          reason: 'purchase',
          refTransactionId: payment.orderId,
        }),
        signal: ctx.signal,
      });
      await response.arrayBuffer();
      if (response.ok) return;
      const said = `the Smart Factory answered ${response.status}`;
      // What it refuses today it will refuse tomorrow; anything else may be better in a moment.
      if (response.status >= 400 && response.status < 500 && response.status !== 429)
        throw new NonRetryableError(said);
      throw new Error(said);
    },
  });
