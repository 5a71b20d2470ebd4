import ipaddr from 'ipaddr.js';
import { createServer, isIPv4, isIPv6, type AddressInfo } from 'node:net';
import { request as httpRequest, type Agent as HttpAgent } from 'node:http';
import type { LookupAddress } from 'node:dns';
import fc from 'fast-check';
import { RequestFilteringHttpAgent } from 'request-filtering-agent';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scopeOf } from '../../src/core/address-scope.js';
import { parseAddress } from '../../src/core/ip-address.js';
import { refuseAddress, refuseUrl } from '../../src/nodes/webhook-address.js';
import { toMember } from '../../src/nodes/roll.js';
import { hmacSha256 } from '../../src/hmac-sha256.js';
import { sha256 } from '../../src/options.js';
import { createDialer, type Resolve } from '../../src/webhooks/dialer.js';
import { createExchange } from '../../src/webhooks/exchange.js';
import { messageOf } from '../../src/webhooks/message.js';
import { targetOf } from '../../src/webhooks/target.js';
import { createTestClock, turns } from '../support/test-clock.js';

/** Hosts of URLs that lead, or could lead, where a webhook must not go; `PORT` is the canary's. */
const spellings = [
  // Loopback.
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '0x7f.1',
  '0x7f000001',
  '0x7F.0x0.0x0.0x1',
  '2130706433',
  '017700000001',
  '0177.0.0.1',
  '0177.0.0.01',
  '127.0.0.1.',
  '127.1.',
  '127.255.255.254',
  '127.0.0.0x1',
  '１２７.０.０.１',
  '127。0。0。1',
  '①②⑦.0.0.①',
  '%31%32%37.0.0.1',
  'localhost',
  'localhost.',
  'LOCALHOST',
  'ｌｏｃａｌｈｏｓｔ',
  'loc%61lhost',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000::0001]',
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[0:0:0:0:0:ffff:127.0.0.1]',
  '[::FFFF:127.1.2.3]',
  // Unspecified, which is this host on many systems.
  '0.0.0.0',
  '0',
  '0x0',
  '00000',
  '0.0',
  '[::]',
  '[::0.0.0.0]',
  '[::ffff:0.0.0.0]',
  '[0::0]',
  // Tunnels and translations of loopback.
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2002:7f00:1::1]',
  '[2001:0:7f00:1::]',
  '[2001::80ff:fffe]',
  '[::ffff:0:127.0.0.1]',
  // Link-local and metadata services.
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '[::ffff:169.254.169.254]',
  '[::169.254.169.254]',
  '[64:ff9b::169.254.169.254]',
  '[fe80::1]',
  '[febf::1]',
  '[fd00:ec2::254]',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  // Private networks and others that are not the Internet.
  '10.0.0.1',
  '10.1',
  '0xa.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '192.168.1',
  '3232235521',
  '100.64.0.1',
  '[::ffff:10.0.0.1]',
  '[fc00::1]',
  '[fd12:3456:789a::1]',
  '[fec0::1]',
  '192.0.2.1',
  '198.51.100.1',
  '203.0.113.1',
  '198.18.0.1',
  '[2001:db8::1]',
  '[3fff::1]',
  '[100::1]',
  '[2001:2::1]',
  '[5f00::1]',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '[ff02::1]',
];
/** These are no URLs at all. */
const illegal = [
  '[fe80::1%25lo]',
  '[::1%lo]',
  '127.0.0.1:80:80',
  '256.256.256.256',
  '0x7f.0.0.0.1',
  '[::ffff:127.0.0.1',
  '127.0.0.1%00.example.com',
];

type Canary = { readonly port: number; readonly connections: () => number };

