/** Cases: pages of deliveries, attempts and counts. */
import assert from 'node:assert/strict';
import type { DeliveryQuery, DeliveryRef, Lease, NewEvent, ReactorRow } from '../../storage/storage.js';
import { chapter } from './chapter.js';
import { boom, dead, everyPage, retry, succeeded } from './expectations.js';
import { at, overBatch, type Instance } from './instance.js';
import type { Rig } from './rig.js';

type Scene = { a: Instance; events: readonly NewEvent[]; r: ReactorRow; s: ReactorRow };

/** Four events (types A, B, A, B) for reactors r and s; r's: succeeded, dead, retrying, running; s's: all pending. */
async function scene(rig: Rig): Promise<Scene> {
  const a = await rig.open();
  const r = await a.register('r');
  const s = await a.register('s');
  const events = ['A', 'B', 'A', 'B'].map((type) => rig.event({ type }));
  const matches = events.map((_, event) => ({ event }));
  const { fanOuts } = await a.commit({ events, fanOuts: [overBatch(r, matches, 4), overBatch(s, matches)] });
  assert.ok(fanOuts[0]?.outcome === 'done');
  const leases = fanOuts[0].leased.map(({ match, token }): Lease => ({
    reactor: r.key,
    run: 0,
    seq: match + 1,
    token,
  }));
  await a.settle(at(leases, 0), succeeded);
  await a.settle(at(leases, 1), dead());
  await a.settle(at(leases, 2), retry(5_000, { code: 'SLOW', message: 'slow' }));
  return { a, events, r, s };
}

const found = async ({ a }: Scene, query: Omit<DeliveryQuery, 'limit'>, limit = 100): Promise<string[]> => {
  const items = await everyPage<{ readonly reactorName: string; readonly seq: number }, DeliveryRef>(
    (after) => a.storage.read.deliveries({ ...query, ...(after === undefined ? {} : { after }), limit }),
  );
  return items.map(({ reactorName, seq }) => `${reactorName}${seq}`).sort();
};

