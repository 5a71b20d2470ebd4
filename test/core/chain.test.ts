import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { GENESIS_HASH, hashEvent, hashPayload, sameContent, utf8Length } from '../../src/core/chain.js';
import fc from 'fast-check';

const sha256 = (text: string) => createHash('sha256').update(text, 'utf8').digest('hex');
const event = {
  id: '0192f3a1-1111-7222-8333-444444444444',
  type: 'PAYMENT_RECEIVED',
  source: 'flowpay',
  timestamp: 1_732_356_000_000,
  correlationId: '0192f3a1-1111-7222-8333-444444444444',
  causationId: null,
  headers: null,
  schemaVersion: 1,
  notBefore: null,
  payloadHash: 'cd'.repeat(32),
};

describe('the hash chain', () => {
  it('is what the row format says, byte for byte', () => {
    const expected =
      'nexus.event.v1\n' +
      GENESIS_HASH +
      '1:7,36:0192f3a1-1111-7222-8333-444444444444,16:PAYMENT_RECEIVED,7:flowpay,13:1732356000000,' +
      '36:0192f3a1-1111-7222-8333-444444444444,0:,0:,1:1,0:,' +
      'cd'.repeat(32);
    expect(hashEvent(sha256, GENESIS_HASH, event, 7)).toBe(sha256(expected));
    // Known answer: a change of the row format would change it, and no released log would verify any more.
    expect(hashEvent(sha256, GENESIS_HASH, event, 7)).toMatchInlineSnapshot(
      `"34230f4158c6597d58e78dcad73c82bae9ddb1bc2f265defed1485c1118babac"`,
    );
    expect(hashPayload(sha256, 'ab'.repeat(16), '{"a":1}')).toBe(sha256('ab'.repeat(16) + '{"a":1}'));
  });

  it('changes with every field', () => {
    const base = hashEvent(sha256, GENESIS_HASH, event, 7);
    const changes = [
      { id: '0192f3a1-1111-7222-8333-444444444445' },
      { type: 'PAYMENT_FAILED' },
      { source: 'other' },
      { timestamp: 1 },
      { correlationId: 'x' },
      { causationId: 'x' },
      { headers: '{}' },
      { schemaVersion: 2 },
      { notBefore: 1 },
      { payloadHash: 'ce'.repeat(32) },
    ];
    const hashes = changes.map((change) => hashEvent(sha256, GENESIS_HASH, { ...event, ...change }, 7));
    expect(
      new Set([
        base,
        ...hashes,
        hashEvent(sha256, 'f'.repeat(64), event, 7),
        hashEvent(sha256, GENESIS_HASH, event, 8),
      ]).size,
    ).toBe(changes.length + 3);
  });

  it('gives two rows the same input only when they are the same', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 6 });
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(text, text, text, (type, source, correlationId) => {
        let input = '';
        hashEvent((said) => (input = said), GENESIS_HASH, { ...event, type, source, correlationId }, 7);
        const fields = JSON.stringify([type, source, correlationId]);
        expect(seen.get(input) ?? fields).toBe(fields);
        seen.set(input, fields);
      }),
      { numRuns: 2_000 },
    );
  });

  it('measures UTF-8 as Node does', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        (text) => utf8Length(text) === Buffer.byteLength(text),
      ),
      { numRuns: 2_000 },
    );
  });

  it('tells same content from other; an erased payload and one of another version contradict nothing', () => {
    const salt = 'ab'.repeat(16);
    const stored = {
      type: 'A',
      schemaVersion: 1,
      salt,
      payloadHash: hashPayload(sha256, salt, '{"a":1}'),
    };
    const same = { type: 'A', schemaVersion: 1, payload: '{"a":1}' };
    const other = { ...same, payload: '{"a":2}' };
    expect(sameContent(sha256, stored, same)).toBe(true);
    expect(sameContent(sha256, stored, other)).toBe(false);
    expect(sameContent(sha256, stored, { ...same, type: 'B' })).toBe(false);
    expect(sameContent(sha256, { ...stored, salt: null }, other)).toBe(true);
    expect(sameContent(sha256, stored, { ...other, schemaVersion: 2 })).toBe(true);
    expect(sameContent(sha256, stored, { ...other, schemaVersion: 2, type: 'B' })).toBe(false);
  });
});
