/** Payment → mint → message, as a whole, on virtual time. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protocolEvents, type Nexus } from '@neo-protocol/nexus';
import { createHttpHandler, protocolWebhooks, type HttpHandler } from '@neo-protocol/nexus/http';
import { createTestNexus, type FakeNode, type TestNexus } from '@neo-protocol/nexus/testing';
import { mintOnPayment } from './mint-on-payment.js';
import { notifyOnMint } from './notify-on-mint.js';

type Events = typeof protocolEvents;
const payment = { orderId: 'o-1', amount: '10.00', currency: 'BRL', payerId: 'wallet-1' };
const minted = {
  contractAddress: 'EQ1',
  status: 'confirmed',
  metadata: { orderId: 'o-1', txHash: '0x1', recipient: 'wallet-1', amount: '10.00' },
};
let t: TestNexus<Events>;
let factory: FakeNode;
let http: HttpHandler;
let messages: { reference: string }[];

beforeEach(async () => {
  messages = [];
  t = createTestNexus({
    events: protocolEvents,
    node: 'neobot',
    nodes: {
      flowpay: { secrets: ['flowpay-secret-of-this-test'], dispatch: ['PAYMENT_*'] },
      factory: { secrets: ['factory-secret-of-this-test'], dispatch: ['MINT_*'] },
    },
    // The host's own wiring, done again by the process that comes after a crash.
    setup: (nexus: Nexus<Events>) => {
      http = createHttpHandler(nexus, { webhooks: protocolWebhooks });
      nexus.register(notifyOnMint(async (message) => void messages.push(message)));
    },
  });
  factory = await t.fakeNode('factory');
  t.nexus.register(mintOnPayment({ url: factory.url, apiKey: 'key-of-the-test', tokenId: 'neo' }));
});
afterEach(() => t.close());

const post = async (node: 'flowpay' | 'factory', body: object): Promise<number> => {
  const request = new Request(`http://neobot.test/webhook/${node}`, {
    method: 'POST',
    ...t.signed(node, body),
  });
  return (await http.fetch(request)).status;
};

describe('payment → mint → message', () => {
  it('succeeds', async () => {
    expect(await post('flowpay', payment)).toBe(202);
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    expect(factory.requests).toHaveLength(1);
    expect(await post('factory', minted)).toBe(202);
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    t.expectDispatched('PAYMENT_RECEIVED', { orderId: 'o-1' });
    t.expectDispatched('MINT_CONFIRMED', { recipient: 'wallet-1' }, { times: 1 });
    expect(messages).toHaveLength(1);
  });

  it('retries while the factory is busy', async () => {
    factory.next({ status: 503 }, { status: 503 });
    await post('flowpay', payment);
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 1, dead: 0 });
    await t.advance('150ms');
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 1, dead: 0 });
    await t.advance('300ms');
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
  });

  it('makes a dead letter when the policy is spent, and mints when someone redrives it', async () => {
    factory.always({ status: 503 });
    await post('flowpay', payment);
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 0, failed: 5, dead: 1 });
    const { items } = await t.nexus.deadLetters.list();
    expect(items).toMatchObject([{ reactor: 'mint-on-payment', reason: 'attempts_spent', attempt: 6 }]);
    factory.always({ status: 202 });
    await t.nexus.deadLetters.redrive({ reactor: 'mint-on-payment' });
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
  });

  it('takes a payment that is notified twice for one', async () => {
    expect(await post('flowpay', { ...payment, status: 'confirmed' })).toBe(202);
    expect(await post('flowpay', { ...payment, status: 'completed' })).toBe(200);
    await t.drain({ untilDone: true });
    t.expectDispatched('PAYMENT_RECEIVED', undefined, { times: 1 });
    expect(factory.requests).toHaveLength(1);
  });

  it('mints under the same reference after a crash between handler and settle', async () => {
    t.crashAfter('handler', { reactor: 'mint-on-payment' });
    await post('flowpay', payment);
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 1, failed: 0, dead: 0 });
    expect(t.crashes).toBe(1);
    expect(factory.requests.map(({ json }) => json)).toMatchObject([
      { refTransactionId: 'o-1' },
      { refTransactionId: 'o-1' },
    ]);
  });

  it('sends the message again under the same reference after such a crash', async () => {
    t.crashAfter('handler', { reactor: 'notify-on-mint' });
    await post('factory', minted);
    await t.drain({ untilDone: true });
    const [first, second] = messages;
    expect(messages).toHaveLength(2);
    expect(second?.reference).toBe(first?.reference);
  });

  it('keeps everything through three days without a factory', async () => {
    factory.always('disconnect');
    for (let day = 0; day < 3; day++) {
      await post('flowpay', { ...payment, orderId: `o-${day}` });
      await t.advance('1d');
    }
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 15, dead: 3 });
    factory.always({ status: 202 });
    expect(await t.nexus.deadLetters.redrive()).toEqual({ redriven: 3 });
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 3, failed: 0, dead: 0 });
  });
});
