/** Every host, over real sockets, with the same questions. */
import { spawnSync } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
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
const tls = certificate();

const withTls =
  (start: (nexus: Nexus, tls: { key: string; cert: string }) => Promise<Host>): StartHost =>
  (nexus) =>
    start(nexus, tls as { key: string; cert: string });

const hosts: readonly { name: string; start: StartHost; asks?: typeof askHttp2; tls?: true }[] = [
  { name: 'node:http', start: startNodeHttp },
  { name: 'node:https', start: withTls(startNodeHttps), tls: true },
  { name: 'node:http2', start: withTls(startNodeHttp2), asks: askHttp2, tls: true },
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

describe.each(hosts)('mounted on $name', ({ start, asks = ask, tls: needsTls }) => {
  it('takes signed bytes as they come, leaves the host its own paths, and answers below its base', async (context) => {
    if (needsTls && !tls) context.skip('there is no openssl here to make a certificate with');
    const nexus = newNexus();
    const host = await start(nexus);
    onTestFinished(() => host.close());
    const at = (path: string, sent?: Partial<Sent>): Promise<Got> => asks(host.origin, { path, ...sent });

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
});

it('mounted after express.json() alone says what to do, and not that the signature is wrong', async () => {
  const app = express();
  app.use(express.json());
  app.use(BASE_PATH, createHttpHandler(newNexus()));
  const host = await listening(createServer(app));
  onTestFinished(() => host.close());
  const answer = await ask(host.origin, {
    path: `${BASE_PATH}/events`,
    method: 'POST',
    headers: signed(body),
    body,
  });
  expect([answer.status, answer.json.code]).toEqual([500, 'NEXUS_RAW_BODY_CONSUMED']);
  expect(answer.text).toMatch(/before express\.json\(\).*rawBody/);
});

function newNexus(): Nexus {
  const nexus = createNexus({
    storage: memoryStorage(),
    nodes: { shop: { secrets: [secret], dispatch: ['ORDER:*'] } },
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

type Sent = { path: string; method?: string; headers?: Record<string, string>; body?: string };
type Got = { status: number; text: string; json: Record<string, unknown> };

async function ask(origin: string, { path, method = 'GET', headers = {}, body: sent }: Sent): Promise<Got> {
  const request = origin.startsWith('https') ? httpsRequest : httpRequest;
  return await new Promise((resolve, reject) => {
    const asking = request(`${origin}${path}`, { method, headers, rejectUnauthorized: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(got(response.statusCode ?? 0, Buffer.concat(chunks).toString())));
    });
    asking.on('error', reject);
    asking.end(sent);
  });
}

async function askHttp2(
  origin: string,
  { path, method = 'GET', headers = {}, body: sent }: Sent,
): Promise<Got> {
  const session = connectHttp2(origin, { rejectUnauthorized: false });
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':path': path, ':method': method, ...headers });
      let status = 0;
      let text = '';
      stream.on('response', (answer) => (status = answer[':status'] ?? 0));
      stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      stream.on('error', reject);
      stream.on('end', () => resolve(got(status, text)));
      stream.end(sent);
    });
  } finally {
    session.destroy();
  }
}

function got(status: number, text: string): Got {
  const isJson = text.startsWith('{');
  return { status, text, json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
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
