/** Every host, over real sockets, with the same questions. */
import { spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { on } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createNexus, memoryStorage, type Nexus } from '@neo-protocol/nexus';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createServer } from 'node:http';
import { startBehindPrefix } from './behind-prefix.js';
import { startExpress4 } from './express-4.js';
import { startExpress5 } from './express-5.js';
import { startExpress5AfterJson } from './express-5-after-json.js';
import { startExpress5Nested } from './express-5-nested.js';
import { startFastify5 } from './fastify-5.js';
import { startHono4 } from './hono-4.js';
import { BASE_PATH, listening, type Host, type StartHost } from './host.js';
import { startKoa3 } from './koa-3.js';
import { startNestExpress } from './nest-express.js';
import { startNestFastify } from './nest-fastify.js';
import { startNextRoutes } from './next-routes.js';
import { startNodeHttp } from './node-http.js';
import { startNodeHttp2 } from './node-http2.js';
import { startNodeHttps } from './node-https.js';

const secret = randomBytes(24).toString('hex');
const token = randomBytes(24).toString('hex');
const tls = certificate();

const withTls =
  (start: (nexus: Nexus, tls: { key: string; cert: string }) => Promise<Host>): StartHost =>
  (nexus) =>
    start(nexus, tls as { key: string; cert: string });

const hosts: readonly { name: string; start: StartHost; wire?: Wire; tls?: true }[] = [
  { name: 'node:http', start: startNodeHttp },
  { name: 'node:https', start: withTls(startNodeHttps), tls: true },
  { name: 'node:http2', start: withTls(startNodeHttp2), wire: 'http/2', tls: true },
  { name: 'node:http2, asked with HTTP/1.1', start: withTls(startNodeHttp2), tls: true },
  { name: 'Express 5', start: startExpress5 },
  { name: 'Express 5, nested routers', start: startExpress5Nested },
  { name: 'Express 5 after express.json()', start: startExpress5AfterJson },
  { name: 'Express 4', start: startExpress4 },
  { name: 'Fastify 5', start: startFastify5 },
  { name: 'Hono 4', start: startHono4 },
  { name: 'Koa 3', start: startKoa3 },
  { name: 'NestJS 12 on Express', start: startNestExpress },
  { name: 'NestJS 12 on Fastify', start: startNestFastify },
  { name: 'Next.js route handlers', start: startNextRoutes },
  { name: 'behind a path of a proxy', start: startBehindPrefix },
];

// Not what JSON.stringify would write: whoever signs or verifies a copy is found out.
const body = '{ "event":"ORDER:PAID",\n "payload":{"n":1.0,"text":"caf\\u00e9 ☕"} }';

