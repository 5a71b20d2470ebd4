import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  hmacSignature,
  protocolWebhooks,
  standardWebhooks,
  type WebhookSource,
} from '../../src/http/index.js';
import { signStandard } from '../../src/nodes/standard-webhooks.js';
import { hmacSha256 } from '../../src/hmac-sha256.js';
import type { TestClock } from '../support/test-clock.js';
import { record } from '../support/bus.js';
import { serve, sign, type Got, type ServeOptions } from './serve.js';

const key = `whsec_${randomBytes(32).toString('base64')}`;
const body = JSON.stringify({ event: 'PAID', payload: { amount: '10.00' } });
const other = JSON.stringify({ event: 'PAID', payload: { amount: '99.00' } });

const node = { secrets: [key], dispatch: ['*'] };

const nexusHeaders = (said: string) => ({ 'x-nexus-node': 'shop', 'x-nexus-signature': sign(key, said) });
const standardHeaders = (clock: TestClock, said: string, id: string) => {
  const timestamp = String(Math.floor(clock.now() / 1_000));
  return {
    'x-nexus-node': 'shop',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signStandard({ id, timestamp, body: Buffer.from(said) }, key, hmacSha256),
  };
};

function shop(options: ServeOptions['bus'] = {}, http: ServeOptions['http'] = {}) {
  const served = serve('node:http', {
    bus: { nodes: { shop: { ...node, signatures: ['nexus', 'standard'] } }, ...options },
    http,
  });
  const { clock, nexus } = served;
  return {
    ...served,
    nexusSigned: (said: string): Promise<Got> => served.send({ body: said, headers: nexusHeaders(said) }),
    standard: (said: string, id = 'msg_1'): Promise<Got> =>
      served.send({ body: said, headers: standardHeaders(clock, said, id) }),
    dual: (said: string, id = 'msg_1') => ({ ...nexusHeaders(said), ...standardHeaders(clock, said, id) }),
    head: async (): Promise<number> => (await nexus.stats()).head,
  };
}

const without = (headers: Record<string, string>, prefix: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(prefix)));

describe('a captured dual-signed request', () => {
  it('makes no second event, whichever headers are taken off', async () => {
    const { send, dual, head } = shop();
    const headers = dual(body);
    const first = await send({ body, headers });
    expect(first.status).toBe(202);
    for (const again of [headers, without(headers, 'webhook-'), without(headers, 'x-nexus-signature')]) {
      const { status, json } = await send({ body, headers: again });
      expect([status, json.status, json.eventId]).toEqual([200, 'duplicate', first.json.eventId]);
    }
    expect(await head()).toBe(1);
  });

  it('makes none when it has an idempotency key, either', async () => {
    const { send, dual, head } = shop();
    const said = JSON.stringify({ event: 'PAID', payload: {}, idempotencyKey: 'k-1' });
    const headers = dual(said);
    expect((await send({ body: said, headers })).status).toBe(202);
    for (const again of [headers, without(headers, 'webhook-'), without(headers, 'x-nexus-signature')])
      expect((await send({ body: said, headers: again })).status).toBe(200);
    expect(await head()).toBe(1);
  });

  it('makes none with headers that are put on, for nobody can sign them', async () => {
    const { send, nexusSigned, head, clock } = shop();
    expect((await nexusSigned(body)).status).toBe(202);
    const ids = [
      { 'webhook-id': 'forged' },
      { 'webhook-id': 'forged', 'webhook-timestamp': String(clock.now() / 1_000) },
      { 'webhook-id': 'forged', 'idempotency-key': 'forged' },
    ];
    for (const forged of ids)
      expect((await send({ body, headers: { ...nexusHeaders(body), ...forged } })).status).toBe(200);
    expect(await head()).toBe(1);
  });
});

