import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { defineReactor } from '../../src/define-reactor.js';
import { createHttpHandler, protocolWebhooks } from '../../src/http/index.js';
import { protocolEvents } from '../../src/protocol/protocol-events.js';
import { secret } from '../http/serve.js';
import { kit } from './kit.js';

const minting = (url: string, fetching: typeof fetch = fetch) =>
  defineReactor({
    on: 'PAID',
    name: 'mint',
    timeoutMs: 5_000,
    handler: async (payload, ctx) => {
      const response = await fetching(`${url}/api/mint?now=1`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': ctx.idempotencyKey('mint') },
        body: JSON.stringify(payload),
        signal: ctx.signal,
      });
      if (!response.ok) throw new Error(`answered ${response.status}`);
      const { txHash } = (await response.json()) as { txHash: string };
      ctx.dispatch('MINTED', { txHash });
    },
  });

describe.each(['a real server', 'an injected fetch'] as const)('a fake node, by %s', (way) => {
  const setUp = async () => {
    const t = kit({ patienceMs: 200 });
    const factory = await t.fakeNode('factory');
    t.nexus.register(minting(factory.url, way === 'a real server' ? fetch : factory.fetch));
    return { t, factory };
  };

  it('writes down what it is sent, and answers in order', async () => {
    const { t, factory } = await setUp();
    factory.next({ status: 503 }, { status: 202, body: { txHash: '0x1' } });
    const start = t.clock.now();
    await t.dispatch('PAID', { orderId: 'o-1' });
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 1, failed: 1, dead: 0 });
    t.expectDispatched('MINTED', { txHash: '0x1' });
    expect(factory.requests).toMatchObject([
      { method: 'POST', path: '/api/mint?now=1', json: { orderId: 'o-1' }, at: start },
      { headers: { 'content-type': 'application/json' }, at: start + 1_000 },
    ]);
    const keys = factory.requests.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(1);
  });

  it('answers by a function, breaks the connection, and never ends', async () => {
    const { t, factory } = await setUp();
    factory.next('disconnect', 'hang');
    factory.always(({ json }, count) => ({
      status: 200,
      body: { txHash: `${(json as { orderId: string }).orderId}-${count}` },
    }));
    await t.dispatch('PAID', { orderId: 'o-1' });
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 1, failed: 2, dead: 0 });
    t.expectDispatched('MINTED', { txHash: 'o-1-3' });
    factory.reset();
    expect(factory.requests).toEqual([]);
  });
});

describe('signed', () => {
  const secrets = { flowpay: secret(), shop: secret() };
  const options = {
    events: protocolEvents,
    nodes: {
      flowpay: { secrets: [secrets.flowpay], dispatch: ['PAYMENT_*'] },
      shop: { secrets: [secrets.shop], dispatch: ['PAYMENT_*'], signatures: ['standard' as const] },
    },
  };
  const payment = { orderId: 'o-1', amount: '10.00', payerId: 'ana', currency: 'BRL' };
  const post = (signed: { headers: Readonly<Record<string, string>>; body: string }, path: string) =>
    new Request(`http://nexus.test${path}`, { method: 'POST', ...signed });

  it('signs what mounted handlers take', async () => {
    const t = kit(options);
    const http = createHttpHandler(t.nexus, { webhooks: protocolWebhooks });
    const webhook = await http.fetch(post(t.signed('flowpay', payment), '/webhook/flowpay'));
    expect(webhook.status).toBe(202);
    t.expectDispatched('PAYMENT_RECEIVED', { orderId: 'o-1' });
    const said = t.signed('flowpay', JSON.stringify({ event: 'PAYMENT_RECEIVED', payload: payment }));
    expect((await http.fetch(post(said, '/events'))).status).toBe(202);
    expect(t.dispatched('PAYMENT_RECEIVED')[1]?.source).toBe('flowpay');
  });

  it('signs as Standard Webhooks, at the virtual time', async () => {
    const t = kit(options);
    const http = createHttpHandler(t.nexus);
    const body = { event: 'PAYMENT_RECEIVED', payload: payment };
    await t.advance('30d');
    const old = t.signed('shop', body);
    expect((await http.fetch(post(t.signed('shop', body), '/events'))).status).toBe(202);
    await t.advance('6m');
    expect((await http.fetch(post(old, '/events'))).status).toBe(401);
  });

  it('signs wrongly where a test wants it', async () => {
    const t = kit(options);
    const http = createHttpHandler(t.nexus, { webhooks: protocolWebhooks });
    const wrong = t.signed('flowpay', payment, { secret: secret() });
    expect((await http.fetch(post(wrong, '/webhook/flowpay'))).status).toBe(401);
    const named = t.signed('flowpay', payment, { header: 'x-flowpay-signature' });
    expect((await http.fetch(post(named, '/webhook/flowpay'))).status).toBe(202);
    expect(() => t.signed('nobody', {})).toThrow('no secret of node "nobody" is known');
  });
});

describe('a kit that nobody closes', () => {
  it('lets the process end by itself', async () => {
    const child = fileURLToPath(new URL('./forgotten.ts', import.meta.url));
    const run = spawn(process.execPath, ['--import', 'tsx', child], { stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    run.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    const code = await new Promise((resolve) => run.on('exit', resolve));
    expect({ code, said: Buffer.concat(chunks).toString().trim() }).toEqual({
      code: 0,
      said: 'dispatched 2, crashed 2, asked 3',
    });
  });
});
