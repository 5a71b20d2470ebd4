import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createHmac } from 'node:crypto';
import { createReceiver, nodeFor, push, status, until, whsec } from './receiver.js';
import { serve } from '../http/serve.js';

const verify = (
  secret: string,
  { headers, body }: { headers: Readonly<Record<string, string>>; body: Buffer },
) => new Webhook(secret).verify(body.toString(), headers);

describe('a delivery', () => {
  it('is what receivers of the NEØ Protocol and of Standard Webhooks expect', async () => {
    const to = await createReceiver();
    const secret = whsec();
    const { nexus, attempt, clock } = push({
      shop: nodeFor(to.url, { headers: { authorization: 'Bearer x' } }, { secrets: [secret] }),
    });
    await nexus.start();
    const { id, seq, timestamp } = await nexus.dispatch('ORDER:PAID', { n: 1, name: 'Zoë 🚀' });
    const { deliveryId, ...moment } = await attempt(1);
    expect(moment).toEqual({
      node: 'shop',
      eventId: id,
      eventType: 'ORDER:PAID',
      attempt: 1,
      status: 204,
      ms: 0,
      outcome: 'delivered',
      error: undefined,
    });
    const [got] = to.received;
    expect(got?.json).toEqual({
      id,
      event: 'ORDER:PAID',
      payload: { n: 1, name: 'Zoë 🚀' },
      timestamp: new Date(timestamp).toISOString(),
      seq,
      source: 'nexus',
    });
    expect(got?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(got?.body.length),
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(clock.now() / 1_000)),
      'x-nexus-event': 'ORDER:PAID',
      'x-nexus-delivery': `${deliveryId}; attempt=1`,
      'x-nexus-signature': createHmac('sha256', secret).update(got!.body).digest('hex'),
      authorization: 'Bearer x',
    });
    expect(got?.headers['user-agent']).toMatch(/^neo-nexus-webhook\//);
  });

  it('is verified by the library of Standard Webhooks at every attempt, also while a secret is rotated', async () => {
    const to = await createReceiver(status(500));
    const [old, fresh] = [whsec(), whsec()];
    const { nexus, attempt, clock } = push({ shop: nodeFor(to.url, {}, { secrets: [old] }) });
    await nexus.start();
    const now = Date.now();
    await clock.advance(now - clock.now());
    const { id } = await nexus.dispatch('A', { n: 1 });
    await attempt(1);
    await nexus.nodes.rotate('shop', fresh, { graceMs: 20_000 });
    await clock.advance(5_500);
    await attempt(2);
    await clock.advance(33_000);
    await attempt(3);
    const [first, second, third] = to.received;
    for (const [secret, got] of [
      [old, first],
      [old, second],
      [fresh, second],
      [fresh, third],
    ] as const)
      expect(verify(secret, got!)).toMatchObject({ id });
    expect(() => verify(fresh, first!)).toThrow();
    expect(() => verify(old, third!)).toThrow();
    expect(second?.headers['x-nexus-signature']).toBe(
      createHmac('sha256', fresh).update(second!.body).digest('hex'),
    );
    expect(new Set(to.received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([id]));
    expect(new Set(to.received.map(({ body }) => body.toString('hex'))).size).toBe(1);
    expect(new Set(to.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(3);
    expect(to.received.map(({ headers }) => headers['x-nexus-delivery']?.split('; ')[1])).toEqual([
      'attempt=1',
      'attempt=2',
      'attempt=3',
    ]);
  });

  it('is signed by the secrets of the webhook where it has some, and by none that has ended', async () => {
    const to = await createReceiver();
    const [own, hook, next] = [whsec(), whsec(), whsec()];
    const bus = push({});
    await bus.nexus.start();
    const secrets = [{ secret: hook, notAfter: bus.clock.now() }, next];
    await bus.nexus.nodes.put('shop', nodeFor(to.url, { secrets }, { secrets: [own] }));
    await bus.nexus.dispatch('A', {});
    await bus.attempt(1);
    const [got] = to.received;
    expect(got?.headers['webhook-signature']?.split(' ')).toHaveLength(1);
    expect(got?.headers['x-nexus-signature']).toBe(
      createHmac('sha256', next).update(got!.body).digest('hex'),
    );
  });

  it('sends what the node may read and asked for, by name and by prefix, whatever the catalogue knows', async () => {
    const to = await createReceiver();
    const { nexus, attempts } = push({
      shop: nodeFor(
        to.url,
        { events: ['ORDER:*', 'MINT', 'SECRET'] },
        { subscribe: ['ORDER:PAID', 'ORDER:SHIP*', 'M*'] },
      ),
    });
    await nexus.start();
    for (const type of ['ORDER:PAID', 'ORDER:LOST', 'ORDER:SHIPPED', 'MINT', 'MINTED', 'SECRET'])
      await nexus.dispatch(type, {});
    await nexus.idle();
    expect(attempts.map(({ eventType }) => eventType).sort()).toEqual([
      'MINT',
      'ORDER:PAID',
      'ORDER:SHIPPED',
    ]);
    const [info] = await nexus.endpoints.list();
    expect(info).toMatchObject({
      node: 'shop',
      types: ['MINT', 'ORDER:PAID', 'ORDER:SHIP*'],
      reactor: 'webhook:shop',
      state: 'enabled',
      lag: 0,
      counts: { succeeded: 3, pending: 0 },
    });
  });

  it('cannot be turned around: posted back it is refused, whatever its signatures', async () => {
    const to = await createReceiver();
    const secret = whsec();
    const node = nodeFor(
      to.url,
      {},
      { secrets: [secret], dispatch: ['*'], signatures: ['nexus', 'standard'] },
    );
    const { nexus, send } = serve('node:http', { bus: { nodes: { shop: node } } });
    await nexus.start();
    await nexus.dispatch('A', {});
    await until(() => to.received.length === 1);
    const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = to.received;
    const rest = Object.fromEntries(
      Object.entries(headers).filter(([name]) => !/^(host|connection)$/.test(name)),
    );
    const back = await send({ body, headers: { ...rest, 'x-nexus-node': 'shop' } });
    expect(back.status).toBe(422);
    expect((await nexus.events.list()).items).toHaveLength(1);
  });

  it('goes where the node is now, from the moment it is said', async () => {
    const [first, second] = [await createReceiver(), await createReceiver()];
    const { nexus, attempt } = push({});
    await nexus.start();
    await nexus.nodes.put('shop', nodeFor(first.url));
    await nexus.dispatch('A', {});
    await attempt(1);
    await nexus.nodes.put('shop', nodeFor(second.url, { headers: { 'x-which': '2' } }));
    await nexus.dispatch('B', {});
    await attempt(2);
    expect(second.received.map(({ json, headers }) => [json.event, headers['x-which']])).toEqual([
      ['B', '2'],
    ]);
    await nexus.nodes.put('shop', nodeFor(second.url, { headers: { 'x-which': '3' } }));
    await nexus.dispatch('C', {});
    await attempt(3);
    expect(second.received.at(-1)?.headers['x-which']).toBe('3');
    await nexus.nodes.remove('shop');
    await nexus.dispatch('D', {});
    await nexus.idle();
    expect([first.received.length, second.received.length]).toEqual([1, 2]);
    expect(await nexus.endpoints.list()).toEqual([]);
    // Its place in the log stays; back again, it is sent what it has missed.
    await nexus.nodes.put('shop', nodeFor(second.url));
    await attempt(4);
    expect(second.received.at(-1)?.json).toMatchObject({ event: 'D' });
  });

  it('ends what is on its way to an address that is no more, and spends no attempt', async () => {
    const [hanging, second] = [await createReceiver(() => undefined), await createReceiver()];
    const { nexus, attempt } = push({ shop: nodeFor(hanging.url) });
    await nexus.start();
    const { id } = await nexus.dispatch('A', {});
    await until(() => hanging.received.length === 1);
    await nexus.nodes.put('shop', nodeFor(second.url));
    expect(await attempt(1)).toMatchObject({ outcome: 'delivered', attempt: 1 });
    expect(second.received[0]?.json.id).toBe(id);
  });

  it('is not made of what a node may not read any more: it ends with the reason', async () => {
    const to = await createReceiver(status(500));
    const node = nodeFor(to.url, {}, { subscribe: ['A', 'B'] });
    const { nexus, attempt, clock } = push({ shop: node });
    await nexus.start();
    await nexus.dispatch('A', {});
    await attempt(1);
    await nexus.nodes.put('shop', { ...node, subscribe: ['B'] });
    await clock.advance(6_000);
    await nexus.idle();
    expect(to.received).toHaveLength(1);
    expect((await nexus.deadLetters.list()).items).toMatchObject([
      { reactor: 'webhook:shop', error: { code: 'NEXUS_PERMISSION_DENIED' } },
    ]);
  });

  it('cannot be signed by a node that has lost all secrets, and is not sent unsigned', async () => {
    const to = await createReceiver();
    const { nexus, attempt } = push({ shop: nodeFor(to.url) });
    await nexus.start();
    await nexus.nodes.revoke('shop');
    await nexus.dispatch('A', {});
    expect(await attempt(1)).toMatchObject({ outcome: 'failed', error: { code: 'NEXUS_ENDPOINT_FAILED' } });
    expect(to.received).toEqual([]);
  });
});

describe('a webhook is refused', () => {
  it.each<[string, Parameters<typeof nodeFor>[1], RegExp, string?]>([
    [
      'http',
      { url: 'http://shop.example.com/', allowPrivateNetwork: false },
      /allowHttp/,
      'NEXUS_ADDRESS_BLOCKED',
    ],
    [
      'a private address',
      { url: 'https://10.0.0.1/', allowPrivateNetwork: false },
      /nodes\.shop\.webhook\.allowPrivateNetwork/,
      'NEXUS_ADDRESS_BLOCKED',
    ],
    [
      'a metadata service',
      { url: 'http://169.254.169.254/' },
      /no option allows it/,
      'NEXUS_ADDRESS_BLOCKED',
    ],
    ['http to a public address', { url: 'http://8.8.8.8/' }, /allowHttp/, 'NEXUS_ADDRESS_BLOCKED'],
    ['credentials', { url: 'https://a:b@shop.example.com/' }, /without credentials/],
    ['another scheme', { url: 'file:///etc/passwd' }, /http or https/],
    ['a line break in a header', { headers: { a: 'b\r\nc: d' } }, /printable ASCII/],
    ['a NUL in a header', { headers: { a: '\0' } }, /printable ASCII/],
    ['a header of ours', { headers: { 'Webhook-Id': 'x' } }, /none that the webhook sends/],
    ['a header of the protocol', { headers: { 'Content-Length': '1' } }, /none that the webhook sends/],
    ['a header in two cases', { headers: { A: '1', a: '2' } }, /each name once/],
    ['a broken whsec_ secret', { secrets: ['whsec_not base64 at all!'] }, /base64/],
    ['no secret', { secrets: [] }, /at least one secret/],
    ['a retry that cannot be meant', { retry: { maxAttempts: 0 } }, /maxAttempts/],
    ['a timeout that is too long', { timeoutMs: 300_001 }, /300000/],
  ])('with %s', async (_what, webhook, message, code = 'NEXUS_INVALID_OPTION') => {
    const { nexus } = push({});
    const put = nexus.nodes.put('shop', nodeFor('https://shop.example.com/', webhook));
    await expect(put).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(await nexus.nodes.list()).toEqual([]);
  });

  it('without anything that could sign', async () => {
    const { nexus } = push({});
    const node = { ...nodeFor('https://shop.example.com/'), secrets: [], tokens: ['t'.repeat(32)] };
    await expect(nexus.nodes.put('shop', node)).rejects.toThrow(/none that could sign/);
  });
});
