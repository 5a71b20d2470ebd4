import { expect, it, onTestFinished } from 'vitest';
import { protocolEvents } from '@neo-protocol/nexus';
import { createTestNexus } from '@neo-protocol/nexus/testing';
import { createSmartFactory } from '../smart-factory.js';
import mintOnPayment from './mint-on-payment.js';

const paid = {
  type: 'PAYMENT_RECEIVED',
  payload: { orderId: 'o-1', amount: '10.00', payerId: 'EQana' },
} as const;

async function start() {
  const t = createTestNexus({ events: protocolEvents });
  onTestFinished(() => t.close());
  const node = await t.fakeNode('factory');
  const factory = createSmartFactory({ url: node.url, apiKey: 'key-of-the-test' });
  return { t, node, mint: mintOnPayment({ factory }) };
}

it('asks the factory for the tokens of the payment', async () => {
  const { t, node, mint } = await start();
  expect(await t.run(mint, paid)).toMatchObject({ outcome: 'succeeded' });
  expect(node.requests).toMatchObject([
    {
      path: '/api/mint',
      headers: { authorization: 'Bearer key-of-the-test' },
      json: { targetAddress: 'EQana', amount: '10.00', reason: 'purchase', refTransactionId: 'o-1' },
    },
  ]);
});

it('tries again when the factory fails, and gives up when it refuses', async () => {
  const { t, node, mint } = await start();
  node.next({ status: 503 }, 'disconnect', { status: 400 });
  expect(await t.run(mint, paid)).toMatchObject({ outcome: 'retry', inMs: 1_000 });
  expect(await t.run(mint, paid, { attempt: 2 })).toMatchObject({ outcome: 'retry', inMs: 2_000 });
  expect(await t.run(mint, paid, { attempt: 3 })).toMatchObject({ outcome: 'dead', reason: 'not_retryable' });
});

it('names the same payment when it runs twice, so that the factory mints once', async () => {
  const { t, node, mint } = await start();
  t.nexus.register(mint);
  await t.deliverTwice(paid);
  expect(node.requests.map(({ json }) => json)).toMatchObject([
    { refTransactionId: 'o-1' },
    { refTransactionId: 'o-1' },
  ]);
});
