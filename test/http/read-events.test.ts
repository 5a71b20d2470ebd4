import { describe, expect, it } from 'vitest';
import { NonRetryableError } from '../../src/core/errors.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import { record } from '../support/bus.js';
import { secret, serve, ways, type Got, type Way } from './serve.js';

const tokens = { all: secret(), paid: secret(), chief: secret(), mute: secret() };
const nodes: Record<string, NodeConfig> = {
  all: { secrets: [], tokens: [secret(), tokens.all], subscribe: ['*'] },
  paid: { secrets: [secret()], tokens: [tokens.paid], subscribe: ['PAID', 'ORDER_*'] },
  chief: { secrets: [], tokens: [tokens.chief], subscribe: ['*'], admin: true },
  mute: { secrets: [], tokens: [tokens.mute], dispatch: ['*'] },
};

type Reader = keyof typeof tokens;

function reading(way: Way) {
  const served = serve(way, { bus: { nodes } });
  const get = (as: Reader, path: string): Promise<Got> =>
    served.send({ method: 'GET', path, headers: { authorization: `Bearer ${tokens[as]}` } });
  const { nexus } = served;
  const say = async (...types: string[]): Promise<string[]> => {
    const said = await nexus.dispatchMany(types.map((type, n) => ({ type, payload: { n } })));
    return said.map(({ id }) => id);
  };
  const seqs = ({ json }: Got): number[] => (json.items as { seq: number }[]).map(({ seq }) => seq);
  return { ...served, get, say, seqs };
}

