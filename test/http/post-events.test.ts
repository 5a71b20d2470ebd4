import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { secrets, serve, sign, signed, ways } from './serve.js';

const order = { event: 'ORDER:PAID', payload: { amount: '10.00' } };

describe.each(ways)('POST /events over %s', (way) => {
  it('stores what a node says and tells where', async () => {
    const { post, nexus, clock } = serve(way);
    const { status, headers, json } = await post(order);
    expect(status).toBe(202);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(json).toEqual({
      status: 'dispatched',
      event: 'ORDER:PAID',
      eventId: expect.any(String) as string,
      seq: 1,
      timestamp: clock.now(),
      duplicate: false,
    });
    expect(await nexus.events.get(String(json.eventId))).toMatchObject({
      type: 'ORDER:PAID',
      source: 'flowpay',
      payload: { amount: '10.00' },
    });
  });

  it('keeps correlation and headers', async () => {
    const { post, nexus } = serve(way);
    const { json } = await post({ ...order, correlationId: 'c-1', headers: { trace: 't-1' } });
    expect(await nexus.events.get(String(json.eventId))).toMatchObject({
      correlationId: 'c-1',
      headers: { trace: 't-1' },
    });
  });

  it('takes the same bytes again as the same event, also after a restart', async () => {
    const first = serve(way);
    const { json } = await first.post(order);
    const seenAt = json.timestamp;
    const duplicate = {
      status: 'duplicate',
      event: 'ORDER:PAID',
      eventId: json.eventId,
      seq: 1,
      timestamp: seenAt,
      duplicate: true,
      firstSeenAt: seenAt,
    };
    await first.clock.advance(60_000);
    const again = await first.post(order);
    expect([again.status, again.json]).toEqual([200, duplicate]);
    await first.nexus.close();
    const restarted = serve(way, { bus: { beside: first } });
    const later = await restarted.post(order);
    expect([later.status, later.json]).toEqual([200, duplicate]);
    expect((await restarted.nexus.stats()).head).toBe(1);
  });

  it('makes one event of many equal requests at once', async () => {
    const { post, nexus } = serve(way);
    const all = await Promise.all(Array.from({ length: 20 }, () => post(order)));
    expect(all.map(({ status }) => status).sort()).toEqual([...Array<number>(19).fill(200), 202]);
    expect((await nexus.stats()).head).toBe(1);
  });

  it('takes the same bytes of two nodes as two events', async () => {
    const { post, nexus } = serve(way);
    const body = JSON.stringify(order);
    await post(body);
    const other = await post(body, signed('shy', body));
    expect(other.status).toBe(202);
    expect((await nexus.stats()).head).toBe(2);
  });

  it('refuses other content under the same key, and does not tell it apart by bytes alone', async () => {
    const { post, nexus } = serve(way);
    await post({ ...order, idempotencyKey: 'k' });
    const reordered = await post({ idempotencyKey: 'k', ...order });
    expect([reordered.status, reordered.json.status]).toEqual([200, 'duplicate']);
    const other = await post({ event: 'ORDER:PAID', payload: { amount: '99.00' }, idempotencyKey: 'k' });
    expect([other.status, other.json.code]).toEqual([409, 'NEXUS_IDEMPOTENCY_CONFLICT']);
    expect(other.headers['content-type']).toBe('application/problem+json');
    expect((await nexus.stats()).head).toBe(1);
  });

  it('refuses a type that the node may not dispatch, the reserved ones whatever it may', async () => {
    const { post, nexus } = serve(way);
    const foreign = await post({ event: 'MINT_CONFIRMED', payload: {} });
    expect([foreign.status, foreign.json.code]).toEqual([403, 'NEXUS_PERMISSION_DENIED']);
    const body = JSON.stringify({ event: 'nexus.log.gap', payload: {} });
    const reserved = await post(body, signed('shy', body));
    expect([reserved.status, reserved.json.code]).toEqual([403, 'NEXUS_PERMISSION_DENIED']);
    expect((await nexus.stats()).head).toBe(0);
  });

  it('answers an unknown type and an invalid payload with what was expected', async () => {
    const events = { 'ORDER:PAID': z.object({ amount: z.string(), items: z.array(z.string()) }) };
    const { post, nexus } = serve(way, { bus: { events: events } });
    const unknown = await post({ event: 'ORDER:PIAD', payload: {} });
    expect([unknown.status, unknown.json.code]).toEqual([422, 'NEXUS_UNKNOWN_EVENT']);
    expect(unknown.json.detail).toContain('ORDER:PAID');
    const invalid = await post({ event: 'ORDER:PAID', payload: { amount: 5, items: ['a', 7] } });
    expect([invalid.status, invalid.json.code]).toEqual([422, 'NEXUS_INVALID_PAYLOAD']);
    expect(invalid.json.issues).toEqual([
      { path: ['amount'], message: expect.any(String) as string },
      { path: ['items', 1], message: expect.any(String) as string },
    ]);
    expect((await nexus.stats()).head).toBe(0);
  });

  it.each([
    [{ ...order, source: 'factory' }, 'NEXUS_INVALID_PAYLOAD', 'unknown keys: source'],
    [{ ...order, id: 'x', seq: 5 }, 'NEXUS_INVALID_PAYLOAD', 'unknown keys: id, seq'],
    [{ payload: {} }, 'NEXUS_UNKNOWN_EVENT', '"event"'],
    [{ event: 7, payload: {} }, 'NEXUS_UNKNOWN_EVENT', '"event"'],
    [{ event: 'ORDER:PAID' }, 'NEXUS_INVALID_PAYLOAD', 'expected a JSON object'],
    [{ event: 'ORDER:PAID', payload: [] }, 'NEXUS_INVALID_PAYLOAD', 'an array'],
    [{ event: 'ORDER:PAID', payload: null }, 'NEXUS_INVALID_PAYLOAD', 'null'],
    [{ ...order, idempotencyKey: 7 }, 'NEXUS_INVALID_OPTION', 'idempotencyKey'],
    [{ ...order, idempotencyKey: '' }, 'NEXUS_INVALID_OPTION', 'idempotencyKey'],
    [{ ...order, idempotencyKey: null }, 'NEXUS_INVALID_OPTION', 'idempotencyKey'],
    [{ ...order, correlationId: {} }, 'NEXUS_INVALID_OPTION', 'correlationId'],
    [{ ...order, correlationId: 'x'.repeat(201) }, 'NEXUS_INVALID_OPTION', 'correlationId'],
    [{ ...order, headers: [] }, 'NEXUS_INVALID_OPTION', 'headers'],
    [{ ...order, headers: 'a' }, 'NEXUS_INVALID_OPTION', 'headers'],
    [{ ...order, headers: { a: 1 } }, 'NEXUS_INVALID_OPTION', 'headers.a'],
    [{ ...order, headers: { a: { toString: 1 } } }, 'NEXUS_INVALID_OPTION', 'headers.a'],
    [{ ...order, headers: { a: [{ toString: 1 }] } }, 'NEXUS_INVALID_OPTION', 'headers.a'],
    [{ ...order, headers: { a: 'b\r\nc: d' } }, 'NEXUS_INVALID_OPTION', 'headers.a'],
    [
      { event: 'ORDER:PAID', payload: { constructor: { prototype: {} } } },
      'NEXUS_INVALID_PAYLOAD',
      'constructor',
    ],
    [{ event: 'ORDER:PAID', payload: { a: '\ud800' } }, 'NEXUS_INVALID_PAYLOAD', 'surrogate'],
  ])('refuses the body %j', async (body, code, detail) => {
    const { post, nexus } = serve(way);
    const answer = await post(body);
    expect([answer.status, answer.json.code]).toEqual([422, code]);
    expect(answer.json.detail).toContain(detail);
    expect((await nexus.stats()).head).toBe(0);
  });

  const deep = (levels: number): string =>
    `{"event":"ORDER:PAID","payload":${'{"a":'.repeat(levels - 2)}{}${'}'.repeat(levels - 1)}`;

  it('takes 64 levels', async () => {
    expect((await serve(way).post(deep(64))).status).toBe(202);
  });

  it.each([
    ['invalid UTF-8', Buffer.from([...Buffer.from('{"event":"A","payload":{"a":"'), 0xff, 0x22, 0x7d, 0x7d])],
    ['an overlong UTF-8 slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ['no JSON', '{"event":'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['an array', '[]'],
    ['a string', '"x"'],
    ['null', 'null'],
    ['65 levels', deep(65)],
    ['60,000 levels', '['.repeat(60_000) + ']'.repeat(60_000)],
    ['the key __proto__', '{"event":"ORDER:PAID","payload":{"__proto__":{"admin":true}}}'],
    ['the key __proto__ in disguise', '{"event":"ORDER:PAID","payload":{"\\u005f_proto__":{}}}'],
  ])('refuses %s as a bad request', async (_what, body) => {
    const { post, nexus } = serve(way);
    const answer = await post(body);
    expect([answer.status, answer.json.code]).toEqual([400, 'NEXUS_BAD_REQUEST']);
    expect((await nexus.stats()).head).toBe(0);
  });

  it('takes a body of the largest size and refuses one byte more', async () => {
    const { post } = serve(way, { http: { bodyLimitBytes: 1_000 } });
    const empty = JSON.stringify({ event: 'ORDER:PAID', payload: { a: '' } });
    const fill = (bytes: number): string =>
      empty.replace('"a":""', `"a":"${'x'.repeat(bytes - empty.length)}"`);
    expect((await post(fill(1_000))).status).toBe(202);
    const refused = await post(fill(1_001));
    expect([refused.status, refused.json.code]).toEqual([413, 'NEXUS_BODY_TOO_LARGE']);
  });

  it('takes JSON under any of its names, and nothing else', async () => {
    const { post } = serve(way);
    const statuses: Record<string, number> = {};
    for (const type of [
      'application/json',
      'Application/JSON; charset=utf-8',
      'application/cloudevents+json',
      'text/plain',
      'application/x-www-form-urlencoded',
    ]) {
      const body = JSON.stringify({ ...order, correlationId: type });
      statuses[type] = (await post(body, { ...signed('flowpay', body), 'content-type': type })).status;
    }
    expect(Object.values(statuses)).toEqual([202, 202, 202, 415, 415]);
    const body = JSON.stringify(order);
    const zipped = await post(body, { ...signed('flowpay', body), 'content-encoding': 'gzip' });
    expect([zipped.status, zipped.json.code]).toEqual([415, 'NEXUS_UNSUPPORTED_MEDIA_TYPE']);
  });

  it('takes a request without a content type', async () => {
    expect((await serve(way).post(order)).status).toBe(202);
  });

  it('tries a request that names no node against those that allow it, and against no other', async () => {
    const { post, nexus } = serve(way);
    const body = JSON.stringify(order);
    const shy = await post(body, { 'x-nexus-signature': sign(secrets.shy, body) });
    expect(shy.status).toBe(202);
    expect((await nexus.events.get(String(shy.json.eventId)))?.source).toBe('shy');
    const named = await post(body, { 'x-nexus-signature': sign(secrets.flowpay, body) });
    expect(named.status).toBe(401);
  });

  it('takes a signature after sha256=', async () => {
    const body = JSON.stringify(order);
    const { status } = await serve(way).post(body, {
      'x-nexus-node': 'flowpay',
      'x-nexus-signature': `sha256=${sign(secrets.flowpay, body)}`,
    });
    expect(status).toBe(202);
  });

  it('verifies the bytes that came, not what they mean', async () => {
    const { post } = serve(way);
    const spaced = '{ "event": "ORDER:PAID",\n  "payload": { "amount": 1.0 } }';
    expect((await post(spaced)).status).toBe(202);
    const compact = JSON.stringify(JSON.parse(spaced));
    expect((await post(spaced, signed('flowpay', compact))).status).toBe(401);
  });

  it('gives one and the same answer to whoever does not prove who it is', async () => {
    const { send, nexus } = serve(way);
    const body = JSON.stringify(order);
    const right = sign(secrets.flowpay, body);
    const attempts: Record<string, Record<string, string>> = {
      'unknown node': { 'x-nexus-node': 'nobody', 'x-nexus-signature': right },
      'a name of the prototype': { 'x-nexus-node': '__proto__', 'x-nexus-signature': right },
      'the host itself': { 'x-nexus-node': 'nexus', 'x-nexus-signature': right },
      'an empty name': { 'x-nexus-node': '', 'x-nexus-signature': right },
      'another node': { 'x-nexus-node': 'factory', 'x-nexus-signature': right },
      wrong: { 'x-nexus-node': 'flowpay', 'x-nexus-signature': sign(secrets.factory, body) },
      'of another body': { 'x-nexus-node': 'flowpay', 'x-nexus-signature': sign(secrets.flowpay, '{}') },
      missing: { 'x-nexus-node': 'flowpay' },
      'no headers at all': {},
      'zz after it': { 'x-nexus-node': 'flowpay', 'x-nexus-signature': `${right}zz` },
      'in upper case': { 'x-nexus-node': 'flowpay', 'x-nexus-signature': right.toUpperCase() },
      'too short': { 'x-nexus-node': 'flowpay', 'x-nexus-signature': right.slice(0, -2) },
      'another prefix': { 'x-nexus-node': 'flowpay', 'x-nexus-signature': `sha512=${right}` },
      empty: { 'x-nexus-node': 'flowpay', 'x-nexus-signature': '' },
      twice: { 'x-nexus-node': 'flowpay', 'x-nexus-signature': `${right}, ${right}` },
    };
    const answers = new Set<string>();
    for (const [what, headers] of Object.entries(attempts)) {
      const { status, text, headers: answered } = await send({ body, headers });
      expect(status, what).toBe(401);
      answers.add(JSON.stringify([status, { ...answered, date: 'now' }, text]));
    }
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toContain('NEXUS_UNAUTHENTICATED');
    expect((await nexus.stats()).head).toBe(0);
  });

  it('says nothing about a body before it is signed', async () => {
    const { send } = serve(way);
    for (const body of ['{', '[]', '{"event":"ORDER:PAID","payload":{"__proto__":1}}'])
      expect((await send({ body, headers: { 'x-nexus-node': 'flowpay' } })).status).toBe(401);
  });
});
