/** Addresses as numbers: one however it is written. */

/** 128 bits as four words; IPv4 is `::ffff:a.b.c.d`. */
export type Address = readonly [number, number, number, number];

/** A range of addresses. */
export type AddressRange = { readonly base: Address; readonly bits: number };

const MAPPED = 0xffff;

/** An address, with or without brackets, port or zone; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const trimmed = text.trim();
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(trimmed)?.[1] ?? trimmed;
  const v4 = /^([\d.]+):\d{1,5}$/.exec(bare)?.[1] ?? bare;
  if (isIPv4(v4)) return [0, 0, MAPPED, wordOf(v4)];
  const [address = ''] = bare.split('%', 1);
  return parseIPv6(address);
}

/** An address or a range in CIDR notation. */
export function parseRange(text: string): AddressRange | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const base = parseAddress(address);
  if (!base) return undefined;
  const isV4 = isMapped(base) && !address.includes(':');
  const most = isV4 ? 32 : 128;
  const given = length === undefined ? most : Number(length);
  return given > most ? undefined : { base, bits: isV4 ? given + 96 : given };
}

export function isWithin({ base, bits }: AddressRange, address: Address): boolean {
  return base.every((word, i) => {
    const counted = Math.min(32, Math.max(0, bits - i * 32));
    const mask = counted === 0 ? 0 : (-1 << (32 - counted)) >>> 0;
    return (word & mask) === ((address[i] ?? 0) & mask);
  });
}

/** Who a bucket belongs to: an IPv4 address, or the /64 of an IPv6 address, of which one client has 2^64. */
export function clientKey(address: Address): readonly [high: number, low: number] {
  return isMapped(address) ? [0, address[3]] : [address[0], address[1]];
}

export function formatAddress(address: Address): string {
  const parts = (word: number, bits: 8 | 16): number[] =>
    Array.from({ length: 32 / bits }, (_, i) => (word >>> (32 - bits * (i + 1))) & (2 ** bits - 1));
  if (isMapped(address)) return parts(address[3], 8).join('.');
  return address.flatMap((word) => parts(word, 16).map((group) => group.toString(16))).join(':');
}

function isMapped(address: Address): boolean {
  return address[0] === 0 && address[1] === 0 && address[2] === MAPPED;
}

/** Eight groups, the last two as an IPv4 address. */
const LONGEST_IPV6 = 45;

const dottedQuad = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

function isIPv4(text: string): boolean {
  return dottedQuad.test(text);
}

function parseIPv6(text: string): Address | undefined {
  if (text.length > LONGEST_IPV6) return undefined;
  // The tail may be an IPv4 address in dots: two groups.
  const dotted = /^(.*:)([\d.]*\.[\d.]*)$/.exec(text);
  if (dotted && !isIPv4(dotted[2] ?? '')) return undefined;
  const tail = dotted ? wordOf(dotted[2] ?? '') : undefined;
  const plain =
    tail === undefined
      ? text
      : `${dotted?.[1] ?? ''}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`;
  const [head = '', rest, more] = plain.split('::');
  const left = groupsOf(head);
  const right = rest === undefined ? [] : groupsOf(rest);
  const count = left.length + right.length;
  // `::` stands for at least one group.
  const whole = rest === undefined ? count === 8 : count < 8 && more === undefined;
  if (!whole || [...left, ...right].some(Number.isNaN)) return undefined;
  const groups = [...left, ...Array<number>(8 - count).fill(0), ...right];
  const word = (i: number): number => (((groups[i] ?? 0) << 16) | (groups[i + 1] ?? 0)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').map((group) => (/^[\da-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : NaN));
}

function wordOf(dotted: string): number {
  return dotted.split('.').reduce((word, part) => word * 256 + Number(part), 0);
}
