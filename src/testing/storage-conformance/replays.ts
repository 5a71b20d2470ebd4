/** Cases: runs over events that are in the log, beside the live one. */
import assert from 'node:assert/strict';
import type {
  Match,
  NewReplay,
  ReactorRow,
  ReplayFannedOut,
  ReplayPage,
  ReplayRow,
} from '../../storage/storage.js';
import { chapter, several } from './chapter.js';
import { boom, retry, succeeded } from './expectations.js';
import { at, type Instance } from './instance.js';
import type { Rig } from './rig.js';

export const begin = (
  a: Instance,
  reactors: readonly ReactorRow[],
  scope: Partial<NewReplay> = {},
): Promise<ReplayRow> =>
  a.storage.startReplay({
    after: 0,
    until: 3,
    fromAt: null,
    toAt: null,
    types: null,
    fresh: false,
    ...scope,
    reactors: reactors.map(({ key }) => key),
  });

export const page = (
  a: Instance,
  run: number,
  reactor: ReactorRow,
  fields: Partial<ReplayPage> = {},
): Promise<ReplayFannedOut> =>
  a.storage.fanOutReplay({
    run,
    reactor: reactor.key,
    generation: reactor.generation,
    after: 0,
    to: 3,
    matches: matching(1, 2, 3),
    ...fields,
  });

export function matching(...seqs: readonly number[]): Match[] {
  return seqs.map((event) => ({ event }));
}

/** A reactor that has handled three events, and a replay of them. */
async function handled(
  rig: Rig,
  scope: Partial<NewReplay> = {},
): Promise<{ a: Instance; r: ReactorRow; run: number }> {
  const a = await rig.open();
  const row = await a.register('r');
  const { leases } = await a.deliver(row, rig.events(3));
  for (const lease of leases) await a.settle(lease, succeeded);
  const { run } = await begin(a, [row], scope);
  return { a, r: await a.reactor('r'), run };
}

const stored = async (a: Instance, run: number): Promise<ReplayRow> => {
  const row = await a.storage.read.replay(run);
  assert.ok(row);
  return row;
};

