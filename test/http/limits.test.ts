import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { proveForwarded } from '../../proof/limiter.js';
import { openWire } from '../../proof/wire.js';
import { createHttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import { createBus, record } from '../support/bus.js';
import { listen, nodes, secret, sendTo, serve, sign, signed, ways } from './serve.js';

/** Never a token more while a test runs. */
const slow = (burst: number) => ({ perSecond: 0.0001, burst });
const order = (n: number): string => JSON.stringify({ event: 'ORDER:PAID', payload: { n } });

function counted(http: HttpHandlerOptions, config = nodes) {
  const { nexus } = createBus({ nodes: config });
  const handler = createHttpHandler(nexus, { nodeRateLimit: false, ...http });
  let n = 0;
  /** The status of a fresh, well-signed event from an address. */
  const from = async (ip: string | undefined, headers: Record<string, string> = {}): Promise<Response> => {
    const body = order((n += 1));
    const request = new Request('http://nexus.test/events', {
      method: 'POST',
      body: Buffer.from(body),
      headers: { ...signed('flowpay', body), ...headers },
    });
    return await handler.fetch(request, ip === undefined ? {} : { ip });
  };
  const statuses = async (ips: readonly (string | undefined)[]): Promise<number[]> => {
    const all: number[] = [];
    for (const ip of ips) all.push((await from(ip)).status);
    return all;
  };
  return { nexus, handler, from, statuses };
}

describe('the limit of an address', () => {
  it('is 20 at once, unless it is told otherwise', async () => {
    const { statuses } = counted({});
    const all = await statuses(Array<string>(100).fill('203.0.113.7'));
    expect(all.slice(0, 20)).toEqual(Array(20).fill(202));
    expect(all).toContain(429);
  });

  it('answers with when to come back, and a problem', async () => {
    const { from } = counted({ rateLimit: { perSecond: 0.1, burst: 1 } });
    await from('203.0.113.7');
    const refused = await from('203.0.113.7');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '10']);
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({
      status: 429,
      code: 'NEXUS_RATE_LIMITED',
      title: 'Too Many Requests',
    });
  });

  it('counts an IPv6 client by its /64, and a mapped IPv4 client as what it is', async () => {
    const { statuses } = counted({ rateLimit: slow(2) });
    expect(
      await statuses(['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:1:ffff::3', '2001:db8:0:2::1']),
    ).toEqual([202, 202, 429, 202]);
    expect(await statuses(['203.0.113.7', '::ffff:203.0.113.7', '::ffff:cb00:7107', '203.0.113.8'])).toEqual([
      202, 202, 429, 202,
    ]);
  });

  it('is not counted where nobody knows whose it is, or nobody wants it', async () => {
    expect(await counted({ rateLimit: slow(1) }).statuses([undefined, undefined])).toEqual([202, 202]);
    expect(await counted({ rateLimit: false }).statuses(Array<string>(30).fill('::1'))).not.toContain(429);
  });

  it('reads what proxies say only where they are trusted', async () => {
    const forged = (n: number): Record<string, string> => ({
      'x-forwarded-for': `198.51.100.${n}, 203.0.113.${n}`,
    });
    const none = counted({ rateLimit: slow(2) });
    expect(
      [
        await none.from('::1', forged(1)),
        await none.from('::1', forged(2)),
        await none.from('::1', forged(3)),
      ].map(({ status }) => status),
    ).toEqual([202, 202, 429]);
    const one = counted({ rateLimit: slow(2), trustProxy: 1 });
    expect(
      (await Promise.all([1, 2, 3, 4].map((n) => one.from('::1', forged(n))))).map(({ status }) => status),
    ).toEqual([202, 202, 202, 202]);
    const ranges = counted({ rateLimit: slow(2), trustProxy: ['10.0.0.0/8'] });
    const outside = [1, 2, 3].map((n) => ranges.from('192.0.2.1', forged(n)));
    expect((await Promise.all(outside)).map(({ status }) => status).sort()).toEqual([202, 202, 429]);
  });

  it('comes after the method and the preflight, and before anything is read or verified', async () => {
    const { handler, nexus } = counted({ rateLimit: slow(1), cors: { origins: ['https://a.test'] } });
    const denials = record(nexus, 'auth:denied');
    const ask = async (
      method: string,
      headers: Record<string, string> = {},
      body?: ReadableStream,
    ): Promise<Response> =>
      await handler.fetch(
        new Request('http://nexus.test/events', {
          method,
          headers,
          ...(body && { body, duplex: 'half' }),
        }),
        { ip: '203.0.113.7' },
      );
    expect((await ask('POST')).status).toBe(401);
    expect((await ask('DELETE')).status).toBe(405);
    const preflight = await ask('OPTIONS', {
      origin: 'https://a.test',
      'access-control-request-method': 'POST',
    });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://a.test',
    ]);
    let pulled = false;
    const body = new ReadableStream({ pull: () => void (pulled = true) }, { highWaterMark: 0 });
    const limited = await ask('POST', { 'content-type': 'text/plain', origin: 'https://a.test' }, body);
    expect([limited.status, pulled]).toEqual([429, false]);
    expect(limited.headers.get('access-control-allow-origin')).toBe('https://a.test');
    expect((await ask('GET', { authorization: 'Bearer x' })).status).toBe(429);
    expect(denials).toHaveLength(1);
  });

  it('leaves probes alone', async () => {
    const { handler, from } = counted({ rateLimit: slow(1) });
    await from('203.0.113.7');
    for (const path of ['/health', '/health/live', '/health/ready']) {
      const response = await handler.fetch(new Request(`http://nexus.test${path}`), { ip: '203.0.113.7' });
      expect(response.status).toBe(200);
    }
  });

  it('counts the peer of a real connection', async () => {
    const { nexus } = createBus({ nodes });
    const port = await listen(createServer(createHttpHandler(nexus, { rateLimit: slow(2) })));
    const ask = async (localAddress: string): Promise<number> => {
      const wire = await openWire(port, localAddress);
      const [answer] = await wire.ask(['GET /events HTTP/1.1\r\nHost: x\r\n\r\n']);
      wire.close();
      return answer?.status ?? 0;
    };
    expect([
      await ask('127.0.0.1'),
      await ask('127.0.0.1'),
      await ask('127.0.0.1'),
      await ask('127.0.0.2'),
    ]).toEqual([401, 401, 429, 401]);
  });

  it('behind a real proxy does not mind what its clients forge', { timeout: 30_000 }, async (context) => {
    const report = await proveForwarded({ requests: 60 });
    if ('skipped' in report) context.skip(report.skipped);
    else
      expect(report).toEqual({ requests: 60, trustedAllowed: 20, untrustedAllowed: 20, honestAllowed: true });
  });
});