describe('the keys of an event, strongest first', () => {
  it('are the id of a Standard Webhook before its bytes: the same words twice are two events', async () => {
    const { standard, nexusSigned, head } = shop();
    const first = await standard(body, 'msg_1');
    expect([first.status, (await standard(body, 'msg_2')).status]).toEqual([202, 202]);
    expect((await standard(body, 'msg_1')).json.eventId).toBe(first.json.eventId);
    expect((await nexusSigned(body)).json.eventId).toBe(first.json.eventId);
    expect(await head()).toBe(2);
  });

  it('conflict where they are used for other content, and leave no record then', async () => {
    const { standard, nexusSigned, head } = shop();
    await standard(body, 'msg_1');
    const conflict = await standard(other, 'msg_1');
    expect([conflict.status, conflict.json.code]).toEqual([409, 'NEXUS_IDEMPOTENCY_CONFLICT']);
    expect((await nexusSigned(other)).status).toBe(202);
    expect(await head()).toBe(2);
  });

  it('are not recorded for what was refused', async () => {
    const { send, dual, nexus } = shop();
    await nexus.nodes.put('shop', { ...node, dispatch: [], signatures: ['nexus', 'standard'] });
    const headers = dual(body);
    expect((await send({ body, headers })).status).toBe(403);
    await nexus.nodes.put('shop', { ...node, signatures: ['nexus', 'standard'] });
    expect((await send({ body, headers })).status).toBe(202);
  });

  it('hold after the time of a Standard Webhook is over, which alone lets nobody in', async () => {
    const { send, dual, clock } = shop();
    const headers = dual(body);
    expect((await send({ body, headers })).status).toBe(202);
    await clock.advance(301_000);
    expect((await send({ body, headers })).status).toBe(401);
    expect((await send({ body, headers: without(headers, 'webhook-') })).status).toBe(200);
  });
});

describe('the same bytes under the NEØ scheme', () => {
  it('are one event however often and whenever they come: 100 at once, and again after a restart', async () => {
    const first = shop();
    const all = await Promise.all(Array.from({ length: 100 }, () => first.nexusSigned(body)));
    expect(all.map(({ json }) => json.status).sort()).toEqual(
      ['dispatched', ...Array<string>(99).fill('duplicate')].sort(),
    );
    expect(new Set(all.map(({ json }) => json.eventId)).size).toBe(1);
    const seenAt = all[0]?.json.timestamp;
    await first.nexus.close();
    await first.clock.advance(365 * 86_400_000);
    const restarted = shop({ beside: first });
    const later = await Promise.all(Array.from({ length: 100 }, () => restarted.nexusSigned(body)));
    for (const { status, json } of later)
      expect([status, json.status, json.firstSeenAt]).toEqual([200, 'duplicate', seenAt]);
    expect(await restarted.head()).toBe(1);
  });

  it('are themselves whatever their length and letters, in whatever order they come', async () => {
    const { nexusSigned, head } = shop();
    const said = (note: string): string => JSON.stringify({ event: 'PAID', payload: { note } });
    // Short after long and long after short; the second of each pair differs in its last letter alone.
    const bodies = ['', 'x'.repeat(40_000), 'é', `${'x'.repeat(16_000)}€`, 'x'].flatMap((note) => [
      said(`${note}a`),
      said(`${note}b`),
    ]);
    const firsts = [];
    for (const each of bodies) firsts.push((await nexusSigned(each)).json);
    expect(firsts.map(({ status }) => status)).toEqual(bodies.map(() => 'dispatched'));
    for (const [i, each] of bodies.entries())
      expect((await nexusSigned(each)).json).toMatchObject({
        status: 'duplicate',
        eventId: firsts[i]?.eventId,
      });
    expect(await head()).toBe(bodies.length);
  });

  it('are one event for at least as long as the node says, and another one in the end', async () => {
    const { nexusSigned, nexus, clock, head } = shop();
    await nexus.nodes.put('shop', { ...node, replayProtectionMs: 60_000 });
    // Late in a window and early in one.
    for (const offset of [59_000, 1_000]) {
      await clock.advance(180_000 - (clock.now() % 60_000) + offset);
      expect((await nexusSigned(body)).status).toBe(202);
      await clock.advance(59_999);
      expect((await nexusSigned(body)).status).toBe(200);
      await clock.advance(60_001);
      expect((await nexusSigned(body)).status).toBe(202);
    }
    expect(await head()).toBe(4);
  });

  it('are another event in another log', async () => {
    const [one, two] = [shop(), shop()];
    expect([(await one.nexusSigned(body)).status, (await two.nexusSigned(body)).status]).toEqual([202, 202]);
  });
});