describe.each(hosts)('mounted on $name', ({ start, wire = 'http/1.1', tls: needsTls }) => {
  const run = async (context: { skip: (why: string) => never }): Promise<Mounted> => {
    if (needsTls && !tls) context.skip('there is no openssl here to make a certificate with');
    const nexus = newNexus();
    const host = await start(nexus);
    onTestFinished(() => host.close());
    return { nexus, origin: host.origin };
  };

  it('takes signed bytes as they come, leaves the host its own paths, and answers below its base', async (context) => {
    const { nexus, origin } = await run(context);
    const at = async (path: string, sent?: Partial<Sent>): Promise<Got> =>
      await wholeOf(await ask[wire](origin, { path, ...sent }));

    const posted = await at(`${BASE_PATH}/events`, { method: 'POST', headers: signed(body), body });
    expect([posted.status, posted.json], posted.text).toMatchObject([202, { status: 'dispatched', seq: 1 }]);
    const { items } = await nexus.events.list();
    expect(items).toMatchObject([{ type: 'ORDER:PAID', payload: { n: 1, text: 'café ☕' }, source: 'shop' }]);

    const forged = await at(`${BASE_PATH}/events`, {
      method: 'POST',
      headers: { ...signed(body), 'x-nexus-signature': '0'.repeat(64) },
      body,
    });
    expect([forged.status, forged.json.code]).toEqual([401, 'NEXUS_UNAUTHENTICATED']);
    expect(await at(`${BASE_PATH}/health?x=1`)).toMatchObject({ status: 200, json: { status: 'ok' } });
    expect(await at(`${BASE_PATH}/health`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    expect(await at(`${BASE_PATH}/health`, { method: 'DELETE' })).toMatchObject({
      // Where a framework knows only some methods by route, the others are the host's.
      status: expect.toSatisfy((status) => status === 405 || status === 404) as number,
    });

    expect(await at('/own')).toMatchObject({ status: 200, text: 'the host' });
    expect(await at('/nowhere')).toMatchObject({ status: 404 });
    expect((await at('/nowhere')).text).not.toContain('NEXUS_');
    expect(await at(`${BASE_PATH}/nowhere`)).toMatchObject({ status: 404 });
    expect(await at('/events', { method: 'POST', headers: signed(body), body })).toMatchObject({
      status: 404,
    });
  });

  it('streams events as they come, and forgets a client that leaves', async (context) => {
    const { nexus, origin } = await run(context);
    const path = `${BASE_PATH}/events/stream?type=ORDER:PAID`;
    expect(await ask[wire](origin, { path })).toMatchObject({ status: 401 });
    const stream = await ask[wire](origin, { path, headers: bearer });
    expect(stream.status).toBe(200);
    expect((await nexus.stats()).connections).toEqual({ webSocket: 0, sse: 1 });

    await nexus.dispatch('OTHER', {});
    const { id } = await nexus.dispatch('ORDER:PAID', { n: 1 });
    const told = await readUntil(stream, /\n\n$/, 'data: ');
    expect(told).toContain('event: ORDER:PAID\n');
    expect(told).toContain(`"id":"${id}"`);
    expect(told).not.toContain('OTHER');

    stream.leave();
    await vi.waitFor(async () => expect((await nexus.stats()).connections.sse).toBe(0), 10_000);
  });

  it('pushes events over WebSocket, and leaves the host the rest of its server', async (context) => {
    const { nexus, origin } = await run(context);
    const url = `${origin.replace('http', 'ws')}${BASE_PATH}/ws`;
    await expect(opened(new WebSocket(url, { rejectUnauthorized: false }))).rejects.toThrow('401');
    const socket = new WebSocket(url, { rejectUnauthorized: false, headers: bearer });
    onTestFinished(() => socket.terminate());
    const messages = messagesOf(socket);
    await opened(socket);
    socket.send('{"action":"subscribe","events":["ORDER:PAID"]}');
    expect(await messages()).toMatchObject({ status: 'subscribed', events: ['ORDER:PAID'] });
    expect((await nexus.stats()).connections).toEqual({ webSocket: 1, sse: 0 });

    const { id } = await nexus.dispatch('ORDER:PAID', { n: 1 });
    expect(await messages()).toMatchObject({ event: 'ORDER:PAID', payload: { n: 1 }, id });
    expect(await wholeOf(await ask[wire](origin, { path: '/own' }))).toMatchObject({ text: 'the host' });

    socket.terminate();
    await vi.waitFor(async () => expect((await nexus.stats()).connections.webSocket).toBe(0), 10_000);
  });
});

it('mounted after express.json() alone says what to do, and not that the signature is wrong', async () => {
  const app = express();
  app.use(express.json());
  app.use(BASE_PATH, createHttpHandler(newNexus()));
  const host = await listening(createServer(app));
  onTestFinished(() => host.close());
  const path = `${BASE_PATH}/events`;
  const sent = { path, method: 'POST', headers: signed(body), body };
  const answer = await wholeOf(await ask['http/1.1'](host.origin, sent));
  expect([answer.status, answer.json.code]).toEqual([500, 'NEXUS_RAW_BODY_CONSUMED']);
  expect(answer.text).toMatch(/before express\.json\(\).*rawBody/);
});

function newNexus(): Nexus {
  const nexus = createNexus({
    storage: memoryStorage(),
    nodes: {
      shop: { secrets: [secret], dispatch: ['ORDER:*'] },
      panel: { secrets: [], tokens: [token], subscribe: ['*'] },
    },
    logger: false,
  });
  onTestFinished(async () => {
    await nexus.close();
  });
  return nexus;
}

function signed(text: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-nexus-node': 'shop',
    'x-nexus-signature': createHmac('sha256', secret).update(text).digest('hex'),
  };
}

const bearer = { authorization: `Bearer ${token}` };

type Wire = 'http/1.1' | 'http/2';
type Mounted = { readonly nexus: Nexus; readonly origin: string };
type Sent = { path: string; method?: string; headers?: Record<string, string>; body?: string };
type Answer = { status: number; chunks: AsyncIterator<Buffer>; leave: () => void };
type Got = { status: number; text: string; json: Record<string, unknown> };

/** Asks, and resolves when the head of the answer is there. */
const ask: Record<Wire, (origin: string, sent: Sent) => Promise<Answer>> = {
  'http/1.1': (origin, { path, method = 'GET', headers = {}, body: sent }) =>
    new Promise((resolve, reject) => {
      const request = origin.startsWith('https') ? httpsRequest : httpRequest;
      const options = { method, headers, rejectUnauthorized: false };
      const asking = request(`${origin}${path}`, options, (response) => {
        const chunks = response[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
        resolve({ status: response.statusCode ?? 0, chunks, leave: () => response.destroy() });
      });
      asking.on('error', reject);
      asking.end(sent);
    }),
  'http/2': (origin, { path, method = 'GET', headers = {}, body: sent }) =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(origin, { rejectUnauthorized: false }).on('error', reject);
      onTestFinished(() => session.destroy());
      const stream = session.request({ ':path': path, ':method': method, ...headers });
      stream.on('error', reject);
      stream.on('response', (answer) => {
        const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
        resolve({ status: answer[':status'] ?? 0, chunks, leave: () => stream.close() });
      });
      stream.end(sent);
    }),
};

/** Reads on until the text, which has `has` in it, ends like this. */
async function readUntil({ chunks }: Answer, end: RegExp, has: string): Promise<string> {
  let text = '';
  while (!(end.test(text) && text.includes(has))) {
    const next = await chunks.next();
    if (next.done === true) throw new Error(`the stream ended after ${JSON.stringify(text)}`);
    text += next.value.toString();
  }
  return text;
}

async function wholeOf({ status, chunks }: Answer): Promise<Got> {
  const all: Buffer[] = [];
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) all.push(next.value);
  const text = Buffer.concat(all).toString();
  const isJson = text.startsWith('{');
  return { status, text, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve).once('error', reject);
  });
}

/** The next message, however early it came. */
function messagesOf(socket: WebSocket): () => Promise<unknown> {
  const messages = on(socket, 'message');
  return async () => {
    const [data] = (await messages.next()).value as [Buffer];
    return JSON.parse(data.toString()) as unknown;
  };
}

/** For this run only; undefined where there is no openssl. */
function certificate(): { key: string; cert: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-tls-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    ...options,
    ...['-subj', '/CN=localhost', '-keyout', key, '-out', cert],
  ]);
  return made.status === 0 ? { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') } : undefined;
}
