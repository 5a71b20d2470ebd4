import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flawOf } from '../../src/core/json-text.js';

describe('flawOf', () => {
  it.each([
    ['{"a":1,"a":2}', 'repeated_key'],
    ['{"a":1,"\\u0061":2}', 'repeated_key'],
    ['{"b":{"a":1,"c":[1,{"x":"a"}],"a":1}}', 'repeated_key'],
    ['[{"a":1},{"b":1,"b":1}]', 'repeated_key'],
    ['{"":1,"":2}', 'repeated_key'],
    ['{"__proto__":1}', 'prototype_key'],
    ['{"a":{"\\u005f_proto__":1}}', 'prototype_key'],
    ['{"a":9007199254740993}', 'inexact_number'],
    ['[-12345678901234567890]', 'inexact_number'],
    ['{"a":"x","b":[[[[1]]]]}', 'too_deep'],
  ])('finds in %s: %s', (text, flaw) => {
    expect(flawOf(text, 4)?.flaw).toBe(flaw);
  });

  it.each([
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":"a","c":["a","a","b","b"]}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":"__proto__"}',
    '["__proto__"]',
    '{"a":"9007199254740993"}',
    '{"wei":1000000000000000000,"b":9007199254740992,"c":1.5e300,"d":0.1234567890123456789}',
    '{"a":[],"b":{}}',
    '[[[[]]]]',
    '',
    '"',
    '{',
    '}}}]]]',
    '{"a"',
    '{"\\u00zz":1}',
  ])('finds nothing in %s', (text) => {
    expect(flawOf(text, 4)).toBeUndefined();
  });

  it('finds nothing in what JSON.stringify writes, but for __proto__ and what is deep or large', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 10 }), (text) => {
        const flaw = flawOf(text, 64);
        if (flaw) expect(['prototype_key', 'inexact_number']).toContain(flaw.flaw);
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds a key that is there twice among many, and not one that its neighbours have', () => {
    const object = (keys: number, more = ''): string =>
      `{${Array.from({ length: keys }, (_, i) => `"k${i}":{"k0":1}`).join()}${more}}`;
    for (const keys of [1, 15, 16, 17, 18, 200]) {
      expect(flawOf(`[${object(keys)},${object(keys)},{"a":${object(keys)},"b":1}]`, 64)).toBeUndefined();
      for (const again of [0, keys >> 1, keys - 1])
        expect(flawOf(`{"a":${object(keys)},"b":${object(keys, `,"k${again}":1`)}}`, 64)).toEqual({
          flaw: 'repeated_key',
          at: `k${again}`,
        });
    }
  });

  it('comes back from any text', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      '\\',
      ':',
      ',',
      '1',
      '-',
      'e',
      'a',
      '\\u0061',
      '__proto__',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => void flawOf(pieces.join(''), 8)),
      {
        numRuns: 2_000,
      },
    );
  });
});
