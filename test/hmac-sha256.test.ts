import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmacSha256 } from '../src/hmac-sha256.js';

function ofNode(key: string | Uint8Array, ...parts: readonly Uint8Array[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('hmacSha256', () => {
  it('is what Node says it is', () => {
    const key = fc.oneof(fc.uint8Array({ maxLength: 130 }), fc.string({ unit: 'binary', maxLength: 70 }));
    const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 });
    fc.assert(
      fc.property(key, parts, (secret, said) => {
        expect(hex(hmacSha256(secret, ...said))).toBe(ofNode(secret, ...said));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is so at every length about a block, and of what is long', () => {
    for (const length of [0, 1, 31, 32, 63, 64, 65, 128]) {
      const key = Buffer.alloc(length, 0xa5);
      for (const size of [0, 55, 56, 64, 16_383, 16_384, 16_385, 100_000]) {
        const said = Buffer.alloc(size, 7);
        expect(hex(hmacSha256(key, said))).toBe(ofNode(key, said));
        expect(hex(hmacSha256(key, said, said))).toBe(ofNode(key, said, said));
      }
    }
  });

  it('leaves what it gave before as it was, and keeps nothing of it', () => {
    const [long, short] = [Buffer.alloc(300, 1), Buffer.from('short')];
    const first = hmacSha256('one secret', long);
    const second = hmacSha256('another secret', short);
    expect(hex(first)).toBe(ofNode('one secret', long));
    expect(hex(second)).toBe(ofNode('another secret', short));
  });
});
