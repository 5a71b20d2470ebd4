/** Server-sent events: over node:http, Express and fetch. */
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import { connect as connectSecond, createServer as createSecondServer } from 'node:http2';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { EventSource } from 'eventsource';
import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import { formatEvent } from '../../src/http/event-stream.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import { createBus, type Bus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';
import { listen, secret, sendTo } from './serve.js';

const tokens = { reader: secret(), picky: secret(), mute: secret() };
const nodes: Record<string, NodeConfig> = {
  reader: { secrets: [], subscribe: ['*'], tokens: [tokens.reader] },
  picky: { secrets: [], subscribe: ['PAYMENT_*'], tokens: [tokens.picky] },
  mute: { secrets: [], tokens: [tokens.mute] },
};
type Way = 'node:http' | 'express 5' | 'express 4' | 'fetch';
const ways: readonly Way[] = ['node:http', 'express 5', 'express 4', 'fetch'];
const express4 = createRequire(import.meta.url)('express4') as typeof express;
type Block = Readonly<Record<string, string>>;

interface Reader {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The next event; undefined at the end. */
  readonly next: () => Promise<Block | undefined>;
  readonly leave: () => void;
}
type Reading = Bus & {
  readonly read: (query?: string, headers?: Record<string, string>) => Promise<Reader>;
  readonly port: number | undefined;
  /** What waits for the slowest client in the server's memory, bytes. */
  readonly waiting: () => number;
};

async function serve(way: Way, http: HttpHandlerOptions = {}): Promise<Reading> {
  const bus = createBus({ nodes });
  const handler = createHttpHandler(bus.nexus, { rateLimit: false, nodeRateLimit: false, ...http });
  const authorized = (headers: Record<string, string>): Record<string, string> => ({
    authorization: `Bearer ${tokens.reader}`,
    ...headers,
  });
  if (way === 'fetch') {
    return {
      ...bus,
      port: undefined,
      waiting: () => 0,
      read: async (query = '', headers = {}) => {
        const url = `http://nexus.test/events/stream${query}`;
        const response = await handler.fetch(new Request(url, { headers: authorized(headers) }));
        const body = response.body as ReadableStream<Uint8Array> | null;
        const reader = body?.getReader();
        const chunks = async (): Promise<string | undefined> => {
          const chunk = await reader?.read();
          return chunk?.value && Buffer.from(chunk.value).toString();
        };
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          next: blocks(chunks),
          leave: () => void reader?.cancel(),
        };
      },
    };
  }
  const app = way === 'node:http' ? handler : (way === 'express 5' ? express() : express4()).use(handler);
  const sockets = new Set<Socket>();
  const server = createServer(app as RequestListener);
  server.on('connection', (socket) => sockets.add(socket));
  const port = await listen(server);
  return {
    ...bus,
    port,
    waiting: () => Math.max(...[...sockets].map((socket) => socket.writableLength)),
    read: async (query = '', headers = {}) => {
      const path = `/events/stream${query}`;
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ port, path, headers: authorized(headers), host: '127.0.0.1' }, resolve).on('error', reject);
      });
      const iterator = response[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
      const chunks = async (): Promise<string | undefined> => {
        const chunk = await iterator.next().catch(() => undefined);
        return chunk?.value?.toString();
      };
      const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const);
      return {
        status: response.statusCode ?? 0,
        headers: Object.fromEntries(flat),
        next: blocks(chunks),
        leave: () => response.destroy(),
      };
    },
  };
}

/** Events as the specification reads them; what has no data is none. */
function blocks(chunk: () => Promise<string | undefined>): () => Promise<Block | undefined> {
  let rest = '';
  return async () => {
    for (;;) {
      const end = rest.indexOf('\n\n');
      if (end < 0) {
        const more = await chunk();
        if (more === undefined) return undefined;
        rest += more;
        continue;
      }
      const lines = rest.slice(0, end).split(/\r\n|\r|\n/);
      rest = rest.slice(end + 2);
      const fields = lines.map((line) => /^([^:]*): ?(.*)$/.exec(line) ?? []);
      const block = Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]));
      if ('data' in block) return block;
    }
  };
}
const dataOf = (block: Block | undefined): Record<string, unknown> =>
  JSON.parse(block?.data ?? '{}') as Record<string, unknown>;

