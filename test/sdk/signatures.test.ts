/** What the SDK signs is what others sign, and what it verifies is nothing else. */
import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { NexusError, signRequest, verifyRequest, type RequestHeaders } from '../../src/sdk/index.js';

const standardSecret = (): string => `whsec_${randomBytes(randomInt(24, 65)).toString('base64')}`;
const hex = (secret: string, body: string | Uint8Array): string =>
  createHmac('sha256', secret).update(body).digest('hex');

const secret = standardSecret();
const event = {
  id: '0190b6a0-0000-7000-8000-000000000001',
  event: 'PAYMENT_RECEIVED',
  payload: { orderId: 'o-1', note: 'olá 🌍' },
  timestamp: '2026-03-01T12:00:00.000Z',
  seq: 7,
  source: 'flowpay',
};
const body = JSON.stringify(event);
const seen = {
  id: event.id,
  seq: 7,
  type: 'PAYMENT_RECEIVED',
  payload: event.payload,
  source: 'flowpay',
  timestamp: Date.parse(event.timestamp),
};

async function refusal(promise: Promise<unknown>): Promise<{ code: string; reason: unknown }> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!NexusError.is(error)) throw new Error('expected a NexusError', { cause: error });
  return { code: error.code, reason: error.details.reason };
}

describe('signRequest', () => {
  it('signs 10,000 random bodies as node:crypto and the package standardwebhooks do', async () => {
    for (let round = 0; round < 100; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const bytes = randomBytes(randomInt(0, 600));
          const content = randomInt(2) === 0 ? bytes.toString('latin1') : bytes;
          const text = typeof content === 'string' ? content : undefined;
          const key = standardSecret();
          const id = `msg_${randomBytes(9).toString('base64url')}`;
          const timestamp = Date.now() + randomInt(-299_000, 299_000);
          const signed = await signRequest(content, key, {
            signatures: ['nexus', 'standard'],
            id,
            timestamp,
          });
          const at = String(Math.floor(timestamp / 1_000));
          const theirs = createHmac('sha256', Buffer.from(key.slice(6), 'base64'))
            .update(`${id}.${at}.`)
            .update(content)
            .digest('base64');
          expect(signed).toEqual({
            'X-Nexus-Signature': hex(key, content),
            'webhook-id': id,
            'webhook-timestamp': at,
            'webhook-signature': `v1,${theirs}`,
          });
          if (text !== undefined)
            expect(signed['webhook-signature']).toBe(new Webhook(key).sign(id, new Date(timestamp), text));
        }),
      );
    }
  });

  it('gives the header of the protocol alone, unless asked', async () => {
    expect(await signRequest(body, 'a plain secret of some length')).toEqual({
      'X-Nexus-Signature': hex('a plain secret of some length', body),
    });
    const named = await signRequest(new TextEncoder().encode(body).buffer, secret, { node: 'flowpay' });
    expect(named).toEqual({ 'X-Nexus-Node': 'flowpay', 'X-Nexus-Signature': hex(secret, body) });
  });

  it('mints an id of its own for each message', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => await signRequest(body, secret, { signatures: ['standard'] })),
    );
    expect(ids[0]?.['webhook-id']).not.toBe(ids[1]?.['webhook-id']);
    new Webhook(secret).verify(body, ids[0] ?? {});
  });

  it.each([undefined, '', 'whsec_***', 7])('refuses the secret %s', async (given) => {
    const message = await signRequest(body, given as string).catch((error: unknown) => error);
    expect(NexusError.is(message, 'NEXUS_INVALID_OPTION')).toBe(true);
  });
});

