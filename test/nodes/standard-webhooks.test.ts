import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { proveStandard } from '../../proof/signatures.js';
import { hmacSha256 as hmac } from '../../src/hmac-sha256.js';
import { isBrokenStandardKey, signStandard, standardWebhooks } from '../../src/nodes/standard-webhooks.js';

const scheme = standardWebhooks();
const bytes = (text: string): Buffer => Buffer.from(text);

type Headers = Record<string, string | undefined>;
const accepts = (headers: Headers, body: string, secret: string, now: number): boolean =>
  scheme.verify({ body: bytes(body), header: (name) => headers[name], secret, hmac, now });

describe('the published vectors of Standard Webhooks', () => {
  // From the test suite of the reference libraries.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const timestamp = '1614265330';
  const body = '{"test": 2432232314}';
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature };
  const then = Number(timestamp) * 1_000;

  it('is what we sign', () => {
    expect(signStandard({ id, timestamp, body: bytes(body) }, secret, hmac)).toBe(signature);
  });

  it('is what we verify, at its time and five minutes around', () => {
    for (const off of [0, 300_000, -300_000]) expect(accepts(headers, body, secret, then + off)).toBe(true);
    for (const off of [300_001, -300_001, 86_400_000])
      expect(accepts(headers, body, secret, then + off)).toBe(false);
  });

  it('is found among others, in any place', () => {
    const others = [
      'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=',
      'v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=',
      'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
    ];
    for (let place = 0; place <= others.length; place++) {
      const list = others.toSpliced(place, 0, signature).join(' ');
      expect(accepts({ ...headers, 'webhook-signature': list }, body, secret, then)).toBe(true);
    }
    expect(accepts({ ...headers, 'webhook-signature': others.join(' ') }, body, secret, then)).toBe(false);
  });

  it.each<[string, Headers]>([
    ['another id', { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJel' }],
    ['no id', { 'webhook-id': undefined }],
    ['an empty id', { 'webhook-id': '' }],
    ['the id twice', { 'webhook-id': `${id}, ${id}` }],
    ['no time', { 'webhook-timestamp': undefined }],
    ['a time with a sign', { 'webhook-timestamp': `+${timestamp}` }],
    ['a time with a fraction', { 'webhook-timestamp': `${timestamp}.0` }],
    ['a time in hex', { 'webhook-timestamp': `0x${Number(timestamp).toString(16)}` }],
    ['a time with white space', { 'webhook-timestamp': ` ${timestamp}` }],
    ['no signature', { 'webhook-signature': undefined }],
    ['a signature without its version', { 'webhook-signature': signature.slice(3) }],
    ['a signature of another version', { 'webhook-signature': signature.replace('v1', 'v2') }],
    ['the version in upper case', { 'webhook-signature': signature.replace('v1', 'V1') }],
    ['something after it', { 'webhook-signature': `${signature}zz` }],
    ['a comma after it', { 'webhook-signature': `${signature}, ${signature}` }],
    ['two spaces', { 'webhook-signature': `${signature}  ${signature}` }],
    ['base64 that decodes to the same', { 'webhook-signature': signature.replace('1OE=', '1OF=') }],
    ['base64url', { 'webhook-signature': signature.replace('+', '-').replace('/', '_') }],
    ['hex', { 'webhook-signature': `v1,${Buffer.from(signature.slice(3), 'base64').toString('hex')}` }],
    ['a right one behind sixteen others', { 'webhook-signature': `${'v1,AAAA '.repeat(16)}${signature}` }],
  ])('does not pass with %s', (_what, change) => {
    expect(accepts({ ...headers, ...change }, body, secret, then)).toBe(false);
  });
});

describe('Standard Webhooks', () => {
  it('signs as the package does, and verifies nothing that was changed by a byte', () => {
    expect(proveStandard({ messages: 1_000 })).toEqual({
      messages: 1_000,
      different: 0,
      refused: 0,
      mutants: 1_000,
      accepted: 0,
    });
  });

  it('takes whatever id and body the package signs', () => {
    const secret = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;
    const id = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((unit) => String.fromCharCode(unit)),
      minLength: 1,
      maxLength: 100,
    });
    fc.assert(
      fc.property(id, fc.string({ unit: 'binary' }), fc.nat(2 ** 31), (name, body, time) => {
        const signature = new Webhook(secret).sign(name, new Date(time * 1_000), body);
        const headers = {
          'webhook-id': name,
          'webhook-timestamp': String(time),
          'webhook-signature': signature,
        };
        expect(accepts(headers, body, secret, time * 1_000)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('takes the bytes of a secret that is no whsec_ one', () => {
    const secret = 'a plain secret of more than 16 bytes';
    const message = { id: 'm', timestamp: '5', body: bytes('{}') };
    const expected = createHmac('sha256', secret).update('m.5.{}').digest('base64');
    expect(signStandard(message, secret, hmac)).toBe(`v1,${expected}`);
  });

  it.each([
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', false],
    ['whsec_', false],
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS', true],
    ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_', true],
    ['whsec_=AAA', true],
    ['plain', false],
  ])('says of the secret %s whether it is broken: %s', (secret, broken) => {
    expect(isBrokenStandardKey(secret)).toBe(broken);
  });
});