describe.each(ways)('GET /events over %s', (way) => {
  it('gives the newest first, as they are on the wire', async () => {
    const { get, nexus, clock, seqs } = reading(way);
    const { id } = await nexus.dispatch(
      'PAID',
      { amount: '1.00' },
      { headers: { trace: 't' }, correlationId: 'c' },
    );
    await nexus.dispatch('MINTED', {}, { causationId: id });
    const page = await get('all', '/events');
    expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    expect(seqs(page)).toEqual([2, 1]);
    expect(page.json).toMatchObject({
      next: null,
      items: [
        { event: 'MINTED', causationId: id },
        {
          id,
          seq: 1,
          event: 'PAID',
          payload: { amount: '1.00' },
          source: 'nexus',
          timestamp: clock.now(),
          correlationId: 'c',
          causationId: null,
          headers: { trace: 't' },
          schemaVersion: 1,
        },
      ],
    });
  });

  it('shows what was redacted as such, and its note to nobody who does not name it', async () => {
    const { get, say, nexus } = reading(way);
    const [id = ''] = await say('PAID');
    await nexus.audit.redact(id, 'asked for');
    const page = await get('all', '/events');
    expect(page.json.items).toMatchObject([{ id, payload: {}, redacted: true }]);
    expect((await get('all', `/events/${id}`)).json).toMatchObject({
      event: { redacted: true },
      children: [],
    });
    await say('PAID');
    const [whole] = (await get('all', '/events')).json.items as object[];
    expect(whole).not.toHaveProperty('redacted');
  });

  it('refuses a cursor in what was pruned: gone, not empty', async () => {
    const { get, say, nexus, seqs } = reading(way);
    await say('PAID', 'PAID', 'PAID', 'PAID');
    await nexus.audit.checkpoint();
    await nexus.audit.prune({ before: 4 });
    const gone = await get('all', '/events?after=1');
    expect([gone.status, gone.json.code, gone.json.title]).toEqual([410, 'NEXUS_POSITION_PRUNED', 'Gone']);
    expect(seqs(await get('all', '/events?after=3'))).toEqual([4]);
    expect(seqs(await get('all', '/events?after=0'))).toEqual([4]);
  });

  it('shows a node what it may read, and nothing of the rest', async () => {
    const { get, say, seqs } = reading(way);
    await say('PAID', 'MINTED', 'ORDER_PLACED', 'SECRET', 'PAID');
    expect(seqs(await get('paid', '/events'))).toEqual([5, 3, 1]);
    expect(seqs(await get('paid', '/events?after=0'))).toEqual([1, 3, 5]);
    expect(seqs(await get('paid', '/events?type=PAID'))).toEqual([5, 1]);
    expect(seqs(await get('mute', '/events'))).toEqual([]);
    const foreign = await get('paid', '/events?type=PAID&type=MINTED');
    expect([foreign.status, foreign.json.code]).toEqual([403, 'NEXUS_PERMISSION_DENIED']);
    expect((await get('paid', '/events?type=nexus.log.gap')).status).toBe(403);
  });

  it('pages in both directions, without gap or repeat', async () => {
    const { get, say, seqs } = reading(way);
    await say(...Array.from({ length: 25 }, (_, i) => (i % 3 === 0 ? 'PAID' : 'MINTED')));
    const expected = Array.from({ length: 25 }, (_, i) => i + 1).filter((seq) => seq % 3 === 1);
    for (const as of ['paid', 'all'] as const) {
      const wanted = as === 'paid' ? expected : Array.from({ length: 25 }, (_, i) => i + 1);
      for (const [cursor, start] of [
        ['after', '&after=0'],
        ['before', ''],
      ] as const) {
        const seen: number[] = [];
        let next: unknown = start;
        for (let page = 0; next !== null && page < 30; page++) {
          const got = await get(
            as,
            `/events?limit=2${typeof next === 'number' ? `&${cursor}=${next}` : start}`,
          );
          expect(seqs(got).length).toBeLessThanOrEqual(2);
          seen.push(...seqs(got));
          next = got.json.next;
        }
        expect(seen, `${as} ${cursor}`).toEqual(cursor === 'after' ? wanted : wanted.toReversed());
      }
    }
  });

  it('filters by source, flow and time', async () => {
    const { get, nexus, clock, seqs } = reading(way);
    const { id } = await nexus.dispatch('PAID', {});
    await nexus.dispatch('PAID', { b: 1 }, { source: 'mute', causationId: id, correlationId: id });
    const first = clock.now();
    await clock.advance(1_000);
    await nexus.dispatch('PAID', { c: 1 });
    expect(seqs(await get('all', '/events?source=mute'))).toEqual([2]);
    expect(seqs(await get('all', `/events?correlationId=${id}`))).toEqual([2, 1]);
    expect(seqs(await get('all', `/events?causationId=${id}`))).toEqual([2]);
    expect(seqs(await get('all', `/events?from=${first + 1}`))).toEqual([3]);
    expect(seqs(await get('all', `/events?to=${first + 1}`))).toEqual([2, 1]);
  });

  it.each([
    '?limit=0',
    '?limit=1001',
    '?limit=x',
    '?limit=-1',
    '?after=1.5',
    '?after=',
    '?after=1e3',
    '?after=1&after=2',
    '?token=x',
    '?Type=A',
    '?__proto__=1',
  ])('refuses the query %s', async (query) => {
    const { get } = reading(way);
    const { status, json } = await get('all', `/events${query}`);
    expect([status, json.code]).toEqual([400, 'NEXUS_BAD_REQUEST']);
  });

  it('refuses a cursor above the head, which would wait for ever', async () => {
    const { get, say } = reading(way);
    await say('PAID');
    expect((await get('all', '/events?after=1')).json).toEqual({ items: [], next: null });
    const ahead = await get('all', '/events?after=2');
    expect([ahead.status, ahead.json.code]).toEqual([409, 'NEXUS_POSITION_AHEAD']);
  });

  it('answers HEAD as GET, without the page', async () => {
    const { send } = reading(way);
    const head = await send({ method: 'HEAD', headers: { authorization: `Bearer ${tokens.all}` } });
    expect([head.status, head.text]).toEqual([200, '']);
  });
});