describe.each(ways)('GET /events/stream over %s', (way) => {
  it('catches up from a position, stays live, and says where to go on', async () => {
    const { nexus, read } = await serve(way);
    for (let n = 0; n < 300; n++) void nexus.dispatch('TICK', { n });
    await nexus.dispatch('TICK', { n: 300 });
    const stream = await read('?after=1');
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    for (let n = 1; n <= 300; n++) expect(dataOf(await stream.next()).payload).toEqual({ n });
    const { id, seq, timestamp } = await nexus.dispatch('TICK', { n: 301 });
    const block = await stream.next();
    expect(block).toMatchObject({ id: String(seq), event: 'TICK' });
    expect(dataOf(block)).toEqual({
      event: 'TICK',
      payload: { n: 301 },
      timestamp,
      id,
      seq,
      source: 'nexus',
    });
    stream.leave();
    const again = await read('?after=1', { 'last-event-id': '300' });
    expect(dataOf(await again.next()).payload).toEqual({ n: 300 });
    again.leave();
  });

  it('sends the types that are asked for, as far as the node may see them', async () => {
    const { nexus, read } = await serve(way);
    const authorization = `Bearer ${tokens.picky}`;
    const stream = await read('?type=PAYMENT_RECEIVED&type=PAYMENT_FAILED', { authorization });
    const all = await read('', { authorization });
    for (const type of ['MINT_CONFIRMED', 'PAYMENT_SEEN', 'PAYMENT_FAILED']) await nexus.dispatch(type, {});
    expect(await stream.next()).toMatchObject({ event: 'PAYMENT_FAILED' });
    expect(await all.next()).toMatchObject({ event: 'PAYMENT_SEEN' });
    for (const { leave } of [stream, all]) leave();
  });

  it('is refused to whom it is not for, and where it cannot begin', async () => {
    const { read } = await serve(way, { stream: { maxConnectionsPerNode: 1 } });
    const status = async (query: string, headers?: Record<string, string>): Promise<number> =>
      (await read(query, headers)).status;
    expect(await status('', { authorization: `Bearer ${secret()}` })).toBe(401);
    expect(await status('', { authorization: `Bearer ${tokens.mute}` })).toBe(403);
    expect(await status('?type=MINT_CONFIRMED', { authorization: `Bearer ${tokens.picky}` })).toBe(403);
    expect(await status('?after=x')).toBe(400);
    expect(await status('?limit=5')).toBe(400);
    expect(await status('', { 'last-event-id': 'x' })).toBe(400);
    expect(await status('?after=7')).toBe(409);
    const first = await read();
    expect(first.status).toBe(200);
    expect(await status('')).toBe(429);
    first.leave();
  });

  it('ends when its rights are taken away, and when the Nexus closes; it counts as long as it is open', async () => {
    const { nexus, read } = await serve(way);
    const narrowed = await read('?type=PAYMENT_RECEIVED');
    const revoked = await read('', { authorization: `Bearer ${tokens.picky}` });
    const closed = await read('', { authorization: `Bearer ${tokens.reader}` });
    expect((await nexus.stats()).connections.sse).toBe(3);
    await nexus.nodes.put('reader', { secrets: [], subscribe: ['MINT_*'], tokens: [tokens.reader] });
    expect(await narrowed.next()).toBeUndefined();
    await nexus.nodes.revoke('picky');
    expect(await revoked.next()).toBeUndefined();
    expect((await nexus.stats()).connections.sse).toBe(1);
    await nexus.close();
    expect(await closed.next()).toBeUndefined();
  });

  it('forgets who leaves', async () => {
    const { nexus, read } = await serve(way);
    const stream = await read();
    stream.leave();
    while ((await nexus.stats()).connections.sse > 0) await turns();
  });
});

