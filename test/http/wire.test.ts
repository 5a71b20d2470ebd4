/** What strangers write on the wire, byte by byte. */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { proveHostile } from '../../proof/hostile.js';
import { proveMalformed, proveOneAnswer } from '../../proof/signatures.js';
import { proveSlowBodies, proveUploads } from '../../proof/uploads.js';
import { openWire, postText } from '../../proof/wire.js';
import { createHttpHandler, protocolWebhooks, type HttpHandlerOptions } from '../../src/http/index.js';
import { createBus, record } from '../support/bus.js';
import { listen, nodes, secret, secrets, sign } from './serve.js';

const token = secret();
const body = JSON.stringify({ event: 'ORDER:PAID', payload: {} });
const right = sign(secrets.flowpay, body);

async function onWire(http: HttpHandlerOptions = {}, events?: Record<string, z.ZodType>) {
  const config = { ...nodes, reader: { secrets: [], tokens: [token], subscribe: ['*'] } };
  const { nexus } = createBus({ nodes: config, ...(events && { events: events as never }) });
  const handler = createHttpHandler(nexus, { rateLimit: false, webhooks: protocolWebhooks, ...http });
  const port = await listen(createServer(handler));
  const wire = await openWire(port);
  const post = async (headers: Record<string, string>, said = body, path = '/events') =>
    (await wire.ask([postText(path, headers, said)]))[0];
  return { nexus, port, wire, post };
}

describe('everything that does not prove who it is', () => {
  it('gets one answer, byte for byte', async () => {
    const { wire, nexus } = await onWire();
    const named = { 'X-Nexus-Node': 'flowpay' };
    const get = (path: string, headers = ''): string =>
      `GET ${path} HTTP/1.1\r\nHost: nexus.test\r\n${headers}\r\n`;
    const requests = [
      postText('/events', { 'X-Nexus-Node': 'nobody', 'X-Nexus-Signature': right }, body),
      postText('/events', { 'X-Nexus-Node': '__proto__', 'X-Nexus-Signature': right }, body),
      postText('/events', { 'X-Nexus-Node': 'nexus', 'X-Nexus-Signature': right }, body),
      postText('/events', named, body),
      postText('/events', { ...named, 'X-Nexus-Signature': `${right}zz` }, body),
      postText('/events', { ...named, 'X-Nexus-Signature': sign(secrets.factory, body) }, body),
      postText('/events', { ...named, 'X-Nexus-Signature': right, 'x-nexus-signature': right }, body),
      postText('/events', { ...named, 'x-nexus-node': 'flowpay', 'X-Nexus-Signature': right }, body),
      postText('/events', { ...named, 'X-Nexus-Signature': right }, `${body} `),
      postText('/events', { ...named, 'X-Nexus-Signature': right }, '{'),
      postText(
        '/events',
        { ...named, 'webhook-id': 'm', 'webhook-timestamp': '1', 'webhook-signature': 'v1,AAAA' },
        body,
      ),
      postText('/events', {}, body),
      postText('/events', { ...named, 'X-Nexus-Signature': right }, ''),
      postText('/webhook/flowpay', { 'X-Nexus-Signature': sign(secrets.factory, body) }, body),
      postText('/webhook/factory', {}, body),
      get('/events'),
      get('/events', 'Authorization: Bearer nobody-has-this-token\r\n'),
      get('/events', `Authorization: Bearer ${token}\r\nAuthorization: Bearer ${token}\r\n`),
      get('/events?limit=x'),
      get('/events/0192f3a1-1111-7222-8333-444455556666'),
    ];
    const answers = new Set((await wire.ask(requests)).map(({ bytes }) => bytes));
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect((await nexus.stats()).head).toBe(0);
    const [read] = await wire.ask([get('/events', `Authorization: Bearer ${token}\r\n`)]);
    expect(read?.status).toBe(200);
  });

  it('gets it however its signature is malformed', { timeout: 60_000 }, async () => {
    expect(await proveMalformed({ requests: 3_000 })).toEqual({
      requests: 3_000,
      accepted: 0,
      serverErrors: 0,
      answers: 1,
    });
  });

  it('gets it whether its node is known or not', { timeout: 60_000 }, async () => {
    expect(await proveOneAnswer({ requests: 200 })).toMatchObject({ answers: 1 });
  });

  it('is told to the host: who it said it was, why, from where', async () => {
    const { post, nexus } = await onWire();
    const told = record(nexus, 'auth:denied');
    await post({ 'X-Nexus-Node': 'flowpay', 'X-Nexus-Signature': 'wrong' });
    await post({});
    const foreign = JSON.stringify({ event: 'MINT_CONFIRMED', payload: {} });
    await post({ 'X-Nexus-Node': 'flowpay', 'X-Nexus-Signature': sign(secrets.flowpay, foreign) }, foreign);
    expect(told.map(({ moment }) => moment)).toEqual([
      { node: 'flowpay', reason: 'signature', ip: '127.0.0.1' },
      { node: undefined, reason: 'signature', ip: '127.0.0.1' },
      { node: 'flowpay', reason: 'permission', ip: '127.0.0.1' },
    ]);
  });
});

