import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalsHex, hexOf } from '../../src/nodes/constant-time.js';

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });

describe('equalsHex', () => {
  it('is true for what hexOf writes, which is what Node writes', () => {
    fc.assert(
      fc.property(bytes, (given) => {
        const hex = Buffer.from(given).toString('hex');
        expect([hexOf(given), equalsHex(given, hex)]).toEqual([hex, true]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is false for any other text', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), fc.nat(65_535), (given, at, unit) => {
        const hex = hexOf(given);
        const place = at % hex.length;
        const other = hex.slice(0, place) + String.fromCharCode(unit) + hex.slice(place + 1);
        expect(equalsHex(given, other)).toBe(other === hex);
        for (const wrong of ['', hex.slice(1), `${hex}0`, hex + hex, hex.toUpperCase()])
          expect(equalsHex(given, wrong)).toBe(wrong === hex);
      }),
      { numRuns: 1_000 },
    );
  });
});