describe('the limit of a node', () => {
  it('counts what is proven, so that nobody can use it up for another', async () => {
    const keys = { a: secret(), b: secret() };
    const { nexus } = createBus({
      nodes: { a: { secrets: [keys.a], dispatch: ['*'] }, b: { secrets: [keys.b], dispatch: ['*'] } },
    });
    const port = await listen(
      createServer(createHttpHandler(nexus, { rateLimit: false, nodeRateLimit: slow(2) })),
    );
    let n = 0;
    const say = async (node: 'a' | 'b', key = keys[node]): Promise<number> => {
      const body = order((n += 1));
      return (
        await sendTo(port, { body, headers: { 'x-nexus-node': node, 'x-nexus-signature': sign(key, body) } })
      ).status;
    };
    for (let i = 0; i < 5; i++) expect(await say('a', secret())).toBe(401);
    expect([await say('a'), await say('a'), await say('a'), await say('b')]).toEqual([202, 202, 429, 202]);
    expect((await nexus.stats()).head).toBe(3);
  });

  it('counts reading as well', async () => {
    const token = secret();
    const config = { reader: { secrets: [], tokens: [token], subscribe: ['*'] } };
    const { send } = serve('fetch', { bus: { nodes: config }, http: { nodeRateLimit: slow(1) } });
    const read = async (): Promise<number> =>
      (await send({ method: 'GET', headers: { authorization: `Bearer ${token}` } })).status;
    expect([await read(), await read()]).toEqual([200, 429]);
  });
});

describe.each(ways)('bodies on their way over %s', (way) => {
  it('are refused when they hold too much together, and room is made when they end', async () => {
    const { post } = serve(way, { http: { bodyLimitBytes: 1_000, bufferLimitBytes: 1_000 } });
    const body = JSON.stringify({ event: 'ORDER:PAID', payload: { text: 'x'.repeat(700) } });
    const all = await Promise.all(Array.from({ length: 8 }, () => post(body)));
    for (const { status, json, headers } of all) {
      if (status === 503) expect([json.code, headers['retry-after']]).toEqual(['NEXUS_OVERLOADED', '1']);
      else expect([200, 202]).toContain(status);
    }
    for (let i = 0; i < 5; i++) expect((await post(body)).status).toBe(200);
  });
});

describe('options of limits', () => {
  it.each<object>([
    { rateLimit: { perSecond: 0 } },
    { rateLimit: { perSecond: Infinity } },
    { rateLimit: { burst: 0 } },
    { rateLimit: { burst: 1.5 } },
    { nodeRateLimit: { perSecond: -1 } },
    { bodyLimitBytes: 0 },
    { bodyTimeoutMs: 0.5 },
    { bufferLimitBytes: 10 },
    { trustProxy: -1 },
    { trustProxy: ['everyone'] },
    { cors: { origins: ['*'] } },
    { cors: { origins: ['https://a.test/'] } },
    { cors: { origins: ['a.test'] } },
    { cors: { origins: ['null'] } },
    { cors: { origins: 'https://a.test' } },
    { cors: {} },
  ])('refuses %j', (options) => {
    const { nexus } = createBus();
    expect(() => createHttpHandler(nexus, options)).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
    );
  });
});
