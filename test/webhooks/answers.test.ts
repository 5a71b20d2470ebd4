import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { record } from '../support/bus.js';
import { createReceiver, nodeFor, push, status, until, type Answering } from './receiver.js';

const DAY_MS = 86_400_000;

/** What a raw socket does once a request has come. */
async function rawEndpoint(act: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => act(socket));
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address() as { port: number };
  return `http://127.0.0.1:${address.port}/`;
}

describe('an answer', () => {
  it.each<[string, Answering, object]>([
    ['200', status(200), { outcome: 'delivered' }],
    ['204', status(204), { outcome: 'delivered' }],
    ['299', status(299), { outcome: 'delivered' }],
    ['301', status(301, { location: '/elsewhere' }), { outcome: 'failed' }],
    ['302 to a private address', status(302, { location: 'http://127.0.0.1:1/' }), { outcome: 'failed' }],
    ['307', status(307, { location: '/elsewhere' }), { outcome: 'failed' }],
    ['308', status(308, { location: '/elsewhere' }), { outcome: 'failed' }],
    ['400', status(400), { outcome: 'failed' }],
    ['404', status(404), { outcome: 'failed' }],
    ['500', status(500), { outcome: 'failed' }],
    ['429 alone', status(429), { outcome: 'failed' }],
    ['500 with Retry-After', status(500, { 'retry-after': '5' }), { outcome: 'failed' }],
  ])('of %s', async (_what, answer, expected) => {
    const to = await createReceiver(answer);
    const { nexus, attempt, clock } = push({ shop: nodeFor(to.url) });
    await nexus.start();
    await nexus.dispatch('A', {});
    const got = await attempt(1);
    expect(got).toMatchObject(expected);
    // Nothing was followed, and what failed comes back on its schedule.
    expect(to.received).toHaveLength(1);
    if (got.outcome !== 'failed') return;
    const [delivery] = (await nexus.deliveries.list()).items;
    expect(delivery).toMatchObject({
      state: 'pending',
      attempt: 1,
      postponed: 0,
      error: { code: 'NEXUS_ENDPOINT_FAILED' },
    });
    expect((delivery?.dueAt ?? 0) - clock.now()).toBeGreaterThanOrEqual(5_000);
    expect((delivery?.dueAt ?? 0) - clock.now()).toBeLessThanOrEqual(5_500);
  });

  it.each<[string, string | string[], number | 'schedule']>([
    ['seconds', '120', 120_000],
    ['zero', '0', 1_000],
    ['a date', 'Fri, 15 Jan 2027 08:02:00 GMT', 120_000],
    ['a date of RFC 850', 'Friday, 15-Jan-27 08:02:00 GMT', 120_000],
    ['a date of asctime', 'Fri Jan 15 08:02:00 2027', 120_000],
    ['a date that has passed', 'Sun, 06 Nov 1994 08:49:37 GMT', 1_000],
    ['a year that is of the last century', 'Sunday, 06-Nov-94 08:49:37 GMT', 1_000],
    ['more than a day', '99999999999999999999', DAY_MS],
    ['a date in a thousand years', 'Fri, 15 Jan 3027 08:02:00 GMT', DAY_MS],
    ['twice', ['60', '120'], 120_000],
    ['twice in one line', '60, 120', 120_000],
    ['a negative number', '-5', 'schedule'],
    ['a fraction', '1.5', 'schedule'],
    ['garbage', 'soon', 'schedule'],
    ['nothing', '', 'schedule'],
    ['a long line', '9'.repeat(5_000), 'schedule'],
  ])('asks to wait: Retry-After with %s', async (_what, value, expected) => {
    for (const code of [429, 503]) {
      const to = await createReceiver(status(code, { 'retry-after': value }));
      const { nexus, attempt, clock } = push({ shop: nodeFor(to.url) });
      await nexus.start();
      expect(new Date(clock.now()).toUTCString()).toBe('Fri, 15 Jan 2027 08:00:00 GMT');
      await nexus.dispatch('A', {});
      expect(await attempt(1)).toMatchObject({
        outcome: expected === 'schedule' ? 'failed' : 'postponed',
        status: code,
      });
      const [delivery] = (await nexus.deliveries.list()).items;
      expect(delivery).toMatchObject({
        state: 'pending',
        attempt: expected === 'schedule' ? 1 : 0,
        postponed: expected === 'schedule' ? 0 : 1,
      });
      const waits = (delivery?.dueAt ?? 0) - clock.now();
      const least = expected === 'schedule' ? 5_000 : expected;
      expect(waits).toBeGreaterThanOrEqual(least);
      expect(waits).toBeLessThanOrEqual(least * 1.1);
    }
  });

  it('may put a delivery off 20 times; from then on it spends attempts, no sooner than it asks', async () => {
    const to = await createReceiver(status(503, { 'retry-after': '60' }));
    const { nexus, attempt, clock } = push({ shop: nodeFor(to.url) });
    await nexus.start();
    await nexus.dispatch('A', {});
    for (let nth = 1; nth <= 20; nth++) {
      expect(await attempt(nth)).toMatchObject({ outcome: 'postponed', attempt: 1 });
      const [waiting] = (await nexus.deliveries.list()).items;
      await clock.advance((waiting?.dueAt ?? 0) - clock.now());
    }
    expect(await attempt(21)).toMatchObject({ outcome: 'failed', attempt: 1 });
    const [delivery] = (await nexus.deliveries.list()).items;
    expect(delivery).toMatchObject({ attempt: 1, postponed: 20 });
    expect((delivery?.dueAt ?? 0) - clock.now()).toBeGreaterThanOrEqual(60_000);
  });

  it.each<[string, Answering]>([
    ['no headers', () => undefined],
    ['headers and no end', (_, response) => void response.writeHead(200).write('a')],
    [
      'a byte a second',
      (_, response) => {
        response.writeHead(200).write('a');
        const drip = setInterval(() => response.write('a'), 5);
        response.on('close', () => clearInterval(drip));
      },
    ],
  ])('that never ends (%s) fails at the deadline, and its connection ends', async (_what, answer) => {
    let closed = 0;
    const to = await createReceiver((got, response, nth) => {
      response.on('close', () => (closed += 1));
      answer(got, response, nth);
    });
    const { nexus, clock, attempts, attempt } = push({ shop: nodeFor(to.url, { timeoutMs: 3_000 }) });
    await nexus.start();
    await nexus.dispatch('A', {});
    await until(() => to.received.length === 1);
    await clock.advance(2_999);
    expect(attempts).toEqual([]);
    await clock.advance(1);
    expect(await attempt(1)).toMatchObject({ outcome: 'failed', status: undefined, ms: 3_000 });
    await until(() => closed === 1);
  });

  it('may be long, and is cut off; a gzip bomb stays packed', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    let sent = 0;
    const to = await createReceiver((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      const more = (): void => {
        while (sent < 64 * 1024 * 1024) {
          sent += bomb.length;
          if (!response.write(bomb)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    const { nexus, attempt } = push({ shop: nodeFor(to.url) });
    await nexus.start();
    const before = process.memoryUsage().arrayBuffers;
    await nexus.dispatch('A', {});
    expect(await attempt(1)).toMatchObject({ outcome: 'delivered', status: 200 });
    expect(sent).toBeLessThan(16 * 1024 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['before anything', (socket) => socket.resetAndDestroy()],
    ['in the status line', (socket) => void socket.write('HTTP/1.1 20', () => socket.resetAndDestroy())],
    [
      'in the headers',
      (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-le', () => socket.resetAndDestroy()),
    ],
    [
      'in the body',
      (socket) =>
        void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', () =>
          setTimeout(() => socket.resetAndDestroy(), 5),
        ),
    ],
    [
      'by an end in the body',
      (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
    ],
    ['with what is no HTTP', (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    [
      'with headers without end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const more = (): void => {
          while (!socket.destroyed && socket.write(`a: ${'b'.repeat(1_000)}\r\n`));
        };
        socket.on('drain', more);
        more();
      },
    ],
    [
      'with an upgrade that nobody asked for',
      (socket) =>
        void socket.end('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
  ])('cut short %s fails', async (_what, act) => {
    const url = await rawEndpoint(act);
    const { nexus, attempt } = push({ shop: nodeFor(url) });
    await nexus.start();
    await nexus.dispatch('A', {});
    expect(await attempt(1)).toMatchObject({
      outcome: 'failed',
      status: undefined,
      error: { code: 'NEXUS_ENDPOINT_FAILED' },
    });
  });

  it('that there is none of fails with the code of the network', async () => {
    const { nexus, attempt } = push({ shop: nodeFor('http://127.0.0.1:1/') });
    await nexus.start();
    await nexus.dispatch('A', {});
    expect((await attempt(1)).error).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});

describe('the schedule', () => {
  it('goes over more than two days, and what never went through is a dead letter', async () => {
    const to = await createReceiver(status(500));
    const { nexus, attempt, clock } = push({ shop: nodeFor(to.url) });
    const dead = record(nexus, 'delivery:dead');
    await nexus.start();
    await nexus.dispatch('A', {});
    const waits: number[] = [];
    for (let nth = 1; nth <= 10; nth++) {
      await attempt(nth);
      const [delivery] = (await nexus.deliveries.list()).items;
      if (delivery?.state !== 'pending') break;
      waits.push((delivery.dueAt ?? 0) - clock.now());
      await clock.advance(waits.at(-1) ?? 0);
    }
    const minutes = [5 / 60, 0.5, 2, 10, 60, 180, 480, 960, 1_440];
    expect(waits).toHaveLength(minutes.length);
    for (const [i, each] of minutes.entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(Math.floor(each * 60_000));
      expect(waits[i]).toBeLessThanOrEqual(Math.ceil(each * 66_000));
    }
    expect(dead.map(({ moment }) => moment.reason)).toEqual(['attempts_spent']);
    expect(to.received).toHaveLength(10);
  });

  it.each([
    [{ maxAttempts: 2 }, [5_000]],
    [{ maxAttempts: 3, initialMs: 100, jitter: 0 }, [100, 200]],
    [{ maxAttempts: 3, maxMs: 6_000, jitter: 0 }, [5_000, 6_000]],
    [{ maxAttempts: 3, backoff: 'fixed' as const, jitter: 0 }, [1_000, 1_000]],
  ])('is what webhook.retry says: %j', async (retry, least) => {
    const to = await createReceiver(status(500));
    const { nexus, attempt, clock } = push({ shop: nodeFor(to.url, { retry }) });
    await nexus.start();
    await nexus.dispatch('A', {});
    for (const [i, wait] of least.entries()) {
      await attempt(i + 1);
      const [delivery] = (await nexus.deliveries.list()).items;
      const waits = (delivery?.dueAt ?? 0) - clock.now();
      expect([waits >= wait, waits <= wait * 1.1]).toEqual([true, true]);
      await clock.advance(waits);
    }
    await attempt(least.length + 1);
    expect((await nexus.deadLetters.list()).items).toMatchObject([{ attempt: least.length + 1 }]);
  });
});