describe('verifyRequest', () => {
  const now = Date.now();
  const both = async (key = secret, at = now): Promise<Record<string, string>> =>
    await signRequest(body, key, { signatures: ['nexus', 'standard'], timestamp: at });

  it('gives the event of a request that either scheme, or both, proves', async () => {
    const headers = await both();
    const { 'X-Nexus-Signature': neo = '', ...standard } = headers;
    for (const given of [
      headers,
      standard,
      { 'x-nexus-signature': neo },
      { 'X-NEXUS-SIGNATURE': `sha256=${neo}` },
    ])
      expect(await verifyRequest(body, given, secret)).toEqual(seen);
    const theirs = new Webhook(secret).sign('msg_1', new Date(now), body);
    const packaged = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(now / 1_000)),
      'webhook-signature': theirs,
    };
    expect(await verifyRequest(body, packaged, secret, { signatures: ['standard'] })).toEqual(seen);
  });

  it('takes bodies and headers in every form that servers have', async () => {
    const headers = await both();
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const lists = Object.fromEntries(Object.entries(lower).map(([name, value]) => [name, [value]]));
    const forms: RequestHeaders[] = [
      headers,
      lower,
      lists,
      new Headers(headers),
      { ...lower, host: undefined },
    ];
    const bodies = [
      body,
      Buffer.from(body),
      new TextEncoder().encode(body),
      new TextEncoder().encode(body).buffer,
    ];
    for (const form of forms)
      for (const each of bodies) expect(await verifyRequest(each, form, secret)).toEqual(seen);
  });

  it('takes any of several secrets and of several signatures, as a rotation has them', async () => {
    const next = standardSecret();
    const other = standardSecret();
    const [old, fresh] = [await both(), await both(next)];
    for (const headers of [old, fresh]) {
      expect(await verifyRequest(body, headers, [other, secret, next])).toEqual(seen);
      expect(await verifyRequest(body, headers, [next, secret])).toEqual(seen);
    }
    const id = { id: old['webhook-id'] ?? '', timestamp: now };
    const second = await signRequest(body, next, { signatures: ['standard'], ...id });
    const during = {
      ...second,
      'webhook-signature': `${old['webhook-signature'] ?? ''} ${second['webhook-signature'] ?? ''}`,
    };
    for (const key of [secret, next]) expect(await verifyRequest(body, during, key)).toEqual(seen);
    expect(await refusal(verifyRequest(body, during, other))).toEqual({
      code: 'NEXUS_UNAUTHENTICATED',
      reason: 'wrong',
    });
  });

  it('refuses a time beyond the tolerance, either way, and tells it from a wrong signature', async () => {
    const headers = await both();
    const expired = { code: 'NEXUS_UNAUTHENTICATED', reason: 'expired' };
    const second = Math.floor(now / 1_000) * 1_000;
    for (const away of [-300_000, 300_000])
      expect(await verifyRequest(body, headers, secret, { now: second + away })).toEqual(seen);
    for (const away of [-300_001, 300_001])
      expect(await refusal(verifyRequest(body, headers, secret, { now: second + away }))).toEqual(expired);
    const options = { now: second + 11_000, toleranceMs: 10_000 };
    expect(await refusal(verifyRequest(body, headers, secret, options))).toEqual(expired);
    const later = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) };
    expect((await refusal(verifyRequest(body, later, secret))).reason).toBe('wrong');
  });

  it('lets nobody take the time off where it is asked for', async () => {
    const { 'X-Nexus-Signature': neo = '' } = await both();
    const captured = verifyRequest(body, { 'x-nexus-signature': neo }, secret, { signatures: ['standard'] });
    expect(await refusal(captured)).toEqual({ code: 'NEXUS_UNAUTHENTICATED', reason: 'missing' });
  });

  it('lets the signature with the time decide, where there are two', async () => {
    const headers = await both();
    const wrong = { ...headers, 'webhook-signature': `v1,${btoa('no')}` };
    expect((await refusal(verifyRequest(body, wrong, secret))).reason).toBe('wrong');
    // A sender in rotation signs with all of its secrets there, and with the newest alone here.
    const newest = { ...headers, 'X-Nexus-Signature': hex(standardSecret(), body) };
    expect(await verifyRequest(body, newest, secret)).toEqual(seen);
    expect((await refusal(verifyRequest(body, newest, secret, { signatures: ['nexus'] }))).reason).toBe(
      'wrong',
    );
  });

  it('refuses every change of a byte in what is signed', async () => {
    const headers = await both();
    const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature', 'X-Nexus-Signature'];
    const flip = (bytes: Buffer): Buffer => {
      const changed = Buffer.from(bytes);
      const at = randomInt(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << randomInt(7));
      return changed;
    };
    for (let i = 0; i < 500; i++) {
      const name = names[i % 5];
      const alone = { 'X-Nexus-Signature': headers['X-Nexus-Signature'] };
      const sent = name === 'X-Nexus-Signature' ? alone : headers;
      const [content, given] =
        name === undefined
          ? [flip(Buffer.from(body)), headers]
          : [body, { ...sent, [name]: flip(Buffer.from(headers[name] ?? '')).toString('latin1') }];
      expect((await refusal(verifyRequest(content, given, secret))).code).toBe('NEXUS_UNAUTHENTICATED');
    }
  });

  it.each([
    ['trailing digits', (neo: string) => `${neo}zz`],
    ['upper case', (neo: string) => neo.toUpperCase()],
    ['two of them', (neo: string) => `${neo}, ${neo}`],
    ['nothing', () => ''],
  ])('refuses %s in the header of the protocol', async (_what, spoil) => {
    const { 'X-Nexus-Signature': neo = '' } = await both();
    const given = verifyRequest(body, { 'X-Nexus-Signature': spoil(neo) }, secret);
    expect((await refusal(given)).reason).toBe('wrong');
  });

  it('says what is wrong with what it is given', async () => {
    const headers = await both();
    expect((await refusal(verifyRequest(event as never, headers, secret))).code).toBe(
      'NEXUS_RAW_BODY_CONSUMED',
    );
    expect(await refusal(verifyRequest(body, {}, secret))).toEqual({
      code: 'NEXUS_UNAUTHENTICATED',
      reason: 'missing',
    });
    for (const secrets of [undefined, [], '', [secret, undefined], 'whsec_***'])
      expect((await refusal(verifyRequest(body, headers, secrets))).code).toBe('NEXUS_INVALID_OPTION');
    const odd = verifyRequest(body, headers, secret, { signatures: ['other' as never] });
    expect((await refusal(odd)).code).toBe('NEXUS_INVALID_OPTION');
  });

  it.each(['', 'null', '[]', '"text"', '{}', '{"event":"A"}', JSON.stringify({ ...event, seq: '7' })])(
    'refuses the signed body %s, which is no event',
    async (content) => {
      const signed = await signRequest(content, secret);
      expect((await refusal(verifyRequest(content, signed, secret))).code).toBe('NEXUS_INVALID_PAYLOAD');
    },
  );

  it('refuses bytes that are no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(body.slice(0, -1)), Buffer.from([0xff]), Buffer.from('}')]);
    const signed = await signRequest(bytes, secret);
    expect((await refusal(verifyRequest(bytes, signed, secret))).code).toBe('NEXUS_INVALID_PAYLOAD');
  });
});
