import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protocolEvents } from '@neo-protocol/nexus';
import { createTestNexus, type FakeNode, type TestNexus } from '@neo-protocol/nexus/testing';
import { mintOnPayment } from './mint-on-payment.js';

const payment = { orderId: 'o-1', amount: '10.00', currency: 'BRL', payerId: 'wallet-1' };
const paid = { type: 'PAYMENT_RECEIVED', payload: payment } as const;
let t: TestNexus<typeof protocolEvents>;
let factory: FakeNode;
let mint: ReturnType<typeof mintOnPayment>;

beforeEach(async () => {
  t = createTestNexus({ events: protocolEvents });
  factory = await t.fakeNode('factory');
  mint = mintOnPayment({ url: factory.url, apiKey: 'key-of-the-test', tokenId: 'neo' });
});
afterEach(() => t.close());

describe('mint-on-payment', () => {
  it('asks the factory for the tokens of the payment', async () => {
    expect(await t.run(mint, paid)).toMatchObject({ outcome: 'succeeded' });
    expect(factory.requests).toMatchObject([
      {
        method: 'POST',
        path: '/api/mint',
        headers: { authorization: 'Bearer key-of-the-test' },
        json: {
          targetAddress: 'wallet-1',
          tokenId: 'neo',
          amount: '10.00',
          reason: 'purchase',
          refTransactionId: 'o-1',
        },
      },
    ]);
  });

  it.each([503, 500, 429])('is tried again after %d', async (status) => {
    factory.always({ status });
    expect(await t.run(mint, paid)).toMatchObject({ outcome: 'retry', inMs: 150 });
    expect(await t.run(mint, paid, { attempt: 2 })).toMatchObject({ outcome: 'retry', inMs: 300 });
  });

  it('gives up with its sixth attempt', async () => {
    factory.always({ status: 503 });
    expect(await t.run(mint, paid, { attempt: 6 })).toMatchObject({
      outcome: 'dead',
      reason: 'attempts_spent',
    });
  });

  it('gives up at once when the factory refuses for good', async () => {
    factory.always({ status: 400 });
    expect(await t.run(mint, paid)).toMatchObject({ outcome: 'dead', reason: 'not_retryable' });
  });

  it('names the same payment however often it runs, so that the factory mints once', async () => {
    t.nexus.register(mint);
    await t.deliverTwice(paid);
    const references = factory.requests.map(
      ({ json }) => (json as { refTransactionId: string }).refTransactionId,
    );
    expect(references).toEqual(['o-1', 'o-1']);
  });
});
