import { createServer } from 'node:http';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMetrics } from '../../src/metrics/index.js';
import { createHttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import { createBus } from '../support/bus.js';
import { parse } from '../metrics/scrape.js';
import { listen, nodes, secret, sendTo, signed, ways, type Sent } from './serve.js';

function measured(http: Omit<HttpHandlerOptions, 'metrics'> & { token?: string } = {}) {
  const bus = createBus({ nodes });
  const metrics = createMetrics(bus.nexus);
  onTestFinished(() => metrics.stop());
  const { token, ...rest } = http;
  const handler = createHttpHandler(bus.nexus, {
    rateLimit: false,
    nodeRateLimit: false,
    metrics: { ...metrics, ...(token !== undefined && { token }) },
    ...rest,
  });
  return { ...bus, metrics, handler };
}

const body = JSON.stringify({ event: 'PAYMENT_X', payload: {} });

describe.each(ways)('GET /metrics over %s', (way) => {
  const ask = async (handler: ReturnType<typeof createHttpHandler>, sent: Sent) => {
    if (way === 'node:http') return await sendTo(await listen(createServer(handler)), sent);
    const { method = 'GET', path = '/metrics', headers = {} } = sent;
    const response = await handler.fetch(new Request(`http://nexus.test${path}`, { method, headers }));
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      text: await response.text(),
    };
  };

  it('is the text that Prometheus reads', async () => {
    const { nexus, handler } = measured();
    await nexus.dispatch('A', {});
    const { status, headers, text } = await ask(handler, { method: 'GET', path: '/metrics' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    expect(parse(text).sum('nexus_events_total', { type: 'A' })).toBe(1);
  });

  it('is for who has the token', async () => {
    const token = secret();
    const { handler } = measured({ token });
    const asked = async (authorization?: string) =>
      (
        await ask(handler, {
          method: 'GET',
          path: '/metrics',
          headers: authorization ? { authorization } : {},
        })
      ).status;
    expect(await asked()).toBe(401);
    expect(await asked(`Bearer ${token.slice(1)}`)).toBe(401);
    expect(await asked(`Bearer ${token}x`)).toBe(401);
    expect(await asked(`Basic ${token}`)).toBe(401);
    expect(await asked(`Bearer ${token}`)).toBe(200);
  });

  it('is not there without metrics, and cannot be posted to', async () => {
    const { nexus } = createBus();
    const none = await ask(createHttpHandler(nexus), { method: 'GET', path: '/metrics' });
    expect(none.status).toBe(404);
    const { handler } = measured();
    expect((await ask(handler, { method: 'POST', path: '/metrics' })).status).toBe(405);
  });
});

it('is left to the host where it is not given', async () => {
  const app = express();
  app.use('/nexus', createHttpHandler(createBus().nexus));
  app.use((_, response) => void response.send('the host'));
  const port = await listen(createServer(app));
  expect((await sendTo(port, { method: 'GET', path: '/nexus/metrics' })).text).toBe('the host');
});

it('counts answers by route, method and status, and never by what strangers make up', async () => {
  const webhooks = { pay: { node: 'flowpay', map: () => ({ ignored: 'always' }) } };
  const { metrics, handler } = measured({ webhooks });
  const port = await listen(createServer(handler));
  const id = '01890a5d-ac96-774b-bcce-b302099a8057';
  await sendTo(port, { body, headers: signed('flowpay', body) });
  await sendTo(port, { body, headers: { 'x-nexus-node': 'flowpay', 'x-nexus-signature': '0'.repeat(64) } });
  for (const path of [`/events/${id}`, `/events/${id.replace('a', 'b')}`])
    await sendTo(port, { method: 'GET', path });
  await sendTo(port, { method: 'PROPFIND', path: '/health' });
  await sendTo(port, { path: '/webhook/pay', body, headers: signed('flowpay', body) });
  await sendTo(port, { path: '/webhook/made-up', body });
  await sendTo(port, { path: '/made-up', body });
  const { series, sum } = parse(await metrics.text());
  const answers = series.filter(({ name }) => name === 'nexus_http_answers_total');
  expect(answers.map(({ labels, value }) => [...Object.values(labels), value].join(' ')).sort()).toEqual([
    '/events POST 202 1',
    '/events POST 401 1',
    '/events/:id GET 401 2',
    '/health other 405 1',
    '/webhook/pay POST 200 1',
  ]);
  expect(sum('nexus_http_duration_seconds_count')).toBe(6);
  expect(sum('nexus_auth_denied_total', { reason: 'signature' })).toBe(1);
  expect(sum('nexus_auth_denied_total', { reason: 'token' })).toBe(2);
});

it('counts what its limiters refuse', async () => {
  const { metrics, handler } = measured({
    rateLimit: { perSecond: 0.001, burst: 3 },
    nodeRateLimit: { perSecond: 0.001, burst: 1 },
  });
  const port = await listen(createServer(handler));
  for (let i = 0; i < 5; i++) {
    const sent = JSON.stringify({ event: 'PAYMENT_X', payload: { i } });
    await sendTo(port, { body: sent, headers: signed('flowpay', sent) });
  }
  const { sum } = parse(await metrics.text());
  expect([
    sum('nexus_limiter_refusals_total', { by: 'node' }),
    sum('nexus_limiter_refusals_total', { by: 'address' }),
  ]).toEqual([2, 2]);
  expect(sum('nexus_http_answers_total', { status: '429' })).toBe(4);
});

it.each([
  ['metrics', {}],
  ['metrics', { contentType: 'x' }],
  ['metrics.token', { contentType: 'x', text: async () => '', token: '' }],
  ['metrics.token', { contentType: 'x', text: async () => '', token: 'short' }],
])('refuses wrong %s', (option, metrics) => {
  expect(() => createHttpHandler(createBus().nexus, { metrics: metrics as never })).toThrow(
    expect.objectContaining({
      code: 'NEXUS_INVALID_OPTION',
      details: expect.objectContaining({ option }) as object,
    }),
  );
});
