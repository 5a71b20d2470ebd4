/**
 * Dedupe keys that are a fingerprint of bytes (`b:` and 128 bits in hex), as numbers. Every signed request leaves one and they
 * come in no order, so each is written to another page of its table: as a row of numbers it takes half the room.
 */
import { hash } from 'node:crypto';

/** 52 bits by which it is found and 48 that tell it from others of the same number: both exact as a double. */
export type Fingerprint = { readonly number: number; readonly rest: number };

const FINGERPRINT = /^b:[0-9a-f]{32}$/;
const LOW_BITS = 2 ** 32;

/**
 * The same bytes are another key for every source: their low bits are mixed with a hash of its name. What is stored follows
 * this, so it stays as it is. Undefined for every other kind of key.
 */
export function createFingerprints(): (source: string, key: string) => Fingerprint | undefined {
  const bySource = new Map<string, readonly [number, number]>();
  const bitsOf = (source: string): readonly [number, number] => {
    const known = bySource.get(source);
    if (known) return known;
    const digest = hash('sha256', source, 'hex');
    const bits = [parseInt(digest.slice(0, 8), 16), parseInt(digest.slice(8, 16), 16)] as const;
    bySource.set(source, bits);
    return bits;
  };
  return (source, key) => {
    if (!FINGERPRINT.test(key)) return undefined;
    const [forNumber, forRest] = bitsOf(source);
    return { number: mixed(key, 2, 7, forNumber), rest: mixed(key, 15, 19, forRest) };
  };
}

/** Digits from `start` to `middle` as they are, and eight more whose bits are mixed. */
function mixed(key: string, start: number, middle: number, bits: number): number {
  const low = (parseInt(key.slice(middle, middle + 8), 16) ^ bits) >>> 0;
  return parseInt(key.slice(start, middle), 16) * LOW_BITS + low;
}
