/** Cases: what operators do to reactors. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { fails, like, succeeded } from './expectations.js';
import { at, overBatch, overRange } from './instance.js';

export const reactorEditCases = chapter('steering reactors', {
  'pauses and resumes, and counts what changed': async (rig) => {
    const a = await rig.open();
    await a.register('r');
    assert.deepEqual(await a.storage.edit({ edit: 'pause', reactor: 'r' }), { changed: 1 });
    assert.equal((await a.reactor('r')).paused, true);
    assert.deepEqual(await a.storage.edit({ edit: 'pause', reactor: 'r' }), { changed: 0 });
    assert.deepEqual(await a.storage.edit({ edit: 'resume', reactor: 'r' }), { changed: 1 });
    assert.equal((await a.reactor('r')).paused, false);
    assert.deepEqual(await a.storage.edit({ edit: 'resume', reactor: 'r' }), { changed: 0 });
  },

  'changes nothing for a name that nobody has': async (rig) => {
    const a = await rig.open();
    for (const edit of ['pause', 'resume'] as const)
      assert.deepEqual(await a.storage.edit({ edit, reactor: 'nobody' }), { changed: 0 });
    assert.deepEqual(await a.storage.edit({ edit: 'seek', reactor: 'nobody', to: 0 }), { changed: 0 });
    assert.deepEqual(await a.storage.edit({ edit: 'remove', reactor: 'nobody', limit: 10 }), { changed: 0 });
  },

  'lets what is running go on while paused': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.storage.edit({ edit: 'pause', reactor: 'r' });
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  },

  'pauses for every instance': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    await b.storage.edit({ edit: 'pause', reactor: 'r' });
    assert.deepEqual((await a.claim(reactor)).leased, []);
    assert.deepEqual((await a.deliver(reactor, rig.events(1))).leases, []);
  }),

  'seeks forward: what lies between gets no deliveries': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(4));
    assert.deepEqual(await a.storage.edit({ edit: 'seek', reactor: 'r', to: 3 }), { changed: 1 });
    assert.equal((await a.reactor('r')).position, 3);
    const { fanOuts } = await a.commit({
      fanOuts: [overRange(reactor, { after: 0, to: 4 }, [{ event: 1 }])],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'moved', position: 3 }]);
    assert.deepEqual((await a.storage.read.deliveries({ limit: 10 })).items, []);
  },

  'seeks to now': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(4));
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 'now' });
    assert.equal((await a.reactor('r')).position, 4);
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overBatch(reactor, [{ event: 0 }])],
    });
    assert.equal(fanOuts[0]?.outcome, 'done');
  },

  'seeks backward: what is missing there is created, what exists stays': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(2));
    await a.settle(at(leases, 0), succeeded);
    await a.append(rig.event());
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 'now' });
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 0 });
    const matches = [1, 2, 3].map((event) => ({ event }));
    const { fanOuts } = await a.commit({ fanOuts: [overRange(reactor, { after: 0, to: 3 }, matches)] });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 1 }]);
    const { items } = await a.storage.read.deliveries({ limit: 10 });
    assert.deepEqual(
      items.map(({ seq, state }) => [seq, state]),
      [
        [1, 'succeeded'],
        [2, 'running'],
        [3, 'pending'],
      ],
    );
  },

  'seeking changes neither generation nor subscription': async (rig) => {
    const a = await rig.open();
    const before = await a.register('r');
    await a.append(...rig.events(2));
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 1 });
    assert.deepEqual(await a.reactor('r'), { ...before, position: 1 });
  },

  'refuses to seek above the head': async (rig) => {
    const a = await rig.open();
    await a.register('r');
    await a.append(rig.event());
    await fails('NEXUS_POSITION_AHEAD', () => a.storage.edit({ edit: 'seek', reactor: 'r', to: 2 }));
    assert.equal((await a.reactor('r')).position, 0);
  },

  'removes a reactor and cancels what is open, a part at a time': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { refs, leases } = await a.deliver(reactor, rig.events(5), { lease: 2 });
    await a.settle(at(leases, 0), succeeded);
    const remove = (): Promise<{ readonly changed: number }> =>
      a.storage.edit({ edit: 'remove', reactor: 'r', limit: 3 });
    assert.deepEqual(await remove(), { changed: 3 });
    assert.deepEqual(await a.storage.read.reactors(), []);
    assert.deepEqual(await remove(), { changed: 1 });
    assert.deepEqual(await remove(), { changed: 0 });
    for (const ref of refs.slice(1)) {
      like(await a.row(ref), {
        state: 'cancelled',
        reason: 'reactor_removed',
        dueAt: null,
        finishedAt: rig.clock.now(),
        reactorName: 'r',
      });
    }
    like(await a.row(at(refs, 0)), { state: 'succeeded', reason: null });
  },

  'removed while running, its lease is lost': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
    assert.equal((await a.row(at(leases, 0))).state, 'cancelled');
  },

  'removed and registered again, shares nothing with its forerunner': async (rig) => {
    const a = await rig.open();
    const first = await a.register('r');
    const { leases } = await a.deliver(first, rig.events(2));
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    const second = await a.register('r', { from: 'beginning' });
    const matches = [1, 2].map((event) => ({ event }));
    const { fanOuts } = await a.commit({ fanOuts: [overRange(second, { after: 0, to: 2 }, matches, 2)] });
    assert.ok(fanOuts[0]?.outcome === 'done');
    assert.equal(fanOuts[0].leased.length, 2);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
    assert.equal((await a.row({ reactor: second.key, run: 0, seq: 1 })).state, 'running');
    assert.equal((await a.claim(first)).reactors[0]?.superseded, true);
  },
});