export const replayCases = chapter('replays', {
  'create deliveries of their own, and leave the live ones and the position as they are': async (rig) => {
    const { a, r, run } = await handled(rig);
    const before = await a.row({ reactor: r.key, run: 0, seq: 1 });
    await rig.clock.advance(50);
    assert.deepEqual(await page(a, run, r), { outcome: 'done', created: 3, skipped: 0 });
    const { state, dueAt, attempt } = await a.row({ reactor: r.key, run, seq: 1 });
    assert.deepEqual([state, dueAt, attempt], ['pending', rig.clock.now(), 0]);
    assert.deepEqual(await a.row({ reactor: r.key, run: 0, seq: 1 }), before);
    assert.deepEqual(await a.reactor('r'), r);
  },

  'are numbered from 1, and never twice': async (rig) => {
    const { a, r, run } = await handled(rig);
    await a.storage.edit({ edit: 'cancel-replay', run });
    assert.deepEqual([run, (await begin(a, [r])).run], [1, 2]);
  },

  'move on once for each page': async (rig) => {
    const { a, r, run } = await handled(rig);
    const first = { to: 2, matches: matching(1, 2) };
    assert.deepEqual(await page(a, run, r, first), { outcome: 'done', created: 2, skipped: 0 });
    assert.deepEqual(await page(a, run, r, first), { outcome: 'moved', position: 2 });
    assert.deepEqual(await page(a, run, r, { after: 2, matches: matching(3) }), {
      outcome: 'done',
      created: 1,
      skipped: 0,
    });
    const { position, created, open } = at((await stored(a, run)).reactors, 0);
    assert.deepEqual([position, created, open], [3, 3, 3]);
  },

  'move over a page without events': async (rig) => {
    const { a, r, run } = await handled(rig);
    assert.deepEqual(await page(a, run, r, { matches: [] }), { outcome: 'done', created: 0, skipped: 0 });
    assert.equal(at((await stored(a, run)).reactors, 0).position, 3);
  },

  'leave out what the live run has not finished': async (rig) => {
    const a = await rig.open();
    const row = await a.register('r');
    const { leases } = await a.deliver(row, rig.events(3));
    await a.settle(at(leases, 1), succeeded);
    await a.settle(at(leases, 2), retry(1_000));
    const { run } = await begin(a, [row]);
    assert.deepEqual(await page(a, run, row), { outcome: 'done', created: 1, skipped: 2 });
    assert.equal(await a.storage.read.delivery({ reactor: row.key, run, seq: 1 }), undefined);
    const { created, skipped } = at((await stored(a, run)).reactors, 0);
    assert.deepEqual([created, skipped], [1, 2]);
  },

  'leave out what another running replay has not finished, and take what one that is over left': async (
    rig,
  ) => {
    const { a, r, run } = await handled(rig);
    const other = await begin(a, [r]);
    await page(a, run, r, { matches: matching(2) });
    assert.deepEqual(await page(a, other.run, r), { outcome: 'done', created: 2, skipped: 1 });
    const third = await begin(a, [r]);
    await a.storage.edit({ edit: 'cancel-replay', run });
    await a.storage.edit({ edit: 'cancel-replay', run: other.run });
    assert.deepEqual(await page(a, third.run, r), { outcome: 'done', created: 3, skipped: 0 });
  },

  'leave out what the position has not reached': async (rig) => {
    const { a, r, run } = await handled(rig);
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 1 });
    assert.deepEqual(await page(a, run, r), { outcome: 'done', created: 1, skipped: 2 });
  },

  'take events that had no live delivery': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    const row = await a.register('r');
    const { run } = await begin(a, [row]);
    assert.deepEqual(await page(a, run, row), { outcome: 'done', created: 3, skipped: 0 });
  },

  'are refused to an older registration': async (rig) => {
    const { a, r, run } = await handled(rig);
    await a.register('r', { types: ['T', 'U'] });
    assert.deepEqual(await page(a, run, r), { outcome: 'superseded' });
    assert.equal(at((await stored(a, run)).reactors, 0).position, 0);
  },

  'are over once cancelled': async (rig) => {
    const { a, r, run } = await handled(rig);
    assert.deepEqual(await a.storage.edit({ edit: 'cancel-replay', run }), { changed: 1 });
    assert.deepEqual(await page(a, run, r), { outcome: 'over' });
    assert.deepEqual(await a.storage.edit({ edit: 'cancel-replay', run }), { changed: 0 });
    assert.deepEqual(await a.storage.edit({ edit: 'cancel-replay', run: 99 }), { changed: 0 });
  },

  'belong to the reactors that they name': async (rig) => {
    const { a, run } = await handled(rig);
    const s = await a.register('s');
    assert.deepEqual(await page(a, run, s), { outcome: 'over' });
  },

  'are claimed apart from live deliveries': async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r);
    await a.deliver(r, rig.events(1), { lease: 0 });
    const live = await a.claim(r);
    assert.deepEqual(
      live.leased.map(({ lease }) => [lease.run, lease.seq]),
      [[0, 4]],
    );
    const some = await a.claim(r, { lane: 'replays', limit: 2 });
    assert.deepEqual(
      some.leased.map(({ lease }) => [lease.run, lease.seq]),
      [
        [run, 1],
        [run, 2],
      ],
    );
    assert.equal(at(some.reactors, 0).more, true);
    const rest = await a.claim(r, { lane: 'replays' });
    assert.deepEqual([rest.leased.length, at(rest.reactors, 0).more], [1, false]);
    assert.deepEqual((await a.claim(r)).leased, []);
  },

  'say whether more of them is due, and of nothing else': async (rig) => {
    const { a, r, run } = await handled(rig);
    await a.deliver(r, rig.events(1), { lease: 0 });
    assert.equal(at((await a.claim(r, { lane: 'replays', limit: 0 })).reactors, 0).more, false);
    await page(a, run, r);
    assert.equal(at((await a.claim(r, { lane: 'replays', limit: 0 })).reactors, 0).more, true);
    assert.equal((await a.claim(r)).leased.length, 1);
    assert.equal(at((await a.claim(r, { limit: 0 })).reactors, 0).more, false);
  },

  'have a next due instant of their own': async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r, { matches: matching(1) });
    assert.equal(await a.storage.nextDueInMs([r.key]), undefined);
    const { lease } = await a.claimOne(r, { lane: 'replays' });
    await a.settle(lease, retry(7_000));
    assert.equal(await a.storage.nextDueInMs([r.key], 'replays'), 7_000);
    assert.equal(await a.storage.nextDueInMs([r.key]), undefined);
  },

  'tell whoever claims whether they are fresh': async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r, { matches: matching(1) });
    const fresh = await begin(a, [r], { fresh: true });
    await page(a, fresh.run, r, { matches: matching(2) });
    const { leased } = await a.claim(r, { lane: 'replays' });
    assert.deepEqual(
      leased.map(({ lease, fresh: is }) => [lease.run, is]),
      [
        [run, false],
        [fresh.run, true],
      ],
    );
  },

  'come back as suspects, as live ones do': several(async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r, { matches: matching(1) });
    await a.claimOne(r, { lane: 'replays' });
    await rig.crash(a);
    const b = await rig.open();
    await b.storage.recover({ limit: 10 });
    assert.deepEqual((await b.claim(r, { lane: 'replays' })).leased, []);
    const { lease, suspect } = await b.claimOne(r, { suspects: 1 });
    assert.deepEqual([lease.run, lease.seq, suspect], [run, 1, true]);
  }),

  'keep the order of a key within a run, whatever the live one does': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r', { ordered: true });
    const { leases } = await a.deliver(r, rig.events(3), { match: () => ({ orderKey: 'k' }), lease: 1 });
    await a.settle(at(leases, 0), succeeded);
    for (let i = 0; i < 2; i++) await a.settle((await a.claimOne(r)).lease, succeeded);
    const { run } = await begin(a, [r]);
    await page(a, run, r, { matches: matching(1, 2, 3).map((match) => ({ ...match, orderKey: 'k' })) });
    await a.deliver(r, rig.events(1), { match: () => ({ orderKey: 'k' }), lease: 0 });
    assert.equal((await a.claimOne(r)).lease.seq, 4, 'the live one does not wait for the replay');
    for (const seq of [1, 2, 3]) {
      const { lease } = await a.claimOne(r, { lane: 'replays' });
      assert.equal(lease.seq, seq);
      await a.settle(lease, succeeded);
    }
  },

  'hold a delivery born dead, and one that is due later': async (rig) => {
    const { a, r, run } = await handled(rig);
    const later = rig.clock.now() + 5_000;
    await page(a, run, r, {
      matches: [
        { event: 1, dead: { reason: 'order_key', error: boom } },
        { event: 2, notBefore: later },
      ],
    });
    const dead = await a.row({ reactor: r.key, run, seq: 1 });
    assert.deepEqual([dead.state, dead.reason, dead.error], ['dead', 'order_key', boom]);
    assert.equal((await a.attempts({ reactor: r.key, run, seq: 1 })).length, 1);
    assert.equal((await a.row({ reactor: r.key, run, seq: 2 })).dueAt, later);
    assert.equal(await a.storage.read.deadIn({ reactor: r.key, run }), 1);
    assert.equal(await a.storage.read.deadIn({ reactor: r.key, run: 0 }), 0);
  },

  'end what is open of them when cancelled, and nothing else': async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r);
    const other = await begin(a, [r]);
    await a.deliver(r, rig.events(1), { lease: 0 });
    await page(a, other.run, r, { to: 4, matches: matching(4) });
    const done = await a.claim(r, { lane: 'replays', limit: 1 });
    await a.settle(at(done.leased, 0).lease, succeeded);
    const { lease } = at((await a.claim(r, { lane: 'replays', limit: 1 })).leased, 0);
    await a.storage.edit({ edit: 'cancel-replay', run });
    assert.equal(await a.settle(lease, succeeded), 'lease_lost');
    const rows = await Promise.all([1, 2, 3].map((seq) => a.row({ reactor: r.key, run, seq })));
    assert.deepEqual(
      rows.map(({ state, reason }) => [state, reason]),
      [
        ['succeeded', null],
        ['cancelled', 'replay_cancelled'],
        ['cancelled', 'replay_cancelled'],
      ],
    );
    assert.equal((await a.row({ reactor: r.key, run: 0, seq: 4 })).state, 'pending');
    const row = await stored(a, run);
    assert.deepEqual(
      [row.state, row.finishedAt, at(row.reactors, 0).open],
      ['cancelled', rig.clock.now(), 0],
    );
    assert.equal((await stored(a, other.run)).state, 'running');
  },

  'are done when every reactor is through and nothing is open': async (rig) => {
    const { a, r } = await handled(rig);
    const s = await a.register('s', { from: 'beginning' });
    await a.storage.edit({ edit: 'seek', reactor: 's', to: 3 });
    const { run } = await begin(a, [r, s]);
    const finish = async (): Promise<number> => {
      const { changed } = await a.storage.edit({ edit: 'finish-replay', run });
      return changed;
    };
    await page(a, run, r, { matches: matching(1) });
    assert.equal(await finish(), 0, 's has not begun');
    await page(a, run, await a.reactor('s'), { matches: [] });
    assert.equal(await finish(), 0, 'one is pending');
    const { lease } = await a.claimOne(r, { lane: 'replays' });
    assert.equal(await finish(), 0, 'one is running');
    await a.settle(lease, succeeded);
    assert.equal(await finish(), 1);
    assert.equal((await stored(a, run)).state, 'done');
    assert.equal(await finish(), 0, 'it is done already');
    assert.equal((await a.storage.edit({ edit: 'cancel-replay', run })).changed, 0);
  },

  'wait for no reactor that was removed': async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r, { to: 1, matches: matching(1) });
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    assert.equal((await a.row({ reactor: r.key, run, seq: 1 })).state, 'cancelled');
    assert.equal((await a.storage.edit({ edit: 'finish-replay', run })).changed, 1);
    assert.equal(at((await stored(a, run)).reactors, 0).removed, true);
  },

  'are not over for a delivery that was retried': async (rig) => {
    const { a, r, run } = await handled(rig);
    await page(a, run, r, { matches: matching(1) });
    const { lease } = await a.claimOne(r, { lane: 'replays' });
    await a.settle(lease, succeeded);
    await a.storage.edit({ edit: 'retry', delivery: lease });
    assert.equal((await a.storage.edit({ edit: 'finish-replay', run })).changed, 0);
    assert.equal((await a.claimOne(r, { lane: 'replays' })).lease.run, run);
  },
});