export const deliveryReadCases = chapter('reading deliveries', {
  'tells a delivery by where it is, and nothing of an unknown one': async (rig) => {
    const { a, r } = await scene(rig);
    const ref = { reactor: r.key, run: 0, seq: 2 };
    assert.equal((await a.storage.read.delivery(ref))?.state, 'dead');
    assert.equal(await a.storage.read.delivery({ ...ref, seq: 9 }), undefined);
    assert.equal(await a.storage.read.delivery({ ...ref, run: 1 }), undefined);
    assert.equal(await a.storage.read.delivery({ ...ref, reactor: 999 }), undefined);
  },

  'lists every delivery once, page by page': async (rig) => {
    const here = await scene(rig);
    const all = ['r1', 'r2', 'r3', 'r4', 's1', 's2', 's3', 's4'];
    for (const limit of [1, 3, 4, 8, 100]) assert.deepEqual(await found(here, {}, limit), all);
  },

  'lists what it lists as it tells it alone': async (rig) => {
    const { a } = await scene(rig);
    const { items } = await a.storage.read.deliveries({ limit: 100 });
    for (const item of items) assert.deepEqual(await a.row(item), item);
  },

  'finds by state, reactor, type, error and event': async (rig) => {
    const here = await scene(rig);
    assert.deepEqual(await found(here, { states: ['succeeded', 'running'] }, 1), ['r1', 'r4']);
    assert.deepEqual(await found(here, { states: ['cancelled'] }), []);
    assert.deepEqual(await found(here, { reactor: 's' }, 3), ['s1', 's2', 's3', 's4']);
    assert.deepEqual(await found(here, { reactor: 'nobody' }), []);
    assert.deepEqual(await found(here, { eventType: 'B' }, 3), ['r2', 'r4', 's2', 's4']);
    assert.deepEqual(await found(here, { errorCode: 'SLOW' }), ['r3']);
    assert.deepEqual(await found(here, { eventId: at(here.events, 2).id }, 1), ['r3', 's3']);
    assert.deepEqual(await found(here, { eventId: rig.event().id }), []);
  },

  'finds what fulfils all conditions at once': async (rig) => {
    const here = await scene(rig);
    assert.deepEqual(await found(here, { states: ['pending'], reactor: 'r' }), ['r3']);
    assert.deepEqual(await found(here, { states: ['pending'], eventType: 'A' }), ['r3', 's1', 's3']);
    assert.deepEqual(await found(here, { states: ['dead'], errorCode: 'SLOW' }), []);
    assert.deepEqual(await found(here, { eventId: at(here.events, 1).id, errorCode: 'BOOM' }), ['r2']);
  },

  'still lists the deliveries of a removed reactor': async (rig) => {
    const here = await scene(rig);
    await here.a.storage.edit({ edit: 'remove', reactor: 's', limit: 100 });
    assert.deepEqual(await found(here, { states: ['cancelled'], reactor: 's' }), ['s1', 's2', 's3', 's4']);
  },

  'tells the attempts of a delivery, none where none failed': async (rig) => {
    const { a, r, s } = await scene(rig);
    const [attempt, ...more] = await a.attempts({ reactor: r.key, run: 0, seq: 2 });
    assert.deepEqual([attempt?.outcome, attempt?.error], ['dead', boom]);
    assert.deepEqual(more, []);
    assert.deepEqual(await a.attempts({ reactor: r.key, run: 0, seq: 1 }), []);
    assert.deepEqual(await a.attempts({ reactor: s.key, run: 0, seq: 2 }), []);
    assert.deepEqual(await a.attempts({ reactor: 999, run: 0, seq: 1 }), []);
  },

  'counts deliveries by state, of one reactor and of all': async (rig) => {
    const { a, r, s } = await scene(rig);
    const none = { pending: 0, running: 0, succeeded: 0, dead: 0, cancelled: 0 };
    assert.deepEqual(await a.storage.read.counts(r.key), {
      ...none,
      pending: 1,
      running: 1,
      succeeded: 1,
      dead: 1,
    });
    assert.deepEqual(await a.storage.read.counts(s.key), { ...none, pending: 4 });
    assert.deepEqual(await a.storage.read.counts(), {
      ...none,
      pending: 5,
      running: 1,
      succeeded: 1,
      dead: 1,
    });
    assert.deepEqual(await a.storage.read.counts(999), none);
  },

  'tells the backlog, retries among the pending': async (rig) => {
    const { a } = await scene(rig);
    const now = rig.clock.now();
    assert.deepEqual(await a.storage.read.backlog(), {
      pending: 5,
      retrying: 1,
      running: 1,
      dead: 1,
      oldestDueAt: now,
    });
  },

  'tells of no backlog where there is none': async (rig) => {
    const a = await rig.open();
    const none = { pending: 0, retrying: 0, running: 0, dead: 0, oldestDueAt: undefined };
    assert.deepEqual(await a.storage.read.backlog(), none);
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.settle(at(leases, 0), succeeded);
    assert.deepEqual(await a.storage.read.backlog(), none);
  },

  'keeps counts and backlog right over every way a delivery can go': async (rig) => {
    const { a, r } = await scene(rig);
    await a.storage.edit({ edit: 'redrive', which: { limit: 10 } });
    await a.storage.edit({ edit: 'cancel', delivery: { reactor: r.key, run: 0, seq: 4 } });
    await a.storage.edit({ edit: 'retry', delivery: { reactor: r.key, run: 0, seq: 1 } });
    await a.storage.edit({ edit: 'remove', reactor: 's', limit: 10 });
    assert.deepEqual(await a.storage.read.counts(), {
      pending: 3,
      running: 0,
      succeeded: 0,
      dead: 0,
      cancelled: 5,
    });
    const { pending, retrying, running, dead: left } = await a.storage.read.backlog();
    assert.deepEqual([pending, retrying, running, left], [3, 1, 0, 0]);
  },
});