async function canary(): Promise<Canary> {
  let connections = 0;
  const servers = ['0.0.0.0', '::'].map((host) => ({
    host,
    server: createServer((socket) => {
      connections += 1;
      socket.destroy();
    }),
  }));
  let port = 0;
  for (const { host, server } of servers) {
    const listening = await new Promise<boolean>((done) => {
      server.once('error', () => done(false));
      server.listen({ port, host, ipv6Only: host === '::' }, () => done(true));
    });
    if (!listening) continue;
    port ||= (server.address() as AddressInfo).port;
    onTestFinished(() => void server.close());
  }
  return { port, connections: () => connections };
}

const strict = { allowance: {}, secure: true, at: 'nodes.shop.webhook' };
const lax = { allowance: { allowHttp: true }, secure: false, at: 'nodes.shop.webhook' };

async function post(
  url: URL,
  { resolve, allowance = lax.allowance }: { resolve?: Resolve; allowance?: object } = {},
): Promise<unknown> {
  const dialer = createDialer(resolve && { resolve });
  const abort = new AbortController();
  const destination = { allowance, secure: url.protocol === 'https:', at: strict.at };
  try {
    return await dialer.post({
      url,
      headers: {},
      body: new Uint8Array(),
      destination,
      timeoutMs: 2_000,
      signal: abort.signal,
    });
  } catch (error) {
    return error;
  } finally {
    dialer.close();
  }
}

