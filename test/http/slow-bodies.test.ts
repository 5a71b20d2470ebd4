import { createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BodyBuffer, createRoom } from '../../src/http/body-buffer.js';
import { createHttpHandler } from '../../src/http/index.js';
import { createDeadlines, readNodeBody, type Body } from '../../src/http/request-body.js';
import { createBus, deferred } from '../support/bus.js';
import { listen, nodes, secrets, sendTo, serve, sign, signed } from './serve.js';

const order = JSON.stringify({ event: 'ORDER:PAID', payload: {} });

let unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeEach(() => {
  unhandled = [];
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await new Promise((turn) => setImmediate(turn));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

type Listening = ReturnType<typeof createBus> & { port: number; gone: Promise<void> };

/** `gone` resolves when a request's connection was closed by its client. */
async function listening(options: Parameters<typeof createHttpHandler>[1] = {}): Promise<Listening> {
  const bus = createBus({ nodes });
  const handler = createHttpHandler(bus.nexus, options);
  const closed = deferred();
  const port = await listen(
    createServer((request, response) => {
      request.socket.once('close', () => closed.resolve());
      handler(request, response);
    }),
  );
  return { ...bus, port, gone: closed.promise };
}

/** Sends raw bytes and returns what came back until the server closed. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.write(text);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()).once('error', () => resolve()));
  return answer;
}

describe('a body that is too large', () => {
  it('is refused by its declared length before it is sent', async () => {
    const { port, nexus } = await listening({ bodyLimitBytes: 100 });
    const head = `POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n`;
    const answer = await raw(port, head);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('NEXUS_BODY_TOO_LARGE');
    expect(answer.toLowerCase()).toContain('connection: close');
    expect((await nexus.stats()).head).toBe(0);
  });

  it('is refused while it streams, when its length was not declared', async () => {
    const { port } = await listening({ bodyLimitBytes: 100 });
    const head = `POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    // No last chunk: it must not wait for the end.
    const answer = await raw(port, `${head}64\r\n${'x'.repeat(100)}\r\n1\r\nx\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('is refused by fetch while it streams, and its source is told to stop', async () => {
    const { handler } = serve('fetch', { http: { bodyLimitBytes: 100 } });
    const cancelled = deferred();
    let pulls = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulls += 1;
        controller.enqueue(new Uint8Array(60));
      },
      cancel: () => cancelled.resolve(),
    });
    const request = new Request('http://nexus.test/events', {
      method: 'POST',
      body,
      duplex: 'half',
    } as never);
    expect((await handler.fetch(request)).status).toBe(413);
    await cancelled.promise;
    expect(pulls).toBeLessThan(10);
  });
});

describe('a body in crumbs', () => {
  const large = JSON.stringify({ event: 'ORDER:PAID', payload: { text: 'x'.repeat(60_000) } });

  it('is taken as one piece', async () => {
    const { port, nexus } = await listening();
    const head = `POST /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Nexus-Node: flowpay\r\nX-Nexus-Signature: ${sign(secrets.flowpay, large)}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const crumbs = Array.from(large, (unit) => `1\r\n${unit}\r\n`).join('');
    expect(await raw(port, `${head}${crumbs}0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 202 /);
    const stored = await nexus.waitFor('ORDER:PAID', { after: 0 });
    expect(stored.payload).toEqual({ text: 'x'.repeat(60_000) });
  });

  it('is taken as one piece by fetch', async () => {
    const { handler } = serve('fetch');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (const byte of Buffer.from(large)) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const headers = signed('flowpay', large);
    const request = new Request('http://nexus.test/events', {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as never);
    expect((await handler.fetch(request)).status).toBe(202);
  });

  it('holds no more memory than it has bytes, twice over', () => {
    const room = createRoom(1_000_000);
    const buffer = new BodyBuffer({ limitBytes: 100_000, room });
    for (let i = 0; i < 100_000; i++) expect(buffer.add(Uint8Array.of(i))).toBeUndefined();
    expect(buffer.add(Uint8Array.of(0))).toBe('too_large');
    expect(
      Buffer.from(buffer.bytes()).equals(Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256))),
    ).toBe(true);
    expect(room.take(1_000_000 - 200_000)).toBe(true);
    room.give(800_000);
    buffer.free();
    expect(room.take(1_000_000)).toBe(true);
  });
});

describe('a body that is too slow', () => {
  it('is given up', async () => {
    const { port, nexus } = await listening({ bodyTimeoutMs: 20 });
    const head = `POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"event":`;
    const answer = await raw(port, head);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('NEXUS_BODY_TIMEOUT');
    expect((await nexus.stats()).head).toBe(0);
  });

  it('is given up by fetch', async () => {
    const { handler } = serve('fetch', { http: { bodyTimeoutMs: 20 } });
    const cancelled = deferred();
    const body = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() });
    const request = new Request('http://nexus.test/events', {
      method: 'POST',
      body,
      duplex: 'half',
    } as never);
    expect((await handler.fetch(request)).status).toBe(408);
    await cancelled.promise;
  });

  it('does not hurt one that comes in pieces but in time', async () => {
    const { port } = await listening();
    const pieces = httpRequest({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: '/events',
      headers: signed('flowpay', order),
    });
    for (const unit of order) {
      await new Promise<void>((written) => pieces.write(unit, () => written()));
    }
    const status = await new Promise((resolve) => {
      pieces.on('response', (response) => resolve(response.resume().statusCode));
      pieces.end();
    });
    expect(status).toBe(202);
  });
});

describe('a client that goes away', () => {
  it('in the middle of its body leaves nothing behind', async () => {
    const { port, nexus, gone } = await listening();
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /events HTTP/1.1\r\nHost: x\r\nX-Nexus-Node: flowpay\r\nX-Nexus-Signature: ${sign(secrets.flowpay, order)}\r\nContent-Length: 500\r\n\r\n${order}`,
    );
    await new Promise((written) => socket.once('connect', written));
    await new Promise((turn) => setImmediate(turn));
    socket.resetAndDestroy();
    await gone;
    expect((await nexus.stats()).head).toBe(0);
    expect((await sendTo(port, { body: order, headers: signed('flowpay', order) })).status).toBe(202);
  });

  it('before it has the answer has its event all the same, and learns so when it asks again', async () => {
    const { port, nexus, gone } = await listening();
    const stored = nexus.waitFor('ORDER:PAID', { after: 0 });
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path: '/events',
      headers: signed('flowpay', order),
    });
    request.on('error', () => undefined);
    nexus.on('event', () => request.destroy());
    request.end(order);
    await stored;
    await gone;
    const again = await sendTo(port, { body: order, headers: signed('flowpay', order) });
    expect([again.status, again.json.duplicate]).toEqual([200, true]);
  });

  it('before anything looked at its body is not waited for', async () => {
    const read = deferred<Body>();
    const port = await listen(
      createServer((request) => {
        // As behind a middleware that takes its time.
        request.once('close', () => {
          const limits = { limitBytes: 1_000, timeoutMs: 600_000, room: createRoom(1_000) };
          void readNodeBody(request, { ...limits, deadlines: createDeadlines(600_000) }).then(
            read.resolve,
            read.reject,
          );
        });
        socket.resetAndDestroy();
      }),
    );
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{`);
    expect(await read.promise).toEqual({ refused: 'aborted' });
  });

  it('of a fetch server leaves nothing behind', async () => {
    const { handler, nexus } = serve('fetch');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(order));
        controller.error(new Error('the client went away'));
      },
    });
    const request = new Request('http://nexus.test/events', {
      method: 'POST',
      body,
      duplex: 'half',
    } as never);
    expect((await handler.fetch(request)).status).toBe(400);
    expect((await nexus.stats()).head).toBe(0);
  });
});

describe('a deadline', () => {
  const settled = async (): Promise<void> => {
    await new Promise((turn) => setImmediate(turn));
  };

  it('needs no timer where the body was there in the turn of its request', async () => {
    const deadlines = createDeadlines(600_000);
    const wait = (over: boolean): Parameters<typeof deadlines.begin>[0] => ({
      over,
      timer: undefined,
      expire: () => undefined,
    });
    const [soon, later] = [wait(true), wait(false)];
    deadlines.begin(soon);
    deadlines.begin(later);
    await settled();
    expect([soon.timer !== undefined, later.timer !== undefined]).toEqual([false, true]);
    clearTimeout(later.timer);
  });

  it('passes for each that began in one turn', async () => {
    const deadlines = createDeadlines(1);
    await Promise.all(
      [1, 2, 3].map(
        () => new Promise<void>((expire) => deadlines.begin({ over: false, timer: undefined, expire })),
      ),
    );
  });
});
