import { describe, expect, it } from 'vitest';
import { protocolWebhooks, type WebhookSource } from '../../src/http/index.js';
import { protocolEvents } from '../../src/protocol/protocol-events.js';
import { secrets, serve, sign, ways, type Got, type Served, type ServeOptions, type Way } from './serve.js';

const options: ServeOptions = {
  bus: { events: protocolEvents },
  http: { webhooks: protocolWebhooks },
};

type Hook = (body: unknown, header?: string) => Promise<Got>;
type Hooks = Served & { readonly flowpay: Hook; readonly factory: Hook };

function hooks(way: Way, more: Partial<ServeOptions> = {}): Hooks {
  const served = serve(way, { ...options, ...more });
  const hook =
    (name: 'flowpay' | 'factory'): Hook =>
    (body, header = 'X-Nexus-Signature') => {
      const text = JSON.stringify(body);
      return served.send({
        path: `/webhook/${name}`,
        body: text,
        headers: { [header]: sign(secrets[name], text), 'content-type': 'application/json' },
      });
    };
  return { ...served, flowpay: hook('flowpay'), factory: hook('factory') };
}

const payment = { orderId: 'o-1', amount: '129.90', currency: 'BRL', payerId: 'p-1', status: 'confirmed' };

describe.each(ways)('POST /webhook/flowpay over %s', (way) => {
  it('takes the full form under either header', async () => {
    const { flowpay, nexus } = hooks(way);
    const metadata = { txHash: '0xab', plan: 'gold', retries: 3 };
    const first = await flowpay({ ...payment, metadata });
    expect([first.status, first.json.event]).toEqual([202, 'PAYMENT_RECEIVED']);
    expect(await nexus.events.get(String(first.json.eventId))).toMatchObject({
      source: 'flowpay',
      payload: { orderId: 'o-1', amount: '129.90', currency: 'BRL', payerId: 'p-1' },
      headers: { txHash: '0xab', plan: 'gold' },
    });
    const second = await flowpay({ ...payment, orderId: 'o-2' }, 'X-FlowPay-Signature');
    expect(second.status).toBe(202);
    expect((await flowpay(payment, 'X-Other-Signature')).status).toBe(401);
  });

  it('counts the first signature header that is there, so a right one cannot excuse a wrong one', async () => {
    const { send } = hooks(way);
    const body = JSON.stringify(payment);
    const headers = {
      'X-Nexus-Signature': sign(secrets.factory, body),
      'X-FlowPay-Signature': sign(secrets.flowpay, body),
    };
    expect((await send({ path: '/webhook/flowpay', body, headers })).status).toBe(401);
  });

  it('takes the short form', async () => {
    const { flowpay, nexus } = hooks(way);
    const { status, json } = await flowpay({ transactionId: 't-1', amount: 10.5, payerId: 'p-1' });
    expect(status).toBe(202);
    expect((await nexus.events.get(String(json.eventId)))?.payload).toEqual({
      orderId: 't-1',
      amount: '10.5',
      currency: 'BRL',
      payerId: 'p-1',
    });
  });

  it('takes a failed payment', async () => {
    const { flowpay, nexus } = hooks(way);
    const { status, json } = await flowpay({ ...payment, status: 'failed', metadata: { reason: 'expired' } });
    expect([status, json.event]).toEqual([202, 'PAYMENT_FAILED']);
    expect((await nexus.events.get(String(json.eventId)))?.payload).toMatchObject({ reason: 'expired' });
  });

  it('ignores a pending one', async () => {
    const { flowpay, nexus } = hooks(way);
    const { status, json } = await flowpay({ ...payment, status: 'pending' });
    expect([status, json]).toEqual([200, { status: 'ignored', reason: 'the payment is pending' }]);
    expect((await nexus.stats()).head).toBe(0);
  });

  it('makes one event of confirmed and then completed, and refuses another amount', async () => {
    const { flowpay, nexus } = hooks(way);
    const confirmed = await flowpay({ ...payment, status: 'confirmed', metadata: { plan: 'gold' } });
    const completed = await flowpay({ ...payment, status: 'COMPLETED', metadata: { txHash: '0x1' } });
    expect([completed.status, completed.json.eventId]).toEqual([200, confirmed.json.eventId]);
    const other = await flowpay({ ...payment, status: 'completed', amount: '1.00' });
    expect([other.status, other.json.code]).toEqual([409, 'NEXUS_IDEMPOTENCY_CONFLICT']);
    expect((await nexus.stats()).head).toBe(1);
  });

  it.each([
    [{ ...payment, status: 'refunded' }, 'status: expected confirmed, completed, failed or pending'],
    [{ ...payment, status: 7 }, 'status: expected'],
    [{ ...payment, status: null }, 'status: expected'],
    [{ ...payment, amount: -5 }, 'amount'],
    [{ ...payment, amount: '1e5' }, 'amount'],
    [{ ...payment, amount: 0.1 + 0.2 }, 'amount'],
    [{ ...payment, orderId: 7 }, 'orderId'],
    [{ amount: '1.00', payerId: 'p-1' }, 'orderId'],
    [{}, 'orderId'],
  ])('refuses %j', async (body, detail) => {
    const { flowpay, nexus } = hooks(way);
    const { status, json } = await flowpay(body);
    expect([status, json.code]).toEqual([422, 'NEXUS_INVALID_PAYLOAD']);
    expect(json.detail).toContain(detail);
    expect((await nexus.stats()).head).toBe(0);
  });

  it('takes the right of the node, not of the path', async () => {
    const nodes = { flowpay: { secrets: [secrets.flowpay], dispatch: ['MINT_*'] } };
    const { flowpay } = hooks(way, { bus: { events: protocolEvents, nodes } });
    const { status, json } = await flowpay(payment);
    expect([status, json.code]).toEqual([403, 'NEXUS_PERMISSION_DENIED']);
  });
});

