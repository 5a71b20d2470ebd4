/** Cases: what is final goes after its time, and nothing that was done is done again for it. */
import assert from 'node:assert/strict';
import type { Sweep, Swept } from '../../storage/storage.js';
import { chapter, several } from './chapter.js';
import { dead, fails, retry, succeeded } from './expectations.js';
import { at, overRange, type Instance } from './instance.js';
import type { Rig } from './rig.js';

const KEPT_MS = 100_000;

/** A whole pass. */
async function pass(instance: Instance, options: Partial<Sweep> = {}): Promise<Swept> {
  let removed = 0;
  for (let steps = 0; steps < 1_000; steps++) {
    const swept = await step(instance, options);
    removed += swept.removed;
    if (!swept.more) return { ...swept, removed };
  }
  return assert.fail('the pass has no end');
}

async function step(instance: Instance, options: Partial<Sweep> = {}): Promise<Swept> {
  return instance.storage.sweep({
    succeededMs: KEPT_MS,
    deadMs: Infinity,
    rows: 10_000,
    ms: 1_000,
    ...options,
  });
}

async function left(instance: Instance): Promise<number[]> {
  return (await instance.storage.read.deliveries({ limit: 1_000 })).items.map(({ seq }) => seq);
}

/** One delivery for each outcome, in order: succeeded, cancelled, dead, pending, running. */
async function oneOfEach(rig: Rig, a: Instance): Promise<void> {
  const { leases, refs } = await a.deliver(await a.register('r'), rig.events(5));
  await a.settle(at(leases, 0), succeeded);
  await a.storage.edit({ edit: 'cancel', delivery: at(refs, 1) });
  await a.settle(at(leases, 2), dead());
  await a.settle(at(leases, 3), retry(10_000_000));
}

