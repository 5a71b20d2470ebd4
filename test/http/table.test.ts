/** Paths, methods and origins: one table, one answer, whatever stands between the wire and Nexus. */
import express from 'express';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AddressInfo } from 'node:net';
import { openWire } from '../../proof/wire.js';
import { createHttpHandler, protocolWebhooks, type HttpHandler } from '../../src/http/index.js';
import { createNexus, memoryStorage, type Nexus } from '../../src/index.js';
import { nodes } from './serve.js';

type Headers = Readonly<Record<string, string>>;
type Row = readonly [method: string, path: string, status: number, expected?: Headers, headers?: Headers];

const problem = { 'content-type': 'application/problem+json' };
const both = { allow: 'GET, HEAD, POST, OPTIONS' };
const reads = { allow: 'GET, HEAD, OPTIONS' };
const writes = { allow: 'POST, OPTIONS' };
const id = '0192f3a1-1111-7222-8333-444455556666';
const good = 'https://app.example.com';
const alsoGood = 'http://localhost:5173';
const cors = (origin: string): Headers => ({ 'access-control-allow-origin': origin, vary: 'Origin' });
const none: Headers = { 'access-control-allow-origin': '', vary: 'Origin' };
const preflight = (origin: string, method = 'POST'): Headers => ({
  origin,
  'access-control-request-method': method,
  'access-control-request-headers': 'x-nexus-signature',
});

