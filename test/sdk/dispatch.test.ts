/** Dispatching from afar: one event, whatever the network does. */
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { standardWebhooks } from '../../src/nodes/standard-webhooks.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import { hmacSha256 } from '../../src/hmac-sha256.js';
import {
  createNexusClient,
  NexusError,
  type NexusClient,
  type NexusClientOptions,
} from '../../src/sdk/index.js';
import { answering, proxy, secret, startHost, until, type Host } from './host.js';
import { awkwardTexts } from './awkward-texts.js';

const key = secret();
const fast = { retry: { initialMs: 1, maxMs: 5 } } as const;

async function host(node: Partial<NodeConfig> = {}): Promise<Host> {
  return await startHost({ nodes: { shop: { secrets: [key], dispatch: ['ORDER_*'], ...node } } });
}

async function refusal(promise: Promise<unknown>): Promise<NexusError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!NexusError.is(error)) throw new Error('expected a NexusError', { cause: error });
  return error;
}

type Seen = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly at: number };

/** A client and a server that answers what it is told to, in turn; the last answer again and again. */
async function scripted(
  answers: ((respond: Parameters<RequestListener>[1]) => void)[],
  options: Partial<NexusClientOptions> = {},
): Promise<{ client: NexusClient; seen: Seen[] }> {
  const seen: Seen[] = [];
  const url = await answering((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), at: Date.now() });
      (answers[seen.length - 1] ?? answers.at(-1))?.(response);
    });
  });
  return { client: createNexusClient({ url, node: 'shop', secret: key, ...fast, ...options }), seen };
}

const accept = (response: Parameters<RequestListener>[1]): void => {
  response.writeHead(202, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      status: 'dispatched',
      event: 'A',
      eventId: 'e',
      seq: 3,
      timestamp: 5,
      duplicate: false,
    }),
  );
};
const status =
  (code: number, headers: Record<string, string> = {}, body = '') =>
  (response: Parameters<RequestListener>[1]): void => {
    response.writeHead(code, headers);
    response.end(body);
  };
const reset = (response: Parameters<RequestListener>[1]): void => void response.destroy();

