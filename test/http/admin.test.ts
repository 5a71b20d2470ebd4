/** `/admin/…`: what operators see and steer over HTTP, and who else does not. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Act } from '../../src/http/admin/act.js';
import { auditActs } from '../../src/http/admin/audit.js';
import { deliveryActs } from '../../src/http/admin/deliveries.js';
import { endpointActs } from '../../src/http/admin/endpoints.js';
import { reactorActs } from '../../src/http/admin/reactors.js';
import { replayActs } from '../../src/http/admin/replays.js';
import { createHttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import type { Nexus } from '../../src/nexus.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import { createBus, record } from '../support/bus.js';
import { turns } from '../support/test-clock.js';
import { listen, secret, serve, ways, type Got, type Sent, type Way } from './serve.js';

const tokens = { chief: secret(), half: secret(), reader: secret() };
const nodes: Record<string, NodeConfig> = {
  chief: { secrets: [], tokens: [tokens.chief], subscribe: ['*'], admin: true },
  half: { secrets: [], tokens: [tokens.half], subscribe: ['PAID'], admin: true },
  reader: { secrets: [], tokens: [tokens.reader], subscribe: ['*'] },
  shop: {
    secrets: [secret()],
    subscribe: ['MINTED'],
    webhook: { url: 'http://127.0.0.1:1/hook', allowPrivateNetwork: true },
  },
};

type Who = keyof typeof tokens;
type Asking = (line: string, body?: unknown, as?: Who) => Promise<Got>;

/** `mint` takes PAID and dies of it until it is mended; `mail` takes everything. */
function administered(way: Way, http: HttpHandlerOptions = {}) {
  let mended = false;
  const served = serve(way, { bus: { nodes }, http: { admin: true, ...http } });
  const { nexus, send } = served;
  nexus.onEvent('PAID', { name: 'mint', retry: { maxAttempts: 1 } }, () => {
    if (!mended) throw Object.assign(new Error('card 4711 was refused'), { code: 'DOWN' });
  });
  nexus.onEvent('*', { name: 'mail,a/b ü' }, () => undefined);
  const ask: Asking = async (line, body, as = 'chief') => {
    const [method = '', path = ''] = line.split(' ');
    const headers = { authorization: `Bearer ${tokens[as]}`, 'content-type': 'application/json' };
    const sent: Sent = { method, path, headers };
    return await send(body === undefined ? sent : { ...sent, body: JSON.stringify(body) });
  };
  const pay = async (count: number): Promise<void> => {
    const said = await nexus.dispatchMany(
      Array.from({ length: count }, (_, n) => ({ type: 'PAID', payload: { n } })),
    );
    for (const { id } of said) await nexus.settled(id).catch(() => undefined);
  };
  return { ...served, ask, pay, mend: () => void (mended = true) };
}

const fake = createFake();
function createFake(): readonly Act[] {
  const nexus = {
    deliveries: {},
    deadLetters: {},
    reactors: {},
    endpoints: {},
    nodes: {},
    audit: {},
  } as Nexus;
  const door = { may: () => true };
  const long = { answer: () => Promise.reject(new Error('not here')) };
  return [
    ...reactorActs(nexus),
    ...deliveryActs(nexus, door),
    ...replayActs(nexus, { door, long }),
    ...endpointActs(nexus),
    ...auditActs(nexus, long),
  ];
}
const acts = fake.map(({ method, path, shape }) => ({
  line: `${method} ${path}`,
  method,
  path: path.replace(/:\w+/, 'x'),
  shape,
}));
const items = ({ json }: Got): Record<string, unknown>[] => json.items as Record<string, unknown>[];
const lines = ({ text }: Got): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('docs/admin-api.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/admin-api.md', import.meta.url)), 'utf8');
  const rows = [...page.matchAll(/^\| `((?:GET|POST|DELETE) \/admin\/\S+)` \|(.*?)\|.*\|$/gm)];

  it('has every route, with what it is asked with, and no other', () => {
    expect(rows.map(([, line]) => line).sort()).toEqual(acts.map(({ line }) => line).sort());
    let before: string[] = [];
    for (const [, line, given = ''] of rows) {
      const { shape = {} } = acts.find((act) => act.line === line) ?? {};
      if (given.trim() !== 'the same')
        before = [...given.matchAll(/`\??(\w+)(?:: true)?`/g)].map(([, name = '']) => name);
      expect(before.sort(), line).toEqual(Object.keys(shape).sort());
    }
  });
});

