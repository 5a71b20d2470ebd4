import { afterEach, describe, expect, it } from 'vitest';
import { NonRetryableError, type ReactorContext, type protocolEvents } from '@neo-protocol/nexus';
import { listen, readJson, type Running } from '../server.js';
import { mintOnPayment } from './mint-on-payment.js';

const payment = { orderId: 'o-1', amount: '10.00', currency: 'BRL', payerId: 'wallet-1' };
const context = { signal: new AbortController().signal } as ReactorContext<
  typeof protocolEvents,
  'PAYMENT_RECEIVED'
>;
let factory: Running | undefined;

async function factoryAnswering(
  status: number,
  seen: unknown[] = [],
): Promise<ReturnType<typeof mintOnPayment>> {
  factory = await listen((request, response) => {
    void readJson(request).then((body) => {
      seen.push({ body, authorization: request.headers.authorization });
      response.writeHead(status).end();
    });
  });
  return mintOnPayment({ url: factory.url, apiKey: 'key-of-the-test', tokenId: 'neo' });
}

afterEach(async () => {
  await factory?.close();
});

describe('mint-on-payment', () => {
  it('asks the factory for the tokens of the payment', async () => {
    const seen: unknown[] = [];
    const reactor = await factoryAnswering(202, seen);
    await reactor.handler(payment, context);
    expect(seen).toEqual([
      {
        authorization: 'Bearer key-of-the-test',
        body: {
          targetAddress: 'wallet-1',
          tokenId: 'neo',
          amount: '10.00',
          reason: 'purchase',
          refTransactionId: 'o-1',
        },
      },
    ]);
  });

  it.each([503, 500, 429])('can be retried after %d', async (status) => {
    const reactor = await factoryAnswering(status);
    const error = await Promise.resolve(reactor.handler(payment, context)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(NonRetryableError.is(error)).toBe(false);
  });

  it('gives up when the factory refuses for good', async () => {
    const reactor = await factoryAnswering(400);
    const error = await Promise.resolve(reactor.handler(payment, context)).catch((thrown: unknown) => thrown);
    expect(NonRetryableError.is(error)).toBe(true);
  });
});