describe('dispatch of a client', () => {
  it('is an event in the log, from its node, with what it was given', async () => {
    const { nexus, url } = await host();
    const client = createNexusClient({ url, node: 'shop', secret: key });
    const said = await client.dispatch(
      'ORDER_PAID',
      { amount: '10.00' },
      { correlationId: 'flow-1', headers: { channel: 'pix' } },
    );
    const event = await nexus.events.get(said.id);
    expect(event).toMatchObject({
      seq: said.seq,
      type: 'ORDER_PAID',
      payload: { amount: '10.00' },
      source: 'shop',
      timestamp: said.timestamp,
      correlationId: 'flow-1',
      headers: { channel: 'pix' },
    });
    expect(said).toMatchObject({ type: 'ORDER_PAID', duplicate: false });
  });

  it('says the same twice as two events, and the same key twice as one', async () => {
    const { nexus, url } = await host();
    const client = createNexusClient({ url, node: 'shop', secret: key });
    const [a, b] = [
      await client.dispatch('ORDER_PAID', { n: 1 }),
      await client.dispatch('ORDER_PAID', { n: 1 }),
    ];
    expect(a.id).not.toBe(b.id);
    const options = { idempotencyKey: 'order-1' };
    const first = await client.dispatch('ORDER_PAID', { n: 1 }, options);
    const again = await client.dispatch('ORDER_PAID', { n: 1 }, options);
    expect(again).toEqual({ ...first, duplicate: true });
    expect(await refusal(client.dispatch('ORDER_PAID', { n: 2 }, options))).toMatchObject({
      code: 'NEXUS_IDEMPOTENCY_CONFLICT',
      details: { status: 409, attempts: 1, outcome: 'not_stored', idempotencyKey: 'order-1' },
    });
    expect((await nexus.events.list({ after: 0 })).items).toHaveLength(3);
  });

  it('signs as Standard Webhooks where asked, under one id for all attempts', async () => {
    const { client, seen } = await scripted([reset, accept], { signature: 'standard' });
    await client.dispatch('A', {});
    expect(seen.map(({ headers }) => headers['x-nexus-signature'])).toEqual([undefined, undefined]);
    expect(new Set(seen.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const { headers, body } of seen)
      expect(
        standardWebhooks().verify({
          body: Buffer.from(body),
          header: (name) => headers[name] as string | undefined,
          secret: key,
          hmac: hmacSha256,
          now: Date.now(),
        }),
      ).toBe(true);
    const { url } = await host({ signatures: ['standard'] });
    const real = createNexusClient({ url, node: 'shop', secret: key, signature: 'standard' });
    expect((await real.dispatch('ORDER_PAID', {})).seq).toBe(1);
  });

  it('is one event each over a network that drops answers after the commit', async () => {
    const { nexus, port } = await host();
    let answers = 0;
    const between = await proxy(
      () => port,
      () => (++answers % 3 === 0 ? Infinity : 0),
    );
    const url = `http://127.0.0.1:${between.port}/nexus`;
    const client = createNexusClient({
      url,
      node: 'shop',
      secret: key,
      retry: { maxAttempts: 50, ...fast.retry },
    });
    const said = [];
    for (let n = 0; n < 40; n++) said.push(await client.dispatch('ORDER_PAID', { n }));
    expect(between.cuts).toBeGreaterThanOrEqual(80);
    const { items } = await nexus.events.list({ after: 0, limit: 1_000 });
    expect(items.map(({ payload }) => payload.n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    // What was stored by an attempt of this very call was said once.
    expect(said.map(({ id, duplicate }) => ({ id, duplicate }))).toEqual(
      items.map(({ id }) => ({ id, duplicate: false })),
    );
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('sends the same bytes again after %d', async (code) => {
    const { client, seen } = await scripted([reset, status(code), status(code, {}, '<html>'), accept]);
    expect(await client.dispatch('A', { n: 1 })).toEqual({
      id: 'e',
      seq: 3,
      type: 'A',
      timestamp: 5,
      duplicate: false,
    });
    expect(seen).toHaveLength(4);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
    expect(new Set(seen.map(({ headers }) => headers['x-nexus-signature'])).size).toBe(1);
  });

  it.each([301, 307, 400, 401, 403, 404, 409, 413, 415, 422])('gives up at once after %d', async (code) => {
    const { client, seen } = await scripted([status(code, { location: 'http://127.0.0.1:9/' })]);
    const error = await refusal(client.dispatch('A', {}));
    expect(error).toMatchObject({ code: 'NEXUS_UNREACHABLE', details: { status: code, attempts: 1 } });
    expect(seen).toHaveLength(1);
  });

  it('tells the code, the message and the issues of the answer', async () => {
    const { url } = await host();
    const client = createNexusClient({ url, node: 'shop', secret: key });
    expect(await refusal(client.dispatch('MINT_CONFIRMED', {}))).toMatchObject({
      code: 'NEXUS_PERMISSION_DENIED',
      details: { status: 403 },
    });
    const stranger = createNexusClient({ url, node: 'shop', secret: secret() });
    expect(await refusal(stranger.dispatch('ORDER_PAID', {}))).toMatchObject({
      code: 'NEXUS_UNAUTHENTICATED',
      message: expect.stringContaining('dispatch of ORDER_PAID') as string,
      details: { status: 401, attempts: 1, outcome: 'not_stored' },
    });
    const deep = JSON.parse(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`) as Record<string, unknown>;
    expect((await refusal(client.dispatch('ORDER_PAID', deep))).code).toMatch(/TOO_DEEP|BAD_REQUEST/);
  });

  it('does not take another server for a Nexus', async () => {
    const { client, seen } = await scripted([
      status(200, { 'content-type': 'text/html' }, '<h1>Welcome</h1>'),
    ]);
    expect(await refusal(client.dispatch('A', {}))).toMatchObject({ code: 'NEXUS_UNREACHABLE' });
    expect(seen).toHaveLength(1);
    const body = await scripted([
      status(500, {}, JSON.stringify({ code: 'NEXUS_RAW_BODY_CONSUMED', detail: 'x' })),
    ]);
    expect((await refusal(body.client.dispatch('A', {}))).code).toBe('NEXUS_RAW_BODY_CONSUMED');
    expect(body.seen).toHaveLength(1);
  });

  it('says after the last attempt whether the event may have been stored', async () => {
    const refused = status(503, {}, JSON.stringify({ code: 'NEXUS_OVERLOADED', detail: 'later' }));
    const known = await scripted([refused], { retry: { ...fast.retry, maxAttempts: 3 } });
    expect(await refusal(known.client.dispatch('A', {}))).toMatchObject({
      code: 'NEXUS_OVERLOADED',
      details: { attempts: 3, outcome: 'not_stored' },
    });
    const lost = await scripted([reset, refused], { retry: { ...fast.retry, maxAttempts: 3 } });
    const error = await refusal(lost.client.dispatch('A', {}));
    expect(error.details).toMatchObject({ attempts: 3, outcome: 'unknown' });
    expect(error.details.idempotencyKey).toBe(
      (JSON.parse(lost.seen[0]?.body ?? '') as { idempotencyKey: string }).idempotencyKey,
    );
    const nobody = createNexusClient({
      url: 'http://127.0.0.1:9',
      node: 'a',
      secret: key,
      retry: { maxAttempts: 2, ...fast.retry },
    });
    expect(await refusal(nobody.dispatch('A', {}))).toMatchObject({
      code: 'NEXUS_UNREACHABLE',
      details: { attempts: 2 },
    });
  });

  it('asks for the present secret at each attempt, and gives up when a refused one comes again', async () => {
    const { nexus, url } = await host();
    const next = secret();
    const given = [secret(), next];
    await nexus.nodes.rotate('shop', next);
    const client = createNexusClient({
      url,
      node: 'shop',
      secret: async () => given.shift() ?? next,
      ...fast,
    });
    expect((await client.dispatch('ORDER_PAID', {})).seq).toBe(1);
    const stubborn = createNexusClient({
      url,
      node: 'shop',
      secret: () => 'not the secret of anybody',
      ...fast,
    });
    expect(await refusal(stubborn.dispatch('ORDER_PAID', {}))).toMatchObject({
      code: 'NEXUS_UNAUTHENTICATED',
      details: { attempts: 1 },
    });
  });

  it('ends with the signal of the caller, and with the client', async () => {
    const hang = await scripted([() => undefined]);
    const abort = new AbortController();
    const aborted = hang.client.dispatch('A', {}, { signal: abort.signal });
    await until(() => hang.seen.length === 1);
    abort.abort(new Error('the user left'));
    await expect(aborted).rejects.toThrow('the user left');
    await expect(hang.client.dispatch('A', {}, { signal: abort.signal })).rejects.toThrow('the user left');
    const open = hang.client.dispatch('A', {});
    await until(() => hang.seen.length === 2);
    await hang.client.close();
    expect((await refusal(open)).code).toBe('NEXUS_CLOSED');
    expect((await refusal(hang.client.dispatch('A', {}))).code).toBe('NEXUS_CLOSED');
  });

  it('may be called many times at once, and leaves nothing behind', async () => {
    const warnings: unknown[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', onWarning);
    const { nexus, url } = await host();
    const client = createNexusClient({ url, node: 'shop', secret: key });
    const said = await Promise.all(
      Array.from({ length: 200 }, (_, n) => client.dispatch('ORDER_PAID', { n })),
    );
    expect(new Set(said.map(({ id }) => id)).size).toBe(200);
    expect((await nexus.health()).head).toBe(200);
    // Node tells of them on a later turn.
    await new Promise((next) => setImmediate(next));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('refuses what JSON would change in silence, without a request', async () => {
    const { client, seen } = await scripted([accept]);
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const value of [NaN, Infinity, new Date(), new Map(), () => 1, Symbol('s'), 1n, [undefined], cycle])
      expect(await refusal(client.dispatch('A', { at: { value } }))).toMatchObject({
        code: 'NEXUS_INVALID_PAYLOAD',
        message: expect.stringContaining('at ') as string,
      });
    expect(seen).toEqual([]);
    await client.dispatch('A', {
      gone: undefined,
      kept: [null, -0, ''],
      other: Object.create(null) as object,
    });
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ payload: { kept: [null, 0, ''], other: {} } });
  });

  it('checks payloads by a catalogue, where it has one', async () => {
    const { client, seen } = await scripted([accept], {
      events: { A: z.looseObject({ n: z.number() }) },
    });
    expect(await refusal(client.dispatch('A', { n: '1' }))).toMatchObject({
      code: 'NEXUS_INVALID_PAYLOAD',
      details: { issues: [{ path: ['n'] }] },
    });
    expect((await refusal(client.dispatch('toString', {}))).code).toBe('NEXUS_UNKNOWN_EVENT');
    expect(seen).toEqual([]);
    expect((await client.dispatch('A', { n: 1 })).seq).toBe(3);
  });

  it('carries awkward texts as they are', async () => {
    const { nexus, url } = await host();
    const client = createNexusClient({ url, node: 'shop', secret: key });
    const texts = awkwardTexts();
    expect(texts.length).toBeGreaterThanOrEqual(515);
    for (const [i, text] of texts.entries()) await client.dispatch('ORDER_TEXT', { text, i, [text]: i });
    const { items } = await nexus.events.list({ after: 0, limit: 1_000 });
    expect(items.map(({ payload }) => payload)).toEqual(texts.map((text, i) => ({ text, i, [text]: i })));
  });
});

describe('the time between attempts', () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  const STEP_MS = 10;

  /** The times at which a fetch is called, on a clock that jumps. */
  async function times(
    answers: (() => Response)[],
    options: Partial<NexusClientOptions> = {},
  ): Promise<{ at: number[]; error: NexusError | undefined }> {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const start = Date.now();
    const at: number[] = [];
    const client = createNexusClient({
      url: 'https://bus.example',
      node: 'shop',
      secret: key,
      fetch: async () => {
        at.push(Date.now() - start);
        const answer = answers[at.length - 1] ?? answers.at(-1);
        if (!answer) throw new TypeError('no network');
        return answer();
      },
      ...options,
    });
    const end: { error?: NexusError; isOver?: true } = {};
    const done = client.dispatch('A', {}).then(
      () => ({ isOver: true }),
      (error: unknown) => ({ isOver: true, error }),
    );
    void done.then((settled) => Object.assign(end, settled));
    while (end.isOver === undefined) {
      // Web Crypto answers on real time; meanwhile nothing waits on ours.
      await new Promise((next) => setImmediate(next));
      if (vi.getTimerCount() > 0) await vi.advanceTimersByTimeAsync(STEP_MS);
    }
    return { at, error: end.error };
  }
  const accepted = (): Response =>
    Response.json({ status: 'dispatched', event: 'A', eventId: 'e', seq: 1, timestamp: 1, duplicate: false });

  it('grows from attempt to attempt', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const { at, error } = await times([], { retry: { maxAttempts: 6, initialMs: 100, maxMs: 700 } });
    const delays = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    for (const [i, least] of [100, 200, 400, 700, 700].entries())
      expect(delays[i]).toBeGreaterThanOrEqual(least);
    expect(error?.details.attempts).toBe(6);
  });

  it('is what Retry-After asks for at least, as seconds or as a date', async () => {
    const asked = (value: string) => () =>
      new Response('', { status: 429, headers: { 'retry-after': value } });
    const { at } = await times([
      asked('7'),
      () => asked(new Date(Date.now() + 9_000).toUTCString())(),
      accepted,
    ]);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(7_000);
    expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThanOrEqual(8_000);
  });

  it('ends at the deadline: nobody waits for what comes after it', async () => {
    const asked = (): Response => new Response('', { status: 503, headers: { 'retry-after': '120' } });
    const { at, error } = await times([asked]);
    expect(at).toHaveLength(1);
    expect(error?.details).toMatchObject({ retryAfterMs: 120_000, attempts: 1 });
    vi.useRealTimers();
    // Pauses of 250, 500 and 1,000 ms, and none of 2,000.
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const spent = await times([], { deadlineMs: 3_000, retry: { maxAttempts: 1_000, initialMs: 500 } });
    // A pause that ends within a step is over at once, but what it signs is sent at the end of the step.
    expect(spent.at.at(-1)).toBeLessThan(3_000 + STEP_MS);
    expect(spent.at).toHaveLength(4);
    expect(spent.error?.code).toBe('NEXUS_UNREACHABLE');
  });
});
