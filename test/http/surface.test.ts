import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createHttpHandler } from '../../src/http/index.js';
import type { Nexus } from '../../src/nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import { createBus } from '../support/bus.js';
import { listen, nodes, sendTo, serve, signed, ways } from './serve.js';

const order = JSON.stringify({ event: 'ORDER:PAID', payload: {} });

describe.each(ways)('the HTTP surface over %s', (way) => {
  it.each(['PUT', 'DELETE', 'PATCH'])('refuses %s where it means nothing', async (method) => {
    const { send } = serve(way);
    const { status, headers, text } = await send({ method });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
    expect(text).toContain('NEXUS_METHOD_NOT_ALLOWED');
  });

  it('answers OPTIONS with what is allowed', async () => {
    const { send } = serve(way);
    const events = await send({ method: 'OPTIONS' });
    expect([events.status, events.headers.allow, events.text]).toEqual([204, 'GET, HEAD, POST, OPTIONS', '']);
    expect(events.headers).not.toHaveProperty('content-length');
    const health = await send({ method: 'OPTIONS', path: '/health' });
    expect([health.status, health.headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  it('answers other paths with 404', async () => {
    const { send } = serve(way);
    for (const path of ['/', '/event', '/events/', '/Events', '/events%2f', '/health/x']) {
      const { status, json } = await send({ method: 'GET', path });
      expect([status, json.code], path).toEqual([404, 'NEXUS_NOT_FOUND']);
    }
  });

  it('does not mind a query', async () => {
    const { send } = serve(way);
    const { status } = await send({
      path: '/events?x=/health',
      body: order,
      headers: signed('flowpay', order),
    });
    expect(status).toBe(202);
  });

  it('serves below its base path only', async () => {
    const { send } = serve(way, { http: { basePath: '/a/nexus' } });
    const at = async (path: string): Promise<number> =>
      (await send({ path, body: order, headers: signed('flowpay', order) })).status;
    expect(await at('/a/nexus/events')).toBe(202);
    for (const path of ['/events', '/a/nexusevents', '/a/nexus', '/b/a/nexus/events', '//a/nexus/events'])
      expect(await at(path), path).toBe(404);
  });

  it('tells health, and 503 once it is closed', async () => {
    const { send, nexus } = serve(way);
    const get = { method: 'GET', path: '/health' };
    const up = await send(get);
    expect([up.status, up.json]).toEqual([200, { status: 'ok', head: 0, reasons: 0 }]);
    expect(up.headers['cache-control']).toBe('no-store');
    expect((await send({ ...get, method: 'HEAD' })).text).toBe('');
    await nexus.close();
    for (const path of ['/health', '/health/ready']) {
      const down = await send({ ...get, path });
      expect([down.status, down.json.status], path).toEqual([503, 'down']);
    }
    expect((await send({ ...get, path: '/health/live' })).status).toBe(200);
  });

  it('does not tell strangers why it is not well', async () => {
    const storage = memoryStorage();
    storage.open = async () => await Promise.reject(new Error('the disk at /very/private is gone'));
    const { send } = serve(way, { bus: { storage } });
    const { status, text } = await send({ method: 'GET', path: '/health' });
    expect(status).toBe(503);
    expect(text).not.toContain('private');
  });

  it('asks to come back later when it is closed', async () => {
    const { post, nexus } = serve(way);
    await nexus.close();
    const closed = await post(order);
    expect([closed.status, closed.json.code, closed.headers['retry-after']]).toEqual([
      503,
      'NEXUS_CLOSED',
      '1',
    ]);
  });

  it('asks to come back later when its storage cannot be used, without saying where that is', async () => {
    const storage = memoryStorage();
    const error = new NexusError('NEXUS_STORAGE', 'the disk at /very/private is gone');
    storage.open = async () => await Promise.reject(error);
    const { status, json, headers, text } = await serve(way, { bus: { storage } }).post(order);
    expect([status, json.code, headers['retry-after']]).toEqual([503, 'NEXUS_STORAGE', '1']);
    expect(json.detail).toBe('the event was not stored; send the same request again later');
    expect(text).not.toContain('private');
  });

  it('keeps an error of its inside to itself, and the log of its host', async () => {
    const storage = memoryStorage();
    storage.open = async () => await Promise.reject(new Error('password at /very/private'));
    const logged: string[] = [];
    const silent = (): void => undefined;
    const error = (fields: object, message: string): void =>
      void logged.push(message + JSON.stringify(fields));
    const logger = { debug: silent, info: silent, warn: silent, error };
    const { status, text } = await serve(way, { bus: { storage, logger } }).post(order);
    expect(logged.filter((line) => /^a request failed.*private/.test(line))).toHaveLength(1);
    expect(status).toBe(500);
    expect(text).toContain('NEXUS_INTERNAL');
    expect(text).not.toContain('private');
  });
});

describe('the HTTP handler among others', () => {
  it('passes foreign paths on and leaves them untouched', async () => {
    const { nexus } = createBus({ nodes });
    const handler = createHttpHandler(nexus, { basePath: '/nexus' });
    const port = await listen(
      createServer((request, response) => {
        handler(request, response, () => {
          const chunks: Buffer[] = [];
          request.on('data', (chunk: Buffer) => chunks.push(chunk));
          request.on('end', () =>
            response.end(`host ${request.url ?? ''} ${Buffer.concat(chunks).toString()}`),
          );
        });
      }),
    );
    for (const path of ['/', '/other', '/nexus', '/nexus/other', '/nexusevents', '/nexus/webhook/unknown'])
      expect((await sendTo(port, { path, body: 'kept' })).text).toBe(`host ${path} kept`);
    const ours = await sendTo(port, {
      path: '/nexus/events',
      body: order,
      headers: signed('flowpay', order),
    });
    expect(ours.status).toBe(202);
  });

  it('works where a framework has cut off the prefix', async () => {
    const { nexus } = createBus({ nodes });
    const handler = createHttpHandler(nexus);
    const port = await listen(
      createServer((request, response) => {
        request.url = request.url?.replace('/mounted', '') ?? '/';
        handler(request, response);
      }),
    );
    const sent = { path: '/mounted/events', body: order, headers: signed('flowpay', order) };
    expect((await sendTo(port, sent)).status).toBe(202);
  });

  it.each([
    'http://evil.test/events',
    'http://evil.test/nexus/events',
    '//evil.test/events',
    '//events',
    '*',
  ])('takes no host from the request target %s', async (path) => {
    const { send, nexus } = serve('node:http');
    const { status } = await send({ path, body: order, headers: signed('flowpay', order) });
    expect(status).toBe(404);
    expect((await nexus.stats()).head).toBe(0);
  });

  it.each(['nexus', '/nexus/', '//', '/a b', '/a?b', '/a/../b?', 'http://x/y'])(
    'refuses the base path %j',
    (basePath) => {
      const { nexus } = createBus();
      expect(() => createHttpHandler(nexus, { basePath })).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
      );
    },
  );

  it('refuses what is not a Nexus', () => {
    expect(() => createHttpHandler({} as Nexus)).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
    );
  });
});

describe('a body that something read before', () => {
  type Parsed = IncomingMessage & { body?: unknown; rawBody?: unknown };

  /** As express.json() does, optionally with a verify hook that keeps the bytes. */
  const parsing =
    (next: (request: Parsed, response: ServerResponse) => void, keep: 'rawBody' | 'body' | undefined) =>
    (request: Parsed, response: ServerResponse): void => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const bytes = Buffer.concat(chunks);
        if (keep === 'rawBody') request.rawBody = bytes;
        request.body = keep === 'body' ? bytes : (JSON.parse(bytes.toString()) as unknown);
        next(request, response);
      });
    };

  it('is answered with the cure, and nothing is stored', async () => {
    const { nexus, handler } = serve('node:http');
    const port = await listen(createServer(parsing(handler, undefined)));
    const { status, json } = await sendTo(port, { body: order, headers: signed('flowpay', order) });
    expect([status, json.code]).toEqual([500, 'NEXUS_RAW_BODY_CONSUMED']);
    expect(json.detail).toMatch(/before express\.json\(\).*req\.rawBody = bytes/);
    expect((await nexus.stats()).head).toBe(0);
  });

  it.each(['rawBody', 'body'] as const)('is taken from req.%s when the bytes are there', async (keep) => {
    const { handler } = serve('node:http', { http: { bodyLimitBytes: 1_000 } });
    const port = await listen(createServer(parsing(handler, keep)));
    expect((await sendTo(port, { body: order, headers: signed('flowpay', order) })).status).toBe(202);
    const wrong = await sendTo(port, { body: order, headers: signed('flowpay', '{}') });
    expect(wrong.status).toBe(401);
    const large = JSON.stringify('x'.repeat(1_000));
    expect((await sendTo(port, { body: large, headers: signed('flowpay', large) })).status).toBe(413);
  });

  it('is answered with the cure by fetch as well', async () => {
    const { handler } = serve('fetch');
    const headers = { 'content-type': 'application/json' };
    const request = new Request('http://nexus.test/events', { method: 'POST', headers, body: order });
    await request.text();
    const response = await handler.fetch(request);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('NEXUS_RAW_BODY_CONSUMED');
  });
});