describe('what was accepted once', () => {
  const events = (amount: z.ZodType) => ({ PAID: z.object({ amount }) });

  it('is a duplicate also when its schema, or its type, is gone since', async () => {
    const first = shop({ events: events(z.string()) });
    const accepted = await first.nexusSigned(body);
    expect(accepted.status).toBe(202);
    for (const changed of [events(z.number()), { REFUNDED: z.object({}) }]) {
      const next = shop({ events: changed, beside: first });
      const told = record(next.nexus, 'dispatch:duplicate');
      const again = await next.nexusSigned(body);
      expect([again.status, again.json.eventId]).toEqual([200, accepted.json.eventId]);
      expect(told).toHaveLength(1);
      const fresh = await next.nexusSigned(other);
      expect(fresh.status).toBe(422);
    }
  });

  it('conflicts with other content under its key before that is looked at', async () => {
    const { nexusSigned } = shop({ events: events(z.string()) });
    const keyed = (amount: unknown): string =>
      JSON.stringify({ event: 'PAID', payload: { amount }, idempotencyKey: 'k' });
    expect((await nexusSigned(keyed('10.00'))).status).toBe(202);
    const invalid = await nexusSigned(keyed(5));
    expect([invalid.status, invalid.json.code]).toEqual([409, 'NEXUS_IDEMPOTENCY_CONFLICT']);
  });
});

describe('an outgoing webhook that is posted back', () => {
  const outgoing = JSON.stringify({
    id: '0192f3a1-1111-7222-8333-444455556666',
    event: 'PAID',
    payload: { amount: '10.00' },
    timestamp: '2027-01-15T08:00:00.000Z',
    seq: 7,
    source: 'nexus',
  });

  it('is refused, under either scheme', async () => {
    const { nexusSigned, standard, head } = shop();
    for (const answer of [await nexusSigned(outgoing), await standard(outgoing)])
      expect([answer.status, answer.json.code]).toEqual([422, 'NEXUS_INVALID_PAYLOAD']);
    expect(await head()).toBe(0);
  });

  it('passes for none of what the nodes of the protocol post, where no schema looks at it', async () => {
    const named = { ...node, signatures: ['nexus' as const] };
    for (const name of ['flowpay', 'factory']) {
      const { send, head } = shop({ nodes: { [name]: named } }, { webhooks: protocolWebhooks });
      const headers = { 'x-nexus-signature': sign(key, outgoing) };
      expect((await send({ path: `/webhook/${name}`, body: outgoing, headers })).status).toBe(422);
      expect(await head()).toBe(0);
    }
  });
});

describe('other providers', () => {
  const map: WebhookSource['map'] = ({ action }) => ({ event: 'PUSHED', payload: { action } });
  const webhooks: Record<string, WebhookSource> = {
    hex: {
      node: 'shop',
      signature: hmacSignature({ header: 'X-Hub-Signature-256', prefix: 'sha256=' }),
      map,
    },
    base64: { node: 'shop', signature: hmacSignature({ header: 'X-Shop-Hmac', encoding: 'base64' }), map },
    standard: { node: 'shop', signature: standardWebhooks(), map },
    plain: { node: 'shop', map },
  };
  const said = '{"action":"opened"}';
  const mac = (encoding: 'hex' | 'base64'): string => createHmac('sha256', key).update(said).digest(encoding);
  const [hex, base64] = [mac('hex'), mac('base64')];

  it.each<[string, Record<string, string>, number]>([
    ['hex', { 'x-hub-signature-256': `sha256=${hex}` }, 202],
    ['hex', { 'x-hub-signature-256': hex }, 401],
    ['hex', { 'x-nexus-signature': hex }, 401],
    ['base64', { 'x-shop-hmac': base64 }, 202],
    ['base64', { 'x-shop-hmac': hex }, 401],
    ['plain', { 'x-nexus-signature': hex }, 202],
    ['plain', { 'x-hub-signature-256': `sha256=${hex}` }, 401],
    ['standard', { 'x-nexus-signature': hex }, 401],
  ])('at /webhook/%s with %j get %i', async (name, headers, status) => {
    const { send } = shop({}, { webhooks });
    expect((await send({ path: `/webhook/${name}`, body: said, headers })).status).toBe(status);
  });

  it('may all sign as Standard Webhooks where their node may', async () => {
    for (const name of Object.keys(webhooks)) {
      const { send, clock } = shop({}, { webhooks });
      const headers = standardHeaders(clock, said, 'msg_1');
      const path = `/webhook/${name}`;
      expect([
        (await send({ path, body: said, headers })).status,
        (await send({ path, body: said, headers })).status,
      ]).toEqual([202, 200]);
    }
  });
});