describe('an address that must not be reached', () => {
  it('is not, however it is spelt: literals are refused when they are configured and when they are dialled', async () => {
    const { port, connections } = await canary();
    expect(spellings.length).toBeGreaterThanOrEqual(60);
    for (const host of spellings) {
      for (const scheme of ['http', 'https']) {
        const url = new URL(`${scheme}://${host}:${port}/hook`);
        const refused = refuseUrl(url, strict.at, lax.allowance);
        const isName = url.hostname.startsWith('localhost');
        if (!isName) expect(refused, host).toMatchObject({ code: 'NEXUS_ADDRESS_BLOCKED' });
        // What passes for configured, as if it had not been looked at, is stopped by the dialer.
        const { code } = (await post(url)) as { code?: string };
        expect(isName ? ['NEXUS_ADDRESS_BLOCKED', 'ENOTFOUND'] : ['NEXUS_ADDRESS_BLOCKED'], host).toContain(
          code,
        );
      }
    }
    expect(connections()).toBe(0);
    // The canary does sing.
    await post(new URL(`http://127.0.0.1:${port}/`), { allowance: { allowPrivateNetwork: true } });
    expect(connections()).toBe(1);
  });

  it.each(illegal)('%s is no URL', (host) => {
    expect(URL.canParse(`http://${host}/`)).toBe(false);
  });

  it('is not behind a name: all that it resolves to is looked at, and what was looked at is dialled', async () => {
    const { port, connections } = await canary();
    const answers: LookupAddress[][] = [
      [{ address: '127.0.0.1', family: 4 }],
      [{ address: '::1', family: 6 }],
      [{ address: '::ffff:127.0.0.1', family: 6 }],
      [{ address: '64:ff9b::7f00:1', family: 6 }],
      [{ address: 'fe80::1%lo', family: 6 }],
      [
        { address: '8.8.8.8', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ],
      [
        { address: '127.0.0.1', family: 4 },
        { address: '8.8.8.8', family: 4 },
      ],
      [],
    ];
    for (const addresses of answers) {
      const resolve: Resolve = (_, __, callback) => callback(null, addresses);
      const error = await post(new URL(`http://rebind.example.com:${port}/`), { resolve });
      expect(error).toMatchObject(
        addresses.length > 0 ? { code: 'NEXUS_ADDRESS_BLOCKED' } : { message: /no address/ },
      );
    }
    expect(connections()).toBe(0);
  });

  it('is not when the name is another one by the time it is dialled', async () => {
    const { port, connections } = await canary();
    let asked = 0;
    // Public when it is asked first, loopback from then on: whoever asks twice is caught.
    const resolve: Resolve = (_, __, callback) =>
      callback(null, [{ address: (asked += 1) === 1 ? '192.0.3.1' : '127.0.0.1', family: 4 }]);
    const first = post(new URL(`http://rebind.example.com:${port}/`), { resolve });
    const outcome = await Promise.race([
      first,
      new Promise((late) => setTimeout(() => late('dialled the one that was checked'), 300)),
    ]);
    expect(
      outcome === 'dialled the one that was checked' || (outcome as { code?: string }).code !== undefined,
    ).toBe(true);
    expect([asked, connections()]).toEqual([1, 0]);
    await first;
  });

  it('is sent nothing where a socket finds itself there after all', async () => {
    let bytes = 0;
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('data', (chunk) => (bytes += chunk.length)).on('error', () => undefined);
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    let looks = 0;
    const resolve: Resolve = (_, __, callback) =>
      callback(null, [
        {
          family: 4,
          get address() {
            return (looks += 1) === 1 ? '8.8.8.8' : '127.0.0.1';
          },
        },
      ]);
    expect(await post(new URL(`http://rebind.example.com:${port}/`), { resolve })).toMatchObject({
      code: 'NEXUS_ADDRESS_BLOCKED',
    });
    expect([connections <= 1, bytes]).toEqual([true, 0]);
  });
});

describe('a name that nobody resolves', () => {
  it('ends at the deadline, and is not posted to when it is resolved later', async () => {
    const clock = createTestClock();
    const late: (() => void)[] = [];
    const { port, connections } = await canary();
    const resolve: Resolve = (_, __, callback) =>
      void late.push(() => callback(null, [{ address: '127.0.0.1', family: 4 }]));
    const dialer = createDialer({ resolve });
    onTestFinished(() => dialer.close());
    const node = {
      secrets: ['s'.repeat(32)],
      webhook: { url: `http://slow.example.com:${port}/`, allowPrivateNetwork: true, timeoutMs: 300_000 },
    };
    const target = targetOf(toMember('shop', node, sha256));
    if (!target) throw new Error('there is no target');
    const exchange = createExchange({ dialer, clock, hmac: hmacSha256 });
    const message = messageOf({ id: 'i', type: 'A', payload: {}, timestamp: 0, seq: 1, source: 's' });
    const exchanged = exchange({ target, message, delivery: 'd', abort: new AbortController() });
    while (late.length === 0) await turns(1);
    await clock.advance(300_000);
    expect(await exchanged).toMatchObject({
      status: undefined,
      ms: 300_000,
      error: { code: 'NEXUS_ENDPOINT_FAILED' },
    });
    expect(clock.timers()).toBe(0);
    for (const each of late) each();
    await turns(50);
    expect(connections()).toBeLessThanOrEqual(1);
  });
});

describe('what may be dialled', () => {
  it.each<[string, object, boolean, RegExp | undefined]>([
    ['8.8.8.8', {}, true, undefined],
    ['2606:4700::1', {}, true, undefined],
    ['8.8.8.8', {}, false, /allowHttp/],
    ['8.8.8.8', { allowHttp: true }, false, undefined],
    ['8.8.8.8', { allowPrivateNetwork: true }, false, /allowHttp/],
    ['10.0.0.1', {}, true, /allowPrivateNetwork/],
    ['10.0.0.1', { allowHttp: true }, false, /allowPrivateNetwork/],
    ['10.0.0.1', { allowPrivateNetwork: true }, false, undefined],
    ['127.0.0.1', { allowPrivateNetwork: true }, true, undefined],
    ['::ffff:127.0.0.1', { allowPrivateNetwork: true }, true, undefined],
    ['::1', { allowPrivateNetwork: true }, true, undefined],
    ['fd00::1', { allowPrivateNetwork: true }, true, undefined],
    ['169.254.169.254', { allowPrivateNetwork: true, allowHttp: true }, true, /no option/],
    ['fd00:ec2::254', { allowPrivateNetwork: true, allowHttp: true }, true, /no option/],
    ['100.100.100.200', { allowPrivateNetwork: true }, true, /no option/],
    ['fe80::1%eth0', { allowPrivateNetwork: true }, true, /no option/],
    ['::127.0.0.1', { allowPrivateNetwork: true }, true, /no option/],
    ['not an address', { allowPrivateNetwork: true }, true, /no option/],
  ])('%s with %j', (address, allowance, secure, refused) => {
    const error = refuseAddress(address, { allowance, secure, at: strict.at });
    if (!refused) expect(error).toBeUndefined();
    else
      expect(error).toMatchObject({
        code: 'NEXUS_ADDRESS_BLOCKED',
        message: expect.stringMatching(refused) as string,
      });
  });
});

describe('the classifier', () => {
  const word = fc.integer({ min: 0, max: 0xffff });
  const v4 = fc.oneof(
    fc.ipV4(),
    fc
      .tuple(
        fc.constantFrom(0, 10, 100, 127, 168, 169, 172, 192, 198, 203, 224, 240, 255),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
      )
      .map((all) => all.join('.')),
  );
  const v6 = fc
    .oneof(
      fc.array(word, { minLength: 8, maxLength: 8 }),
      fc
        .tuple(
          fc.constantFrom(
            0,
            0x64,
            0x100,
            0x2000,
            0x2001,
            0x2002,
            0x2620,
            0x3fff,
            0x5f00,
            0xfc00,
            0xfd00,
            0xfe80,
            0xfec0,
            0xff02,
          ),
          fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 0xdb8, 0xff9b, 0xffff, 0x4f, 0x8000), word), {
            minLength: 7,
            maxLength: 7,
          }),
        )
        .map(([first, rest]) => [first, ...rest]),
    )
    .map((groups) => groups.map((group) => group.toString(16)).join(':'));

  it('never allows what ipaddr.js and request-filtering-agent deny: 100,000 addresses', () => {
    let allowed = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          v4,
          v6,
          v4.map((each) => `::ffff:${each}`),
        ),
        (text) => {
          const parsed = parseAddress(text);
          if (!parsed) throw new Error(`${text} was not read`);
          if (scopeOf(parsed).scope !== 'public') return;
          allowed += 1;
          // As request-filtering-agent decides: nothing but unicast. It takes mapped addresses for what they map.
          const other = ipaddr.process(text);
          if (other.range() !== 'unicast') throw new Error(`${text} is ${other.range()} for ipaddr.js`);
        },
      ),
      { numRuns: 100_000 },
    );
    expect(allowed).toBeGreaterThan(20_000);
  }, 60_000);

  it('denies what the agent itself denies, dialled through it', async () => {
    for (const host of [
      '127.0.0.1',
      '10.1.2.3',
      '169.254.169.254',
      '192.168.1.1',
      '[::1]',
      '[fc00::1]',
      '[::ffff:127.0.0.1]',
    ]) {
      const agent = new RequestFilteringHttpAgent() as HttpAgent;
      const denied = await new Promise<boolean>((done) => {
        const request = httpRequest(`http://${host}:9/`, { agent }, () => done(false));
        request.on('error', ({ message }) => done(message.includes('is not allowed')));
        request.end();
      });
      const bare = host.replace(/[[\]]/g, '');
      expect([denied, refuseAddress(bare, lax)?.code], host).toEqual([true, 'NEXUS_ADDRESS_BLOCKED']);
    }
  });

  it('reads addresses as node:net does', () => {
    const odd = fc.string({
      unit: fc.constantFrom(
        '0',
        '1',
        '9',
        'f',
        'A',
        ':',
        '::',
        '.',
        '255',
        '256',
        '01',
        'ffff',
        '12345',
        'g',
        '%',
      ),
      maxLength: 20,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          odd,
          v4,
          v6,
          fc.ipV6(),
          odd.map((each) => `::${each}`),
        ),
        (text) => {
          if (text.includes('%') || /^[\d.]+:\d{1,5}$/.test(text)) return;
          expect(parseAddress(text) !== undefined).toBe(isIPv4(text) || isIPv6(text));
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