describe.each(ways)('the admin routes over %s', (way) => {
  it('are not there unless they are asked for', async () => {
    for (const admin of [undefined, false] as const) {
      const { ask } = administered(way, admin === undefined ? {} : { admin });
      const off = serve(way, { bus: { nodes }, ...(admin === false && { http: { admin } }) });
      for (const { method, path } of acts) {
        const headers = { authorization: `Bearer ${tokens.chief}` };
        const { status, json } = await off.send({ method, path, headers });
        expect([status, json.code], path).toEqual([404, 'NEXUS_NOT_FOUND']);
      }
      if (admin === undefined) expect((await ask('GET /admin/reactors')).status).toBe(200);
    }
  });

  it('serve admins alone, and say so in one voice', async () => {
    const { ask, send, nexus } = administered(way);
    const told = record(nexus, 'auth:denied', 'admin:acted');
    const answers = new Set<string>();
    for (const { method, path, line } of acts) {
      for (const headers of [{}, { authorization: 'Bearer wrong-token-0123456789' }]) {
        const { status, text } = await send({ method, path, headers });
        expect(status, line).toBe(401);
        answers.add(text);
      }
      const { status, json } = await ask(`${method} ${path}`, method === 'POST' ? {} : undefined, 'reader');
      expect([status, json.code], line).toEqual([403, 'NEXUS_PERMISSION_DENIED']);
    }
    expect(answers.size).toBe(1);
    expect(told.filter(({ name }) => name === 'admin:acted')).toEqual([]);
    expect(told.filter(({ moment }) => 'reason' in moment && moment.reason === 'permission')).toHaveLength(
      acts.length,
    );
  });

  it('take their own methods and paths', async () => {
    const { ask } = administered(way);
    const wrong = await ask('DELETE /admin/reactors');
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect((await ask('GET /admin/reactors/mint/pause')).headers.allow).toBe('POST, OPTIONS');
    expect((await ask('PUT /admin/reactors/mint')).headers.allow).toBe('GET, HEAD, DELETE, OPTIONS');
    for (const path of [
      '/admin',
      '/admin/',
      '/admin/reactors/',
      '/admin/Reactors',
      '/admin/reactors/mint/',
      '/admin/reactors/mint/pause/now',
      '/admin/reactors//pause',
      '/admin/reactors/%E0%A4%A/pause',
      '/admin/%72eactors',
      '/admin2/reactors',
      '/admin/audit',
      '/admin/audit/prune',
      '/admin/audit/redact',
    ])
      for (const method of ['GET', 'POST', 'DELETE'])
        expect((await ask(`${method} ${path}`)).status, `${method} ${path}`).toBe(404);
  });

  it('refuse what they do not know, and change nothing', async () => {
    const { ask, nexus, send, pay } = administered(way, { bodyLimitBytes: 2_000 });
    await pay(1);
    const refused: [string, unknown, number, string, string][] = [
      ['GET /admin/deliveries?stat=dead', undefined, 400, 'NEXUS_BAD_REQUEST', 'expected reactor'],
      ['GET /admin/deliveries?limit=1001', undefined, 400, 'NEXUS_BAD_REQUEST', 'from 1 to 1000'],
      ['GET /admin/deliveries?limit=ten', undefined, 400, 'NEXUS_BAD_REQUEST', 'from 1 to 1000'],
      ['GET /admin/deliveries?run=-1', undefined, 400, 'NEXUS_BAD_REQUEST', 'whole number'],
      ['GET /admin/deliveries?run=1&run=2', undefined, 400, 'NEXUS_BAD_REQUEST', 'twice'],
      ['GET /admin/deliveries?state=asleep', undefined, 422, 'NEXUS_INVALID_OPTION', 'pending'],
      ['GET /admin/deliveries?after=zzz', undefined, 404, 'NEXUS_NOT_FOUND', 'zzz'],
      ['GET /admin/replays?state=odd', undefined, 400, 'NEXUS_BAD_REQUEST', 'one of running'],
      ['GET /admin/reactors?x=1', undefined, 400, 'NEXUS_BAD_REQUEST', 'expected none'],
      ['POST /admin/dead-letters/discard', {}, 422, 'NEXUS_INVALID_OPTION', 'say which'],
      ['POST /admin/dead-letters/discard', undefined, 422, 'NEXUS_INVALID_OPTION', 'say which'],
      ['POST /admin/dead-letters/discard', { all: false }, 422, 'NEXUS_INVALID_OPTION', 'say which'],
      ['POST /admin/dead-letters/discard', { reactr: 'mint' }, 422, 'NEXUS_INVALID_OPTION', 'reactr'],
      ['POST /admin/dead-letters/discard', { reactor: {} }, 422, 'NEXUS_INVALID_OPTION', 'a text'],
      ['POST /admin/dead-letters/discard', { ids: [] }, 422, 'NEXUS_INVALID_OPTION', '1 to 1000'],
      ['POST /admin/dead-letters/discard', { ids: [7] }, 422, 'NEXUS_INVALID_OPTION', '1 to 1000'],
      ['POST /admin/dead-letters/discard', { all: true, limit: 0 }, 422, 'NEXUS_INVALID_OPTION', '1 to 1000'],
      ['POST /admin/dead-letters/discard', { all: 'true' }, 422, 'NEXUS_INVALID_OPTION', 'true or false'],
      ['POST /admin/dead-letters/discard', [], 400, 'NEXUS_BAD_REQUEST', 'JSON object'],
      [
        'POST /admin/dead-letters/discard',
        { ids: ['x'.repeat(2_000)] },
        413,
        'NEXUS_BODY_TOO_LARGE',
        'larger',
      ],
      ['POST /admin/reactors/mint/seek', {}, 422, 'NEXUS_INVALID_OPTION', '"now"'],
      ['POST /admin/reactors/mint/seek', { to: '1' }, 422, 'NEXUS_INVALID_OPTION', '"now"'],
      ['POST /admin/reactors/mint/seek', { to: 99 }, 409, 'NEXUS_POSITION_AHEAD', '99'],
      ['POST /admin/reactors/nobody/pause', {}, 404, 'NEXUS_NOT_FOUND', 'nobody'],
      ['DELETE /admin/reactors/nobody', undefined, 404, 'NEXUS_NOT_FOUND', 'nobody'],
      ['GET /admin/reactors/nobody', undefined, 404, 'NEXUS_NOT_FOUND', 'nobody'],
      ['POST /admin/deliveries/9-9-9/retry', undefined, 404, 'NEXUS_NOT_FOUND', '9-9-9'],
      ['GET /admin/deliveries/9-9-9', undefined, 404, 'NEXUS_NOT_FOUND', '9-9-9'],
      ['POST /admin/replays', {}, 422, 'NEXUS_INVALID_OPTION', '"reactors"'],
      ['POST /admin/replays', { reactors: ['nobody'] }, 404, 'NEXUS_NOT_FOUND', 'nobody'],
      ['POST /admin/replays', { reactors: ['mint'], from: 9 }, 409, 'NEXUS_POSITION_AHEAD', '9'],
      [
        'POST /admin/replays',
        { reactors: ['mint'], from: 1, fromAt: 1 },
        422,
        'NEXUS_INVALID_OPTION',
        'both',
      ],
      ['POST /admin/replays', { reactors: ['mint'], dryRun: true }, 422, 'NEXUS_INVALID_OPTION', 'dryRun'],
      ['POST /admin/replays/plan', { reactors: ['nobody'] }, 404, 'NEXUS_NOT_FOUND', 'nobody'],
      ['GET /admin/replays/1', undefined, 404, 'NEXUS_NOT_FOUND', '1'],
      ['DELETE /admin/replays/x', undefined, 404, 'NEXUS_NOT_FOUND', 'x'],
      ['POST /admin/endpoints/nobody/disable', undefined, 404, 'NEXUS_NOT_FOUND', 'nobody'],
      ['GET /admin/endpoints/reader', undefined, 404, 'NEXUS_NOT_FOUND', 'reader'],
      ['POST /admin/audit/verify', { from: 99 }, 409, 'NEXUS_POSITION_AHEAD', '99'],
      ['POST /admin/audit/verify', { checkpoint: { seq: 1 } }, 422, 'NEXUS_INVALID_OPTION', 'checkpoint'],
    ];
    for (const [line, body, status, code, says] of refused) {
      const got = await ask(line, body);
      expect([got.status, got.json.code], `${line} ${JSON.stringify(body)}`).toEqual([status, code]);
      expect(got.headers['content-type']).toBe('application/problem+json');
      expect(got.json.detail, line).toContain(says);
    }
    const headers = { authorization: `Bearer ${tokens.chief}`, 'content-type': 'text/plain' };
    const form = await send({ path: '/admin/dead-letters/discard', headers, body: '{"all":true}' });
    expect([form.status, form.json.code]).toEqual([415, 'NEXUS_UNSUPPORTED_MEDIA_TYPE']);
    expect((await nexus.stats()).deliveries.dead).toBe(1);
    expect((await nexus.replays.list()).items).toEqual([]);
  });

  it('pause, resume, move and remove reactors, whatever their names', async () => {
    const { ask, nexus, pay } = administered(way);
    await pay(2);
    const listed = await ask('GET /admin/reactors');
    expect(listed.json).toEqual(
      JSON.parse(JSON.stringify({ items: await nexus.reactors.list(), next: null })),
    );
    const odd = encodeURIComponent('mail,a/b ü');
    expect((await ask(`GET /admin/reactors/${odd}`)).json).toMatchObject({ name: 'mail,a/b ü', lag: 0 });
    expect((await ask(`POST /admin/reactors/${odd}/pause`)).json).toMatchObject({ paused: true });
    expect((await nexus.reactors.list()).find(({ name }) => name === 'mail,a/b ü')?.paused).toBe(true);
    expect((await ask(`POST /admin/reactors/${odd}/resume`, {})).json).toMatchObject({ paused: false });
    await nexus.reactors.pause('mint');
    expect((await ask('POST /admin/reactors/mint/seek', { to: 0 })).json).toMatchObject({
      position: 0,
      lag: 2,
    });
    expect((await ask('POST /admin/reactors/mint/seek', { to: 'now' })).json).toMatchObject({ position: 2 });
    expect((await ask('DELETE /admin/reactors/mint')).json).toEqual({ removed: 'mint', cancelled: 0 });
    expect(items(await ask('GET /admin/reactors')).map(({ name }) => name)).not.toContain('mint');
  });

  it('list, retry and cancel deliveries, in pages', async () => {
    const { ask, nexus, pay, mend } = administered(way);
    await pay(5);
    const first = await ask('GET /admin/deliveries?reactor=mint&state=dead&state=pending&limit=3');
    expect(items(first).map(({ id }) => id)).toEqual(
      (await nexus.deliveries.list({ reactor: 'mint', limit: 3 })).items.map(({ id }) => id),
    );
    const rest = await ask(`GET /admin/deliveries?reactor=mint&after=${String(first.json.next)}`);
    expect([items(rest).length, rest.json.next]).toEqual([2, null]);
    const id = String(items(first)[0]?.id);
    expect((await ask(`GET /admin/deliveries/${id}`)).json).toMatchObject({
      id,
      state: 'dead',
      reactor: 'mint',
    });
    mend();
    const event = String(items(first)[0]?.eventId);
    expect((await ask(`POST /admin/deliveries/${id}/retry`)).status).toBe(200);
    await nexus.settled(event);
    expect((await nexus.deliveries.get(id))?.state).toBe('succeeded');
    await nexus.dispatch('PAID', {}, { notBefore: Date.now() * 2 });
    const [later] = items(await ask('GET /admin/deliveries?reactor=mint&state=pending'));
    expect((await ask(`POST /admin/deliveries/${String(later?.id)}/cancel`)).json).toMatchObject({
      state: 'cancelled',
    });
  });

  it('redrive and discard dead letters: those that are named, or all', async () => {
    const { ask, nexus, pay, mend } = administered(way);
    await pay(4);
    const dead = items(await ask('GET /admin/dead-letters?reactor=mint&errorCode=DOWN'));
    expect(dead).toHaveLength(4);
    const [first, second] = dead.map(({ id }) => String(id));
    expect((await ask('POST /admin/dead-letters/discard', { ids: [first] })).json).toEqual({ discarded: 1 });
    mend();
    expect((await ask('POST /admin/dead-letters/redrive', { ids: [first, second] })).json).toEqual({
      redriven: 1,
    });
    expect((await ask('POST /admin/dead-letters/redrive', { type: 'OTHER' })).json).toEqual({ redriven: 0 });
    expect((await ask('POST /admin/dead-letters/redrive', { reactor: 'mint', limit: 1 })).json).toEqual({
      redriven: 1,
    });
    expect((await ask('POST /admin/dead-letters/discard', { all: true })).json).toEqual({ discarded: 1 });
    expect((await nexus.stats()).deliveries.dead).toBe(0);
  });

  it('tell what a handler threw to who may read the event', async () => {
    const { ask, nexus } = administered(way);
    nexus.onEvent('SECRET', { name: 'hush', retry: { maxAttempts: 1 } }, () => {
      throw Object.assign(new Error('about the payload'), { code: 'HUSH' });
    });
    const { id } = await nexus.dispatch('SECRET', {});
    await nexus.settled(id);
    for (const path of ['/admin/dead-letters', '/admin/deliveries?state=dead'])
      for (const [who, error] of [
        ['chief', { code: 'HUSH', message: 'about the payload' }],
        ['half', { code: 'HUSH' }],
      ] as const)
        expect(items(await ask(`GET ${path}`, undefined, who)).map((each) => each.error)).toEqual([error]);
    const [letter] = items(await ask('GET /admin/dead-letters'));
    const one = await ask(`GET /admin/deliveries/${String(letter?.id)}`, undefined, 'half');
    expect(one.text).not.toContain('payload');
  });

  it('plan, begin, show and cancel replays', async () => {
    const { ask, nexus, pay, mend, clock } = administered(way);
    await pay(3);
    mend();
    const plan = await ask('POST /admin/replays/plan', { reactors: ['mint'], from: 2 });
    expect([plan.status, plan.headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    expect(lines(plan).at(-1)).toMatchObject({ report: { state: 'dry-run', reactors: [{ events: 2 }] } });
    expect(lines(plan)[0]).toEqual({ progress: { done: 2, total: 2 } });
    expect((await nexus.replays.list()).items).toEqual([]);

    await nexus.reactors.pause('mint');
    const begun = await ask('POST /admin/replays', { reactors: ['mint'], from: 2, to: 3, types: ['PAID'] });
    expect([begun.status, begun.headers.location]).toEqual([202, 'replays/1']);
    expect(begun.json).toMatchObject({ run: 1, state: 'running', from: 2, to: 3, done: 0, total: 2 });
    await nexus.reactors.resume('mint');
    await clock.advance(1_000);
    for (let tries = 0; tries < 200 && (await nexus.replays.get(1))?.state === 'running'; tries++)
      await turns(5);
    expect((await ask('GET /admin/replays/1')).json).toMatchObject({
      state: 'done',
      done: 2,
      reactors: [{ reactor: 'mint', events: 2, dead: 0 }],
    });

    await nexus.reactors.pause('mint');
    const second = await ask('POST /admin/replays', { reactors: ['mint'], fromAt: 1, fresh: true });
    expect(second.json).toMatchObject({ run: 2, fromAt: 1, fresh: true });
    expect((await ask('DELETE /admin/replays/2')).json).toMatchObject({ run: 2, state: 'cancelled' });
    expect(items(await ask('GET /admin/replays?state=cancelled')).map(({ run }) => run)).toEqual([2]);
    const page = await ask('GET /admin/replays?limit=1');
    expect([items(page)[0]?.run, page.json.next]).toEqual([2, 2]);
    expect(items(await ask('GET /admin/replays?before=2')).map(({ run }) => run)).toEqual([1]);
  });

  it('have those events replayed that the node may read, and no others', async () => {
    const { ask, nexus, pay } = administered(way);
    const told = record(nexus, 'auth:denied');
    await pay(1);
    const everything = 'mail,a/b ü';
    const status = async (path: string, body: object): Promise<number> =>
      (await ask(`POST /admin/replays${path}`, body, 'half')).status;
    for (const path of ['', '/plan']) {
      expect(await status(path, { reactors: [everything] }), path).toBe(403);
      expect(await status(path, { reactors: ['mint', everything] }), path).toBe(403);
      expect(await status(path, { reactors: ['mint'], types: ['PAID', 'SECRET'] }), path).toBe(403);
    }
    expect(told).toHaveLength(6);
    expect((await nexus.replays.list()).items).toEqual([]);
    expect(await status('', { reactors: ['mint'] })).toBe(202);
    expect(await status('', { reactors: [everything], types: ['PAID'] })).toBe(202);
  });

  it('show nodes without what proves them, and steer endpoints as it is done locally', async () => {
    const { ask, nexus } = administered(way);
    const shown = await ask('GET /admin/nodes');
    expect(items(shown).map(({ name }) => name)).toEqual(['chief', 'half', 'reader', 'shop']);
    for (const token of Object.values(tokens)) expect(shown.text).not.toContain(token);
    expect(items(await ask('GET /admin/endpoints'))).toMatchObject([{ node: 'shop', state: 'enabled' }]);
    expect((await ask('POST /admin/endpoints/shop/disable')).json).toMatchObject({
      state: 'disabled',
      reason: 'operator',
    });
    expect((await ask('GET /admin/endpoints/shop')).json).toMatchObject({ state: 'disabled' });
    expect((await ask('POST /admin/endpoints/shop/enable')).json).toMatchObject({ state: 'enabled' });
    const notes = await nexus.events.list({
      after: 0,
      type: ['nexus.endpoint.disabled', 'nexus.endpoint.enabled'],
    });
    expect(notes.items.map(({ type }) => type)).toEqual([
      'nexus.endpoint.disabled',
      'nexus.endpoint.enabled',
    ]);
    expect((await ask('POST /admin/endpoints/shop/test')).json).toMatchObject({ ok: false });
  });

  it('take checkpoints, and verify the log with them as it goes', async () => {
    const { ask, nexus, pay } = administered(way);
    await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, n) => ({ type: 'X', payload: { n } })));
    await pay(1);
    const note = await ask('POST /admin/audit/checkpoint');
    expect(note.json).toMatchObject({ seq: 1_001, hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    const fine = await ask('POST /admin/audit/verify', { checkpoint: note.json });
    const told = lines(fine);
    expect(told.slice(0, -1)).toEqual([
      { progress: { done: 500, total: 1_001 } },
      { progress: { done: 1_000, total: 1_001 } },
      { progress: { done: 1_001, total: 1_001 } },
    ]);
    expect(told.at(-1)).toMatchObject({ report: { ok: true, events: 1_001, vouchedTo: 1_001 } });
    const other = { ...note.json, hash: 'f'.repeat(64) };
    const broken = lines(await ask('POST /admin/audit/verify', { checkpoint: [other], from: 900 }));
    expect(broken.at(-1)).toMatchObject({ report: { ok: false, firstBad: { reason: 'checkpoint' } } });
  });

  it('tell the host who had what done, from where, and how it was answered', async () => {
    const { ask, nexus, pay } = administered(way);
    await pay(1);
    const told = record(nexus, 'admin:acted');
    await ask('GET /admin/reactors');
    await ask('POST /admin/reactors/mint/pause');
    await ask('POST /admin/reactors/nobody/pause', {}, 'half');
    await ask('POST /admin/dead-letters/discard', { all: true });
    const ip = way === 'fetch' ? undefined : '127.0.0.1';
    expect(told.map(({ moment }) => moment)).toEqual([
      { node: 'chief', act: 'POST /admin/reactors/:name/pause', target: 'mint', ip, status: 200 },
      { node: 'half', act: 'POST /admin/reactors/:name/pause', target: 'nobody', ip, status: 404 },
      { node: 'chief', act: 'POST /admin/dead-letters/discard', target: undefined, ip, status: 200 },
    ]);
  });

  it('are limited, shared with pages and measured as the rest', async () => {
    const { ask, send, nexus } = administered(way, {
      nodeRateLimit: { perSecond: 0.001, burst: 2 },
      cors: { origins: ['https://ops.example.com'] },
    });
    const answered = record(nexus, 'http:answered');
    const preflight = await send({
      method: 'OPTIONS',
      path: '/admin/replays/1',
      headers: { origin: 'https://ops.example.com', 'access-control-request-method': 'DELETE' },
    });
    expect(preflight.headers['access-control-allow-methods']).toBe('GET, HEAD, DELETE, OPTIONS');
    for (const status of [404, 404, 429]) expect((await ask('GET /admin/replays/1')).status).toBe(status);
    expect((await ask('GET /admin/replays/1', undefined, 'half')).status).toBe(404);
    expect(answered.map(({ moment }) => moment.route)).toEqual(Array(5).fill('/admin/replays/:run'));
  });

  it('answer 503 once it is closed', async () => {
    const { ask, nexus } = administered(way);
    await ask('GET /admin/reactors');
    await nexus.close();
    for (const line of ['GET /admin/reactors', 'POST /admin/audit/verify', 'POST /admin/replays/plan']) {
      const { status, json, headers } = await ask(
        line,
        line.startsWith('GET') ? undefined : { ...(line.endsWith('plan') && { reactors: ['mint'] }) },
      );
      expect([status, json.code, headers['retry-after']], line).toEqual([503, 'NEXUS_CLOSED', '1']);
      expect(json.detail).not.toContain('event was not stored');
    }
  });
});

describe('what takes its time', () => {
  /** Work that is done when it is told to. */
  function slow() {
    const bus = createBus({ nodes });
    const open: {
      tell: (done: number) => void;
      end: () => void;
      fail: (error: unknown) => void;
      signal: AbortSignal;
    }[] = [];
    const audit: Nexus['audit'] = Object.assign(Object.create(bus.nexus.audit) as Nexus['audit'], {
      verify: async ({ onProgress, signal }: Parameters<Nexus['audit']['verify']>[0] = {}) =>
        await new Promise((resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason as Error));
          open.push({
            tell: (done) => onProgress?.({ done, total: 1_000 }),
            end: () => resolve({ ok: true }),
            fail: reject,
            signal: signal ?? new AbortController().signal,
          });
        }),
    });
    const nexus = Object.create(bus.nexus, { audit: { value: audit } }) as Nexus;
    const handler = createHttpHandler(nexus, { admin: true, nodeRateLimit: false });
    const verify = async (signal?: AbortSignal): Promise<Response> =>
      await handler.fetch(
        new Request('http://nexus.test/admin/audit/verify', {
          method: 'POST',
          headers: { authorization: `Bearer ${tokens.chief}` },
          ...(signal && { signal }),
        }),
      );
    const working = async (count: number): Promise<void> => {
      while (open.length < count) await turns(1);
    };
    return { handler, verify, open, working };
  }

  it('is told at each percent, and begins to be answered at the first', async () => {
    const { verify, open, working } = slow();
    const asked = verify();
    await working(1);
    open[0]?.tell(1);
    const response = await asked;
    for (let done = 2; done <= 1_000; done++) open[0]?.tell(done);
    open[0]?.end();
    const told = (await response.text()).trim().split('\n');
    expect(told).toHaveLength(102);
    expect(told.slice(0, 2)).toEqual([
      '{"progress":{"done":1,"total":1000}}',
      '{"progress":{"done":10,"total":1000}}',
    ]);
    expect(told.at(-1)).toBe('{"report":{"ok":true}}');
  });

  it('says in its last line what went wrong on the way', async () => {
    const { verify, open, working } = slow();
    const asked = verify();
    await working(1);
    open[0]?.tell(1);
    const response = await asked;
    open[0]?.fail(new Error('the disk at /very/private is gone'));
    const last = (await response.text()).trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ problem: { status: 500, code: 'NEXUS_INTERNAL' } });
    expect(last).not.toContain('private');
  });

  it('ends with who asked for it, and makes room for the next', async () => {
    const { verify, open, working } = slow();
    const leaving = new AbortController();
    const asked = [verify(leaving.signal), verify(), verify(), verify()];
    await working(4);
    for (const { tell } of open) tell(1);
    const [first, second] = await Promise.all(asked);
    const full = await verify();
    expect([full.status, full.headers.get('retry-after')]).toEqual([503, '1']);
    leaving.abort();
    await turns(5);
    expect(open.map(({ signal }) => signal.aborted)).toEqual([true, false, false, false]);
    void first?.body?.cancel().catch(() => undefined);
    const fifth = verify();
    await working(5);
    open[4]?.end();
    expect((await fifth).status).toBe(200);
    // By letting go of the body as well.
    await second?.body?.cancel();
    await turns(5);
    expect(open[1]?.signal.aborted).toBe(true);
  });

  it('ends with a connection that broke, before its answer began or after', async () => {
    const { handler, open, working } = slow();
    const port = await listen(createServer(handler));
    for (const [n, begins] of [false, true].entries()) {
      const headers = { authorization: `Bearer ${tokens.chief}` };
      const asked = request({ port, method: 'POST', path: '/admin/audit/verify', headers });
      asked.on('error', () => undefined).end();
      await working(n + 1);
      if (begins) {
        open[n]?.tell(1);
        await once(asked, 'response');
      }
      const closed = new Promise((resolve) => asked.on('close', resolve));
      asked.destroy();
      await closed;
      // The server hears of it a moment later than the client.
      const gone = new Promise<void>((resolve) => open[n]?.signal.addEventListener('abort', () => resolve()));
      if (!begins) await new Promise((resolve) => setTimeout(resolve, 100));
      open[n]?.tell(20);
      await gone;
    }
  });

  it('is not begun for who has left already', async () => {
    const { verify, open, working } = slow();
    const leaving = new AbortController();
    const asked = verify(leaving.signal);
    await working(1);
    leaving.abort();
    open[0]?.tell(1);
    await asked;
    await turns(5);
    expect(open[0]?.signal.aborted).toBe(true);
  });
});

describe('the option', () => {
  it.each(['false', 'true', 1, null])('refuses %j', (admin) => {
    const { nexus } = createBus();
    expect(() => createHttpHandler(nexus, { admin: admin as never })).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
    );
  });
});