describe('GET /events/stream', () => {
  it('answers HEAD without a stream, and other methods as everywhere', async () => {
    const { nexus, port = 0 } = await serve('node:http');
    const path = '/events/stream';
    const headers = { authorization: `Bearer ${tokens.reader}` };
    const head = await sendTo(port, { method: 'HEAD', path, headers });
    expect([head.status, head.text]).toEqual([200, '']);
    const post = await sendTo(port, { method: 'POST', path, headers });
    expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect((await nexus.stats()).connections.sse).toBe(0);
  });

  it('answers HEAD over fetch without a stream', async () => {
    const { nexus } = createBus({ nodes });
    const handler = createHttpHandler(nexus, { rateLimit: false });
    const headers = { authorization: `Bearer ${tokens.reader}` };
    const url = 'http://nexus.test/events/stream';
    const response = await handler.fetch(new Request(url, { method: 'HEAD', headers }));
    expect([response.status, response.body]).toEqual([200, null]);
    expect((await nexus.stats()).connections.sse).toBe(0);
  });

  it('goes over HTTP/2', async () => {
    const { nexus } = createBus({ nodes });
    const server = createSecondServer(createHttpHandler(nexus, { rateLimit: false }));
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const session = connectSecond(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    onTestFinished(() => {
      session.destroy();
      server.close();
    });
    const stream = session.request({
      ':path': '/events/stream?after=0',
      authorization: `Bearer ${tokens.reader}`,
    });
    const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    const next = blocks(async () => (await iterator.next()).value?.toString());
    for (let n = 0; n < 20; n++) {
      await nexus.dispatch('TICK', { n });
      expect(dataOf(await next()).payload).toEqual({ n });
    }
    stream.close();
    while ((await nexus.stats()).connections.sse > 0) await turns();
  });

  it('sends signs of life, with how far it has looked', async () => {
    const { nexus, port = 0 } = await serve('node:http', { stream: { heartbeatMs: 10, retryMs: 500 } });
    const { seq } = await nexus.dispatch('OTHER', {});
    const text = await new Promise<string>((resolve) => {
      const options = { port, path: '/events/stream?type=WANTED&after=0', host: '127.0.0.1' };
      get({ ...options, headers: { authorization: `Bearer ${tokens.reader}` } }, (response) => {
        let all = '';
        response.on('data', (chunk: Buffer) => {
          all += chunk.toString();
          if (!all.includes(`: alive\nid: ${seq}\n\n`)) return;
          response.destroy();
          resolve(all);
        });
      });
    });
    expect(text.startsWith('retry: 500\nid: 0\n\n')).toBe(true);
  });

  it('lets neither a type nor data begin a field of its own', () => {
    const text = formatEvent({ seq: 7, type: 'A\r\nid: 1\rdata: x\n\n', text: () => '{"a":\r\n\n1}' });
    expect(text.split('\n')).toEqual(['id: 7', 'event: A  id: 1 data: x  ', 'data: {"a":   1}', '', '']);
  });

  it('holds what a reader does not take in the log, not in memory', async () => {
    const { nexus, read, waiting, port = 0 } = await serve('node:http');
    const paused = await new Promise<IncomingMessage>((resolve) => {
      const options = { port, path: '/events/stream?after=0', host: '127.0.0.1' };
      get({ ...options, headers: { authorization: `Bearer ${tokens.reader}` } }, resolve);
    });
    paused.pause();
    const text = 'x'.repeat(10_000);
    for (let n = 0; n < 2_000; n += 100)
      await nexus.dispatchMany(
        Array.from({ length: 100 }, (_, i) => ({ type: 'TICK', payload: { n: n + i, text } })),
      );
    const healthy = await read('?after=1999');
    expect(dataOf(await healthy.next()).seq).toBe(2_000);
    healthy.leave();
    expect(waiting()).toBeLessThan(200_000);
    const iterator = paused[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    const next = blocks(async () => (await iterator.next()).value?.toString());
    for (let n = 0; n < 2_000; n++) expect(dataOf(await next()).payload).toEqual({ n, text });
    paused.destroy();
  });

  it('is read by the package eventsource, which comes back to where it was', async () => {
    const { nexus, port = 0 } = await serve('node:http', { stream: { retryMs: 10 } });
    const seen: number[] = [];
    const source = new EventSource(`http://127.0.0.1:${port}/events/stream?after=0`, {
      fetch: (url, init) =>
        fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${tokens.reader}` } }),
    });
    onTestFinished(() => source.close());
    const all = new Promise<void>((resolve) => {
      source.addEventListener('TICK', ({ data }) => {
        seen.push((JSON.parse(data as string) as { payload: { n: number } }).payload.n);
        if (seen.length === 50) resolve();
      });
    });
    for (let n = 0; n < 50; n++) await nexus.dispatch('TICK', { n });
    await all;
    expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });
});
