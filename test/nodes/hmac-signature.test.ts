import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmacSha256 as hmac } from '../../src/hmac-sha256.js';
import { hmacSignature, type HmacSignatureOptions } from '../../src/nodes/hmac-signature.js';

const secret = 'a secret of more than 16 bytes';
const body = Buffer.from('{"a":1}');
const mac = (encoding: 'hex' | 'base64'): string =>
  createHmac('sha256', secret).update(body).digest(encoding);

const accepts = (options: HmacSignatureOptions, value: string | undefined): boolean =>
  hmacSignature(options).verify({
    body,
    secret,
    hmac,
    now: 0,
    header: (name) => (name === options.header ? value : undefined),
  });

describe('hmacSignature', () => {
  it('verifies the vector that GitHub publishes', () => {
    const verified = hmacSignature({ header: 'X-Hub-Signature-256', prefix: 'sha256=' }).verify({
      body: Buffer.from('Hello, World!'),
      secret: "It's a Secret to Everybody",
      hmac,
      now: 0,
      header: () => 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    });
    expect(verified).toBe(true);
  });

  it('takes hex and base64, with a prefix of any characters', () => {
    expect(accepts({ header: 'X-Sig' }, mac('hex'))).toBe(true);
    expect(accepts({ header: 'X-Sig', encoding: 'base64' }, mac('base64'))).toBe(true);
    expect(accepts({ header: 'X-Sig', encoding: 'base64' }, mac('hex'))).toBe(false);
    expect(accepts({ header: 'X-Sig' }, mac('base64'))).toBe(false);
    for (const prefix of ['v1=', 'a.b*(c)+[d]\\^$ ', 't|x?']) {
      expect(accepts({ header: 'X-Sig', prefix }, prefix + mac('hex'))).toBe(true);
      expect(accepts({ header: 'X-Sig', prefix }, mac('hex'))).toBe(false);
      expect(accepts({ header: 'X-Sig', prefix: '.'.repeat(prefix.length) }, prefix + mac('hex'))).toBe(
        false,
      );
    }
  });

  it('takes nothing else', () => {
    const options: HmacSignatureOptions[] = [{ header: 'X-Sig' }, { header: 'X-Sig', encoding: 'base64' }];
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom(...options), (before, after, how) => {
        const right = mac(how.encoding ?? 'hex');
        fc.pre(before !== '' || after !== '');
        expect(accepts(how, before + right + after)).toBe(false);
        expect(accepts(how, before)).toBe(false);
      }),
      { numRuns: 500 },
    );
    expect(accepts({ header: 'X-Sig' }, undefined)).toBe(false);
  });

  it.each<[string, object]>([
    ['no header', {}],
    ['a header with a space', { header: 'X Sig' }],
    ['a header with a line end', { header: 'X-Sig\r\n' }],
    ['a prefix with a line end', { header: 'X-Sig', prefix: 'a\n' }],
    ['an unknown encoding', { header: 'X-Sig', encoding: 'base32' }],
  ])('refuses %s', (_what, options) => {
    expect(() => hmacSignature(options as HmacSignatureOptions)).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
    );
  });
});