describe.each(ways)('GET /events/:id over %s', (way) => {
  async function story(as: Reader) {
    const served = reading(way);
    const { nexus, get } = served;
    nexus.onEvent('PAID', { name: 'mail' }, () => {
      throw new NonRetryableError('smtp://user:hunter2@mail.internal refused');
    });
    nexus.onEvent('PAID', { name: 'mint' }, (_, ctx) => {
      ctx.dispatch('MINTED', {});
      ctx.dispatch('PAID_TWICE', {});
    });
    const { id } = await nexus.dispatch('PAID', {});
    await nexus.settled(id);
    return { ...served, id, got: await get(as, `/events/${id}`) };
  }

  it('tells the story: the event, its deliveries and attempts, its children', async () => {
    const { id, got, get } = await story('chief');
    expect(got.json).toMatchObject({
      event: { id, event: 'PAID', seq: 1 },
      deliveries: [
        {
          reactor: 'mail',
          state: 'dead',
          error: { message: expect.stringContaining('hunter2') as string },
          attempts: [{ outcome: 'dead' }],
        },
        { reactor: 'mint', state: 'succeeded', attempts: [] },
      ],
      children: [{ event: { event: 'MINTED', causationId: id } }, { event: { event: 'PAID_TWICE' } }],
      truncated: false,
    });
    expect((await get('chief', `/events/${id.toUpperCase()}`)).json).toEqual(got.json);
  });

  it('keeps the errors of handlers for admins, and children for those who may read them', async () => {
    const { got } = await story('paid');
    expect(got.status).toBe(200);
    expect(got.text).not.toContain('hunter2');
    expect(got.json.deliveries).toMatchObject([{ error: { code: 'NonRetryableError' } }, {}]);
    expect(got.json.children).toEqual([]);
  });

  it('does not tell an event that may not be read from one that is not there', async () => {
    const { get, say } = reading(way);
    const [id = ''] = await say('SECRET');
    const hidden = await get('paid', `/events/${id}`);
    const missing = await get('paid', '/events/0192f3a1-1111-7222-8333-444455556666');
    expect(hidden.status).toBe(404);
    expect([missing.status, missing.text]).toEqual([hidden.status, hidden.text]);
    expect((await get('all', `/events/${id}`)).status).toBe(200);
  });
});

describe.each(ways)('a token over %s', (way) => {
  it('is refused as anything else is, unless it is a known one, as it was given', async () => {
    const { send, nexus } = reading(way);
    const denied = record(nexus, 'auth:denied');
    const right = tokens.all;
    const attempts = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      right,
      `Basic ${right}`,
      `Token ${right}`,
      `Bearer ${right}x`,
      `Bearer ${right.slice(0, -1)}`,
      `Bearer ${right.toUpperCase()}`,
      `Bearer ${right} ${right}`,
      `Bearer ${right}, Bearer ${right}`,
      `Bearer ${right},`,
      `Bearer ${secret()}`,
      `Bearer ${'x'.repeat(5_000)}`,
    ];
    const answers = new Set<string>();
    for (const authorization of attempts) {
      const headers = authorization === undefined ? {} : { authorization };
      const { status, headers: answered, text } = await send({ method: 'GET', headers });
      expect(status, authorization).toBe(401);
      answers.add(JSON.stringify([{ ...answered, date: '' }, text]));
    }
    const posted = await send({ method: 'POST', body: '{}', headers: { authorization: `Bearer ${right}` } });
    answers.add(JSON.stringify([{ ...posted.headers, date: '' }, posted.text]));
    expect([...answers]).toHaveLength(1);
    expect(denied.map(({ moment }) => moment.reason)).toEqual([...attempts.map(() => 'token'), 'signature']);
    expect((await send({ method: 'GET', headers: { authorization: `bearer  ${right}` } })).status).toBe(200);
  });

  it('counts no more once it is revoked', async () => {
    const { get, nexus } = reading(way);
    expect((await get('all', '/events')).status).toBe(200);
    await nexus.nodes.revoke('all');
    expect((await get('all', '/events')).status).toBe(401);
  });
});
