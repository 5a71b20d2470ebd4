import fc from 'fast-check';
import { BlockList, isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createClientAddress } from '../../src/core/client-address.js';
import { clientKey, formatAddress, isWithin, parseAddress, parseRange } from '../../src/core/ip-address.js';

const key = (text: string): string => {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return clientKey(address).join('/');
};

describe('an address', () => {
  it.each([
    ['203.0.113.7', '::ffff:203.0.113.7'],
    ['203.0.113.7', '::ffff:cb00:7107'],
    ['203.0.113.7', '0:0:0:0:0:FFFF:203.0.113.7'],
    ['203.0.113.7', '203.0.113.7:4711'],
    ['203.0.113.7', ' 203.0.113.7 '],
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
    ['2001:db8:1:2::1', '2001:DB8:0001:0002::'],
    ['2001:db8:1:2::1', '[2001:db8:1:2::9]:443'],
    ['fe80::1%eth0', 'fe80::2'],
  ])('%s is the client of %s', (one, other) => {
    expect(key(one)).toBe(key(other));
  });

  it.each([
    ['203.0.113.7', '203.0.113.8'],
    ['2001:db8:1:2::1', '2001:db8:1:3::1'],
    ['2001:db8:1:2::1', '2001:db9:1:2::1'],
    ['203.0.113.7', '2001:db8::1'],
    ['1.0.0.0', '0.0.0.1'],
  ])('%s is another client than %s', (one, other) => {
    expect(key(one)).not.toBe(key(other));
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '256.1.1.1',
    '0x7f.1',
    '2130706433',
    '1.2.3.4:',
    '1.2.3.4:123456',
    '::g',
    ':::',
    '[::1',
    '1.2.3.4, 5.6.7.8',
    '::1/64',
    'localhost',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('is the same when it is written and read again', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        if (!address) throw new Error(`${text} is no address`);
        expect(isIP(formatAddress(address))).not.toBe(0);
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
    expect(
      ['::ffff:1.2.3.4', '2001:db8::1'].map((text) => formatAddress(parseAddress(text) ?? [0, 0, 0, 0])),
    ).toEqual(['1.2.3.4', '2001:db8:0:0:0:0:0:1']);
  });
});

describe('a range', () => {
  it('holds what node:net says it holds', () => {
    const cases = fc.oneof(
      fc.tuple(fc.ipV4(), fc.nat(32), fc.ipV4(), fc.constant('ipv4' as const)),
      fc.tuple(fc.ipV6(), fc.nat(128), fc.ipV6(), fc.constant('ipv6' as const)),
    );
    fc.assert(
      fc.property(cases, fc.boolean(), ([base, bits, other, family], near) => {
        const range = parseRange(`${base}/${bits}`);
        const text = near ? base : other;
        const address = parseAddress(text);
        if (!range || !address) throw new Error('not parsed');
        // node:net takes mapped addresses for IPv4 ones in some of its versions.
        fc.pre(family === 'ipv4' || !(base + text).toLowerCase().includes('ffff:'));
        const list = new BlockList();
        list.addSubnet(base, bits, family);
        expect(isWithin(range, address)).toBe(list.check(text, family));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['10.0.0.0/33', '::/129', '10.0.0.0/', '/8', '10.0.0.0/8/8', 'all', '10.0.0.0/-1'])(
    'is not %j',
    (text) => {
      expect(parseRange(text)).toBeUndefined();
    },
  );
});

describe('whose request it is', () => {
  const client = (
    trust: number | string[],
    peer: string | undefined,
    forwarded?: string,
  ): string | undefined => {
    const address = createClientAddress(trust)(peer, forwarded);
    return address && formatAddress(address);
  };
  const proxies = ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'];

  it.each<[number | string[], string | undefined, string | undefined, string | undefined]>([
    [0, '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    [0, '::ffff:9.9.9.9', undefined, '9.9.9.9'],
    [1, '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    [1, '10.0.0.1', undefined, '10.0.0.1'],
    [2, '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
    [2, '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    [1, undefined, '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    [0, undefined, '1.1.1.1', undefined],
    [1, '10.0.0.1', '6.6.6.6, garbage', '10.0.0.1'],
    [2, '10.0.0.1', 'garbage, 10.0.0.2', '10.0.0.2'],
    [1, '10.0.0.1', '', '10.0.0.1'],
    [1, '10.0.0.1', '1.1.1.1,', '10.0.0.1'],
    [1, '10.0.0.1', '1.1.1.1:5555', '1.1.1.1'],
    [1, '10.0.0.1', '[2001:db8::1]:5555', '2001:db8:0:0:0:0:0:1'],
    [proxies, '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    [proxies, '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.1.1.1, 127.0.0.1', '1.1.1.1'],
    [proxies, '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    [proxies, '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
    [proxies, 'fd00::1', '1.1.1.1', '1.1.1.1'],
    [proxies, '10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2'],
    [[], '10.0.0.1', '1.1.1.1', '10.0.0.1'],
  ])('trusting %j, from %s with %j, is %s', (trust, peer, forwarded, expected) => {
    expect(client(trust, peer, forwarded)).toBe(expected);
  });

  it.each<unknown>([-1, 1.5, 101, NaN, 'all', true, ['10.0.0.0/33'], ['all'], [5], null])(
    'cannot be told trusting %j',
    (trust) => {
      expect(() => createClientAddress(trust as number)).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
      );
    },
  );

  it('cannot be forged in front of what the proxy wrote', () => {
    const anything = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), { maxLength: 10 });
    fc.assert(
      fc.property(anything, (forged) => {
        expect(client(1, '10.0.0.1', [...forged, '1.1.1.1'].join(', '))).toBe('1.1.1.1');
        expect(client(0, '9.9.9.9', forged.join(', '))).toBe('9.9.9.9');
      }),
    );
  });
});

describe('a client', () => {
  it('is whoever asks, whoever asked before', () => {
    const clientOf = createClientAddress(1);
    const peers = ['203.0.113.7', '203.0.113.7', '2001:db8::1', 'nobody', undefined, '203.0.113.7'];
    expect(peers.map((peer) => clientOf(peer, undefined))).toEqual(
      peers.map((peer) => (peer === undefined ? undefined : parseAddress(peer))),
    );
    expect(clientOf('203.0.113.7', '198.51.100.1')).toEqual(parseAddress('198.51.100.1'));
    expect(clientOf('203.0.113.7', undefined)).toEqual(parseAddress('203.0.113.7'));
  });
});