describe('the order of the checks', () => {
  /** Each has the faults of all that come after it as well. */
  it('is path, method, media type, size, signature, JSON, permission, duplicate, schema', async () => {
    const events = { 'ORDER:PAID': z.object({ n: z.number() }), MINTED: z.object({}) };
    const { post, wire } = await onWire({ bodyLimitBytes: 300 }, events);
    const by = (said: string, more: Record<string, string> = {}): Record<string, string> => ({
      'X-Nexus-Node': 'flowpay',
      'X-Nexus-Signature': sign(secrets.flowpay, said),
      ...more,
    });
    const large = `{${'x'.repeat(400)}`;
    const text = { 'Content-Type': 'text/plain' };
    const say = (event: string, payload: object, key?: string): string =>
      JSON.stringify({ event, payload, ...(key !== undefined && { idempotencyKey: key }) });
    const seen: (readonly [string, number | undefined])[] = [];
    const note = async (what: string, answer: Promise<{ status: number } | undefined>): Promise<void> =>
      void seen.push([what, (await answer)?.status]);

    await note('path', post(text, large, '/eventsx'));
    const put = postText('/events', text, '').replace('POST', 'PUT');
    await note(
      'method',
      wire.ask([put]).then(([answer]) => answer),
    );
    await note('media type', post(text, body));
    await note('signature', post({ 'X-Nexus-Node': 'flowpay' }, '{'));
    await note('JSON', post(by('{"event":"MINTED"'), '{"event":"MINTED"'));
    const foreign = say('NO_SUCH_TYPE', {});
    await note('permission', post(by(foreign), foreign));
    const first = say('ORDER:PAID', { n: 1 }, 'k');
    await note('accepted', post(by(first), first));
    const conflict = say('ORDER:PAID', { n: 'x' }, 'k');
    await note('duplicate', post(by(conflict), conflict));
    const invalid = say('ORDER:PAID', { n: 'x' });
    await note('schema', post(by(invalid), invalid));
    // Last, for it ends the connection.
    await note('size', post({ 'X-Nexus-Node': 'flowpay' }, large));
    expect(seen).toEqual([
      ['path', 404],
      ['method', 405],
      ['media type', 415],
      ['signature', 401],
      ['JSON', 400],
      ['permission', 403],
      ['accepted', 202],
      ['duplicate', 409],
      ['schema', 422],
      ['size', 413],
    ]);
  });

  it('tells a node nothing of types that it may not dispatch', async () => {
    const { post } = await onWire({}, { 'ORDER:PAID': z.object({}), TOP_SECRET: z.object({}) });
    const ask = async (event: string): Promise<string> => {
      const said = JSON.stringify({ event, payload: {} });
      const answer = await post(
        { 'X-Nexus-Node': 'flowpay', 'X-Nexus-Signature': sign(secrets.flowpay, said) },
        said,
      );
      return (answer?.bytes ?? '').replaceAll(event, 'TYPE').replace(/content-length: \d+/i, '');
    };
    expect(await ask('TOP_SECRET')).toBe(await ask('NOT_THERE'));
    expect(await ask('TOP_SECRET')).not.toContain('ORDER:PAID');
  });
});

describe('what is sent twice', () => {
  it.each([
    ['Content-Type', 'application/json', 'application/json', 415],
    ['Content-Type', 'application/json', 'text/plain', 415],
    ['X-Nexus-Node', 'flowpay', 'factory', 401],
    ['X-Nexus-Signature', right, 'ab'.repeat(32), 401],
    ['webhook-id', 'a', 'b', 202],
  ])('is not taken for what was sent once: %s', async (name, one, two, status) => {
    const { wire } = await onWire();
    const proof = { 'X-Nexus-Node': 'flowpay', 'X-Nexus-Signature': right };
    const others = Object.fromEntries(Object.entries(proof).filter(([each]) => each !== name));
    const request = postText(
      '/events',
      { ...others, [name]: one, [name.toLowerCase() + ' ']: two },
      body,
    ).replace(' : ', ': ');
    expect((await wire.ask([request]))[0]?.status).toBe(status);
  });
});

describe('a body that nobody reads', () => {
  it('ends the connection when it has no end itself', async () => {
    const { port } = await onWire({ rateLimit: { perSecond: 0.001, burst: 1 } });
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => (answer += data.toString('latin1'))).on('error', () => undefined);
    const head = 'POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((first) => socket.once('data', first));
    socket.write(`${head}5\r\nxxxxx\r\n`);
    await new Promise((closed) => socket.once('close', closed));
    expect(answer).toMatch(/HTTP\/1\.1 429 [\s\S]*connection: close/i);
  });
});

describe('hostile requests', () => {
  it('break nothing, and what of them is accepted is read as it was sent', { timeout: 60_000 }, async () => {
    const report = await proveHostile({ requests: 1_500 });
    expect(report).toMatchObject({ serverErrors: 0, changed: 0, prototype: 'untouched' });
    expect(report.accepted).toBeGreaterThan(10);
  });

  it('upload without end beside a client that is served', { timeout: 60_000 }, async () => {
    const report = await proveUploads({ uploads: 30, seconds: 1.5 });
    expect(report.failed).toBe(0);
    expect(report.healthy).toBeGreaterThan(0);
    expect(report.grewMiB).toBeLessThan(100);
  });

  it('drip their bodies until the deadline and no longer', { timeout: 60_000 }, async () => {
    const report = await proveSlowBodies({ connections: 60, deadlineMs: 500 });
    expect(report.timedOut).toBe(60);
    expect(report.lastGoneMs).toBeLessThan(5_500);
  });
});