export const sweepCases = chapter('retention', {
  'removes what succeeded or was cancelled long enough ago, and nothing else': async (rig) => {
    const a = await rig.open();
    await oneOfEach(rig, a);
    await rig.clock.advance(KEPT_MS - 1);
    assert.deepEqual(await pass(a), { removed: 0, more: false, nextInMs: 1 });
    assert.deepEqual(await left(a), [1, 2, 3, 4, 5]);
    await rig.clock.advance(1);
    assert.equal((await pass(a)).removed, 2);
    assert.deepEqual(await left(a), [3, 4, 5]);
  },

  'removes the dead after a time of their own': async (rig) => {
    const a = await rig.open();
    await oneOfEach(rig, a);
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a, { succeededMs: Infinity, deadMs: KEPT_MS + 1 })).removed, 0);
    assert.equal((await pass(a, { succeededMs: Infinity, deadMs: KEPT_MS })).removed, 1);
    assert.deepEqual(await left(a), [1, 2, 4, 5]);
    assert.equal((await pass(a, { deadMs: KEPT_MS })).removed, 2);
    assert.deepEqual(await left(a), [4, 5]);
  },

  'keeps everything where it is told to': async (rig) => {
    const a = await rig.open();
    await oneOfEach(rig, a);
    await rig.clock.advance(1_000 * KEPT_MS);
    assert.deepEqual(await pass(a, { succeededMs: Infinity }), {
      removed: 0,
      more: false,
      nextInMs: Infinity,
    });
    assert.deepEqual(await left(a), [1, 2, 3, 4, 5]);
  },

  'takes attempts and remembered results along, and leaves those of others': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases, refs } = await a.deliver(reactor, rig.events(2));
    await a.commit({ once: leases.map((lease) => ({ lease, run: 0, key: 'k', result: '1' })) });
    for (const lease of leases) await a.settle(lease, retry(0));
    const first = (await a.claim(reactor)).leased.find(({ lease }) => lease.seq === 1);
    assert.ok(first);
    await a.settle(first.lease, succeeded);
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a)).removed, 1);
    assert.deepEqual(await a.attempts(at(refs, 0)), []);
    assert.equal((await a.attempts(at(refs, 1))).length, 1);
    const place = { reactor: reactor.key, run: 0, key: 'k' };
    assert.equal(await a.storage.read.once({ ...place, seq: 1 }), undefined);
    assert.equal(await a.storage.read.once({ ...place, seq: 2 }), '1');
  },

  'leaves events and their keys': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const event = rig.event({ keys: ['k:once'] });
    const { leases } = await a.deliver(reactor, [event]);
    await a.settle(at(leases, 0), succeeded);
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a)).removed, 1);
    assert.equal((await a.storage.read.event(event.id))?.seq, 1);
    const again = await a.commit({ events: [rig.event({ ...event, id: rig.event().id })] });
    assert.equal(again.events[0]?.outcome, 'duplicate');
  },

  'finds what was final later than its neighbours': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases, refs } = await a.deliver(reactor, rig.events(3));
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), dead());
    await a.settle(at(leases, 2), succeeded);
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a)).removed, 2);
    await a.storage.edit({ edit: 'redrive', which: { limit: 1 } });
    await a.settle((await a.claimOne(reactor)).lease, succeeded);
    await rig.clock.advance(KEPT_MS - 1);
    assert.deepEqual(await pass(a), { removed: 0, more: false, nextInMs: 1 });
    await rig.clock.advance(1);
    assert.equal((await pass(a)).removed, 1);
    assert.equal(await a.storage.read.delivery(at(refs, 1)), undefined);
  },

  'goes step by step': async (rig) => {
    const a = await rig.open();
    for (const name of ['r', 's']) {
      const { leases } = await a.deliver(await a.register(name), rig.events(1_500));
      const settlements = leases.map((lease) => ({
        lease,
        outcome: succeeded,
        attempt: 1,
        postponed: 0,
        ms: 1,
      }));
      await a.commit({ settlements });
    }
    await rig.clock.advance(KEPT_MS);
    let removed = 0;
    let steps = 0;
    for (let more = true; more; steps++) {
      const swept = await step(a, { rows: 200 });
      assert.ok(swept.removed <= 1_000, `${swept.removed} in a step of 200`);
      removed += swept.removed;
      more = swept.more;
    }
    assert.equal(removed, 3_000);
    assert.ok(steps >= 4, `${steps} steps`);
  },

  'says how high it went, and lets nobody seek below': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    assert.equal(reactor.prunedTo, 0);
    const { leases } = await a.deliver(reactor, rig.events(3));
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), succeeded);
    await rig.clock.advance(KEPT_MS);
    await pass(a);
    assert.equal((await a.reactor('r')).prunedTo, 2);
    await fails('NEXUS_POSITION_PRUNED', () => a.storage.edit({ edit: 'seek', reactor: 'r', to: 1 }));
    assert.equal((await a.reactor('r')).position, 3);
    assert.deepEqual(await a.storage.edit({ edit: 'seek', reactor: 'r', to: 2 }), { changed: 1 });
    const { fanOuts } = await a.commit({
      fanOuts: [overRange(reactor, { after: 2, to: 3 }, [{ event: 3 }])],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 0 }]);
  },

  'removes nothing above a position: it would be created again': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(4));
    for (const lease of leases) await a.settle(lease, succeeded);
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 2 });
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a)).removed, 2);
    assert.deepEqual(await left(a), [3, 4]);
    const matches = [3, 4].map((event) => ({ event }));
    const { fanOuts } = await a.commit({ fanOuts: [overRange(reactor, { after: 2, to: 4 }, matches)] });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 0 }]);
    await pass(a);
    assert.deepEqual(await left(a), []);
    assert.equal((await a.reactor('r')).prunedTo, 4);
  },

  'removes all of a reactor that was removed, whose number nobody gets again': async (rig) => {
    const a = await rig.open();
    const before = await a.register('r');
    await a.deliver(before, rig.events(2));
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a)).removed, 2);
    const after = await a.register('r');
    assert.ok(after.key > before.key);
    assert.equal(after.prunedTo, 0);
    const late = await a.commit({ fanOuts: [overRange(before, { after: 0, to: 2 }, [{ event: 1 }])] });
    assert.deepEqual(late.fanOuts, [{ outcome: 'superseded' }]);
  },

  'settles nothing that is gone': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.settle(at(leases, 0), succeeded);
    await rig.clock.advance(KEPT_MS);
    await pass(a);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
    assert.deepEqual(await left(a), []);
  },

  'lets what comes after in its key go on': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r', { ordered: true });
    const { leases } = await a.deliver(reactor, rig.events(2), { match: () => ({ orderKey: 'k' }) });
    await a.settle(at(leases, 0), succeeded);
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(a)).removed, 1);
    assert.equal((await a.claimOne(reactor)).lease.seq, 2);
  },

  'may be done by anyone': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(2));
    for (const lease of leases) await a.settle(lease, succeeded);
    await rig.clock.advance(KEPT_MS);
    assert.equal((await pass(b)).removed, 2);
    assert.equal((await pass(a)).removed, 0);
    assert.deepEqual(await left(a), []);
  }),
});
