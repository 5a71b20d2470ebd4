/** What an address is for, by the special-purpose registries of IANA (IPv4 and IPv6): the public Internet, or something nearer. */
import { isWithin, parseRange, type Address, type AddressRange } from './ip-address.js';

/**
 * `public`: reached over the Internet. `private`: this host or its network, for who is allowed there. `never`: nothing that
 * a request from outside may ever name: metadata services of clouds, link-local, multicast, tunnels, reserved.
 */
export type AddressScope = {
  readonly scope: 'public' | 'private' | 'never';
  /** What it is called. */
  readonly name: string;
};

/** The first range that an address is in says what it is. */
export function scopeOf(address: Address): AddressScope {
  for (const { range, is } of ranges) if (isWithin(range, address)) return is;
  return UNASSIGNED;
}

const UNASSIGNED: AddressScope = { scope: 'never', name: 'unassigned' };

const table: readonly (readonly [cidr: string, scope: AddressScope['scope'], name: string])[] = [
  // In private or public ranges, but they hand out the keys of the host.
  ['169.254.0.0/16', 'never', 'link-local (metadata services)'],
  ['100.100.100.200', 'never', 'metadata service'],
  ['168.63.129.16', 'never', 'metadata service'],
  ['192.0.0.192', 'never', 'metadata service'],
  ['fd00:ec2::254', 'never', 'metadata service'],
  ['fd20:ce::254', 'never', 'metadata service'],

  ['0.0.0.0/8', 'never', 'unspecified'],
  ['10.0.0.0/8', 'private', 'private network'],
  ['100.64.0.0/10', 'private', 'carrier-grade NAT'],
  ['127.0.0.0/8', 'private', 'loopback'],
  ['172.16.0.0/12', 'private', 'private network'],
  ['192.0.0.0/24', 'never', 'protocol assignments'],
  ['192.0.2.0/24', 'never', 'documentation'],
  ['192.31.196.0/24', 'never', 'AS112'],
  ['192.52.193.0/24', 'never', 'AMT'],
  ['192.88.99.0/24', 'never', '6to4 relay'],
  ['192.168.0.0/16', 'private', 'private network'],
  ['192.175.48.0/24', 'never', 'AS112'],
  ['198.18.0.0/15', 'never', 'benchmarking'],
  ['198.51.100.0/24', 'never', 'documentation'],
  ['203.0.113.0/24', 'never', 'documentation'],
  ['224.0.0.0/4', 'never', 'multicast'],
  ['255.255.255.255', 'never', 'broadcast'],
  ['240.0.0.0/4', 'never', 'reserved'],
  // What is left of the mapped ones is the public IPv4 Internet.
  ['::ffff:0:0/96', 'public', 'public'],

  ['::', 'never', 'unspecified'],
  ['::1', 'private', 'loopback'],
  ['::/96', 'never', 'IPv4-compatible'],
  ['64:ff9b::/96', 'never', 'NAT64'],
  ['64:ff9b:1::/48', 'never', 'NAT64'],
  ['100::/64', 'never', 'discard-only'],
  ['2001::/32', 'never', 'Teredo'],
  ['2001::/23', 'never', 'protocol assignments'],
  ['2001:db8::/32', 'never', 'documentation'],
  ['2002::/16', 'never', '6to4'],
  ['2620:4f:8000::/48', 'never', 'AS112'],
  ['3fff::/20', 'never', 'documentation'],
  ['fc00::/7', 'private', 'unique local'],
  ['fe80::/10', 'never', 'link-local'],
  ['fec0::/10', 'never', 'site-local'],
  ['ff00::/8', 'never', 'multicast'],
  // All that is given out; the rest of the space is not.
  ['2000::/3', 'public', 'public'],
];

const ranges: readonly { readonly range: AddressRange; readonly is: AddressScope }[] = table.flatMap(
  ([cidr, scope, name]) => {
    const range = parseRange(cidr);
    return range ? [{ range, is: { scope, name } }] : [];
  },
);