/** The same for all. */
const rows: readonly Row[] = [
  // Paths that are Nexus's: nobody has proven anything yet.
  ...(
    ['/events', '/events?x=1', '/events?', '/events?/health', '/webhook/flowpay', '/webhook/factory'] as const
  ).map((path): Row => [
    'POST',
    `/nexus${path}`,
    401,
    { ...problem, 'www-authenticate': 'Nexus-Signature, Bearer' },
  ]),
  ...(
    [
      `/events`,
      `/events?after=1`,
      `/events/${id}`,
      `/events/${id.toUpperCase()}`,
      `/events/${id}?x=1`,
    ] as const
  ).flatMap((path): Row[] => [
    ['GET', `/nexus${path}`, 401, problem],
    ['HEAD', `/nexus${path}`, 401, problem],
  ]),
  ...(['/health', '/health/live', '/health/ready', '/health?x=1'] as const).flatMap((path): Row[] => [
    [
      'GET',
      `/nexus${path}`,
      200,
      { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
    ],
    ['HEAD', `/nexus${path}`, 200, { 'x-content-type-options': 'nosniff' }],
  ]),
  // Methods.
  ...(['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'PURGE', 'MERGE'] as const).flatMap((method): Row[] => [
    [method, '/nexus/events', 405, { ...problem, ...both }],
    [method, `/nexus/events/${id}`, 405, { ...problem, ...reads }],
    [method, '/nexus/webhook/flowpay', 405, { ...problem, ...writes }],
    [method, '/nexus/health', 405, { ...problem, ...reads }],
  ]),
  ['GET', '/nexus/webhook/flowpay', 405, { ...problem, ...writes }],
  ['HEAD', '/nexus/webhook/flowpay', 405, writes],
  ['POST', '/nexus/health', 405, { ...problem, ...reads }],
  ['POST', '/nexus/health/live', 405, { ...problem, ...reads }],
  ['POST', `/nexus/events/${id}`, 405, { ...problem, ...reads }],
  ['OPTIONS', '/nexus/events', 204, both],
  ['OPTIONS', `/nexus/events/${id}`, 204, reads],
  ['OPTIONS', '/nexus/webhook/flowpay', 204, writes],
  ['OPTIONS', '/nexus/health/live', 204, reads],
  // Look-alikes, and other ways to write a path: all foreign.
  ...(
    [
      '/',
      '/nexus',
      '/nexus/',
      '/nexus?x=/nexus/events',
      '/events',
      '/nexusevents',
      '/nexus-events/events',
      '/nexus2/events',
      '/nexus/event',
      '/nexus/eventsx',
      '/nexus/events/',
      '/nexus/events//',
      '/nexus//events',
      '/nexus/Events',
      '/nexus/EVENTS',
      '/NEXUS/events',
      '/Nexus/events',
      '/nexus/nexus/events',
      '/a/nexus/events',
      '/nexus/events;x=1',
      '/nexus;x=1/events',
      '/nexus/events%2f',
      '/nexus/events%00',
      '/nexus/%65vents',
      '/nexus%2fevents',
      '/%6eexus/events',
      '/nexus/events%20',
      '/nexus/events%3fx',
      `/nexus/events/${id.slice(1)}`,
      `/nexus/events/${id}/`,
      `/nexus/events/${id}/deliveries`,
      `/nexus/events/${id.replaceAll('-', '')}`,
      '/nexus/webhook',
      '/nexus/webhook/',
      '/nexus/webhook/unknown',
      '/nexus/webhook/flowpay/',
      '/nexus/webhook/flowpay/x',
      '/nexus/webhook/Flowpay',
      '/nexus/webhook/flow%70ay',
      '/nexus/webhook/__proto__',
      '/nexus/webhook/constructor',
      '/nexus/health/',
      '/nexus/health/x',
      '/nexus/healthz',
      '//nexus/events',
      '///nexus/events',
    ] as const
  ).map((path): Row => ['POST', path, 404]),
  // Origins.
  ...([good, alsoGood] as const).flatMap((origin): Row[] => [
    [
      'POST',
      '/nexus/events',
      401,
      { ...cors(origin), 'access-control-expose-headers': 'retry-after, nexus-log-id' },
      { origin },
    ],
    ['GET', '/nexus/health', 200, cors(origin), { origin }],
    ['PUT', '/nexus/events', 405, cors(origin), { origin }],
    [
      'OPTIONS',
      '/nexus/events',
      204,
      { ...cors(origin), 'access-control-allow-methods': both.allow, 'access-control-max-age': '600' },
      preflight(origin),
    ],
    [
      'OPTIONS',
      '/nexus/webhook/flowpay',
      204,
      { ...cors(origin), 'access-control-allow-methods': writes.allow },
      preflight(origin),
    ],
    [
      'OPTIONS',
      `/nexus/events/${id}`,
      204,
      { ...cors(origin), 'access-control-allow-methods': reads.allow },
      preflight(origin, 'GET'),
    ],
    ['OPTIONS', '/nexus/events', 204, { ...cors(origin), 'access-control-allow-methods': '' }, { origin }],
  ]),
  ...(
    [
      'https://app.example.com.evil.test',
      'https://evil-app.example.com',
      'https://app.example.com:8443',
      'http://app.example.com',
      'https://APP.example.com',
      'https://app.example.com/',
      'https://sub.app.example.com',
      'https://app_example.com',
      'null',
      '*',
      '',
    ] as const
  ).flatMap((origin): Row[] => [
    ['POST', '/nexus/events', 401, none, { origin }],
    [
      'OPTIONS',
      '/nexus/events',
      204,
      { ...none, ...both, 'access-control-allow-methods': '' },
      preflight(origin),
    ],
  ]),
  ['GET', '/nexus/health', 200, none],
  ['OPTIONS', '/nexus/other', 404, {}, preflight(good)],
];

/** What a `Request` would rewrite, or cannot say: on the wire only. */
const wireRows: readonly Row[] = [
  ...(
    [
      '/nexus/./events',
      '/nexus/../nexus/events',
      '/nexus/x/../events',
      '/nexus/%2e/events',
      '/nexus/%2e%2e/nexus/events',
      '/nexus\\events',
      '/nexus/\\events',
      '/nexus/events/..',
      'http://evil.test/nexus/events',
      'http://evil.test/events',
      'http://nexus.test/nexus/events',
      'https://nexus.test:443/nexus/events',
      'http:///nexus/events',
      'nexus://nexus/events',
      '//evil.test/nexus/events',
      '*',
    ] as const
  ).map((path): Row => ['POST', path, 404]),
  ['POST', '/nexus/events#/../x', 401],
];

type Seen = { status: number; headers: Headers; body: string };
type Ask = (row: Row) => Promise<Seen>;

describe('paths, methods and origins', () => {
  let nexus: Nexus;
  let handler: HttpHandler;
  const servers: Server[] = [];
  const ways: Record<string, Ask> = {};

  beforeAll(async () => {
    nexus = createNexus({ storage: memoryStorage(), logger: false, nodes });
    handler = createHttpHandler(nexus, {
      basePath: '/nexus',
      webhooks: protocolWebhooks,
      rateLimit: false,
      cors: { origins: [good, alsoGood] },
    });
    await nexus.start();
    const app = express();
    app.use('/nexus', handler);
    app.use(express.json());
    ways['node:http'] = await onWire(createServer(handler));
    ways.Express = await onWire(createServer(app));
    ways.fetch = async ([method, path, , , headers]) => {
      // A `Request` does not take TRACE, and rewrites the case of no other method.
      const request = new Request(`http://nexus.test${path}`, {
        ...(method !== 'TRACE' && { method }),
        headers: new Headers(headers),
      });
      if (method === 'TRACE') Object.defineProperty(request, 'method', { value: method });
      const response = await handler.fetch(request);
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await response.text(),
      };
    };
  });
  afterAll(async () => {
    for (const server of servers) server.closeAllConnections();
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
    await nexus.close();
  });

  async function onWire(server: Server): Promise<Ask> {
    servers.push(server);
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    return async ([method, path, , , headers = {}]) => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const wire = await openWire(port);
      const answering = wire.ask([
        `${method} ${path} HTTP/1.1\r\nHost: nexus.test\r\nConnection: close\r\n${lines.join('')}\r\n`,
      ]);
      const [answer] = await answering;
      wire.close();
      const head = (answer?.bytes ?? '').split('\r\n\r\n', 1)[0]?.split('\r\n').slice(1) ?? [];
      const named = head.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 2),
      ]);
      return {
        status: answer?.status ?? 0,
        headers: Object.fromEntries(named) as Headers,
        body: answer?.body ?? '',
      };
    };
  }

  const told = (headers: Headers, names: readonly string[]): Headers =>
    Object.fromEntries(names.map((name) => [name, headers[name] ?? '']));
  const compared = [
    'content-type',
    'allow',
    'vary',
    'www-authenticate',
    'cache-control',
    'x-content-type-options',
    'access-control-allow-origin',
    'access-control-allow-methods',
    'access-control-allow-headers',
    'access-control-expose-headers',
    'access-control-max-age',
  ];

  it('has a table of more than a hundred rows', () => {
    expect(rows.length).toBeGreaterThanOrEqual(100);
    expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(rows.length);
  });

  for (const row of rows) {
    const [method, path, status, expected = {}, headers] = row;
    it(`${method} ${path} ${headers ? JSON.stringify(headers) : ''} is ${status}, the same through all`, async () => {
      const answers = await Promise.all(
        Object.entries(ways).map(async ([way, ask]) => ({ way, ...(await ask(row)) })),
      );
      expect(answers.map(({ way }) => way)).toEqual(['node:http', 'Express', 'fetch']);
      for (const answer of answers) {
        expect(answer.status, answer.way).toBe(status);
        // What is not ours is answered by whoever comes next.
        if (status === 404) continue;
        expect(told(answer.headers, compared), answer.way).toEqual(told(answers[0]?.headers ?? {}, compared));
        expect(told(answer.headers, Object.keys(expected)), answer.way).toEqual(expected);
        expect(answer.body, answer.way).toBe(answers[0]?.body);
      }
    });
  }

  for (const row of wireRows) {
    const [method, path, status] = row;
    it(`${method} ${path} is ${status} on the wire`, async () => {
      for (const way of ['node:http', 'Express']) expect((await ways[way]?.(row))?.status, way).toBe(status);
    });
  }

  it('stored nothing of all this', async () => {
    expect((await nexus.stats()).head).toBe(0);
  });
});