describe.each(ways)('POST /webhook/factory over %s', (way) => {
  const contractAddress = '0xc0ffee';
  const metadata = { orderId: 'o-1', txHash: '0x1', recipient: '0xme', amount: 3, error: 'no gas' };

  it.each([
    ['deployed', 'CONTRACT_DEPLOYED', { contractAddress, txHash: '0x1' }],
    [
      'confirmed',
      'MINT_CONFIRMED',
      { contractAddress, txHash: '0x1', orderId: 'o-1', recipient: '0xme', amount: '3' },
    ],
    [
      'failed',
      'MINT_FAILED',
      { contractAddress, orderId: 'o-1', recipient: '0xme', amount: '3', error: 'no gas' },
    ],
  ])('takes %s', async (status, event, payload) => {
    const { factory, nexus } = hooks(way);
    const answer = await factory({ contractAddress, status, metadata });
    expect([answer.status, answer.json.event]).toEqual([202, event]);
    expect((await nexus.events.get(String(answer.json.eventId)))?.payload).toEqual(payload);
  });

  it('takes the short form, and its repetition as the same mint', async () => {
    const { factory, nexus } = hooks(way);
    const first = await factory({ contractAddress, txHash: '0x1' });
    expect([first.status, first.json.event]).toEqual([202, 'MINT_CONFIRMED']);
    const again = await factory({ txHash: '0x1', contractAddress });
    expect([again.status, again.json.eventId]).toEqual([200, first.json.eventId]);
    expect((await nexus.stats()).head).toBe(1);
  });

  it('ignores a pending one and refuses what it does not know', async () => {
    const { factory, nexus } = hooks(way);
    expect((await factory({ contractAddress, status: 'pending' })).json.status).toBe('ignored');
    expect((await factory({ contractAddress, status: 'exploded' })).status).toBe(422);
    expect((await factory({ status: 'confirmed' })).json.detail).toContain('contractAddress');
    expect((await nexus.stats()).head).toBe(0);
  });
});

describe.each(ways)('a webhook of the host over %s', (way) => {
  const shop: WebhookSource = {
    node: 'shy',
    map: (body, header) => {
      if (body.kind === 'boom') throw new TypeError('kind: expected sale');
      return { event: 'SALE', payload: { note: header('X-Shop-Note') ?? null }, idempotencyKey: 'sale' };
    },
  };

  it('sees the body and the headers, and what it throws is told', async () => {
    const { send, nexus } = serve(way, { http: { webhooks: { shop } } });
    const said = async (body: string, headers: Record<string, string> = {}): Promise<Got> =>
      await send({
        path: '/webhook/shop',
        body,
        headers: { 'x-nexus-signature': sign(secrets.shy, body), ...headers },
      });
    const { status, json } = await said('{"kind":"sale"}', { 'x-shop-note': 'hi' });
    expect(status).toBe(202);
    expect((await nexus.events.get(String(json.eventId)))?.payload).toEqual({ note: 'hi' });
    const boom = await said('{"kind":"boom"}');
    expect([boom.status, boom.json.detail]).toEqual([422, 'kind: expected sale']);
  });

  it('is found by its own name only', async () => {
    const { send } = serve(way, { http: { webhooks: { shop } } });
    for (const path of [
      '/webhook/constructor',
      '/webhook/__proto__',
      '/webhook/shop/x',
      '/webhook/',
      '/webhook',
    ])
      expect((await send({ path, body: '{}' })).status, path).toBe(404);
  });
});
