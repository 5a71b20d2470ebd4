/**
 * Dedupe keys that are a fingerprint of bytes (`b:` and 128 bits in hex), as numbers. Every signed request leaves one and they
 * come in no order, so each is written to another page of its table: as a row of numbers it takes half the room.
 */
import { hash } from 'node:crypto';

/** 52 bits by which it is found and 48 that tell it from others of the same number: both exact as a double. */
export type Fingerprint = { readonly number: number; readonly rest: number };

/** `b:` and 32 digits. */
const LENGTH = 34;
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
    if (key.length !== LENGTH || !key.startsWith('b:')) return undefined;
    const high = digitsAt(key, 2, 5);
    const low = digitsAt(key, 7, 8);
    const restHigh = digitsAt(key, 15, 4);
    const restLow = digitsAt(key, 19, 8);
    // What is not a digit is NaN, and all that is made of it. The last digits are not kept, but they must be some.
    if (Number.isNaN(high + low + restHigh + restLow + digitsAt(key, 27, 7))) return undefined;
    const [forNumber, forRest] = bitsOf(source);
    return {
      number: high * LOW_BITS + ((low ^ forNumber) >>> 0),
      rest: restHigh * LOW_BITS + ((restLow ^ forRest) >>> 0),
    };
  };
}

/** Lower-case hex digits as a number, NaN where there are others. (A regular expression and `parseInt` take a µs for a key.) */
function digitsAt(key: string, start: number, length: number): number {
  let value = 0;
  for (let i = start; i < start + length; i++) {
    const unit = key.charCodeAt(i);
    if (unit >= 0x30 && unit <= 0x39) value = value * 16 + unit - 0x30;
    else if (unit >= 0x61 && unit <= 0x66) value = value * 16 + unit - 0x57;
    else return NaN;
  }
  return value;
}
