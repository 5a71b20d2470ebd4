import { describe, expect, it } from 'vitest';
import { createFingerprints } from '../../src/storage/sqlite/fingerprint.js';

const digits = '0123456789abcdef0123456789abcdef';

describe('fingerprints as numbers', () => {
  const fingerprintOf = createFingerprints();

  it('are what databases have stored since schema 3', () => {
    expect(fingerprintOf('flowpay', `b:${digits}`)).toEqual({
      number: 20_018_755_557_844,
      rest: 245_124_110_761_053,
    });
    // The first 52 bits are the number but for what the source adds to its lower 32; the next 48 are the rest, likewise.
    expect(Math.floor(20_018_755_557_844 / 2 ** 32)).toBe(0x01234);
    expect(Math.floor(245_124_110_761_053 / 2 ** 32)).toBe(0xdef0);
  });

  it('differ by source', () => {
    const one = fingerprintOf('flowpay', `b:${digits}`);
    const other = fingerprintOf('neobot', `b:${digits}`);
    expect(one?.number).not.toBe(other?.number);
    expect(one?.rest).not.toBe(other?.rest);
  });

  it('are exact as doubles, up to the highest', () => {
    const highest = fingerprintOf('flowpay', `b:${'f'.repeat(32)}`);
    expect(Number.isSafeInteger(highest?.number)).toBe(true);
    expect(Number.isSafeInteger(highest?.rest)).toBe(true);
  });

  it('are made of nothing but `b:` and 32 lower-case hex digits', () => {
    const other = [
      `k:${digits}`,
      `B:${digits}`,
      `b:${digits}0`,
      `b:${digits.slice(1)}`,
      `b:${digits}/60000/28`,
      'b:',
      '',
    ];
    for (const key of other) expect(fingerprintOf('flowpay', key), key).toBeUndefined();
    // Taken for a digit, one of these would be the key of another body.
    for (let place = 0; place < digits.length; place++)
      for (const wrong of ['/', ':', '`', 'g', 'A', 'F', ' ', 'é']) {
        const key = `b:${digits.slice(0, place)}${wrong}${digits.slice(place + 1)}`;
        expect(fingerprintOf('flowpay', key), key).toBeUndefined();
      }
  });
});
