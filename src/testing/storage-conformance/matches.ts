/** Cases: matches that are not simply due now. */
import assert from 'node:assert/strict';
import { chapter } from './chapter.js';
import { boom, like, succeeded } from './expectations.js';
import { at, overBatch, overRange } from './instance.js';

export const matchCases = chapter('matches for later, born dead, or there already', {
  'keeps one for later until its time': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const notBefore = rig.clock.now() + 1_000;
    const { leases, refs } = await a.deliver(reactor, rig.events(1), { match: () => ({ notBefore }) });
    assert.deepEqual(leases, []);
    like(await a.row(at(refs, 0)), { state: 'pending', dueAt: notBefore });
    assert.deepEqual((await a.claim(reactor)).leased, []);
    await rig.clock.advance(1_000);
    assert.equal((await a.claimOne(reactor)).dueAt, notBefore);
  },

  'leases one whose time has come, and writes one that waits due now, not then': async (rig) => {
    const a = await rig.open();
    const notBefore = rig.clock.now() - 1_000;
    const { leases, refs } = await a.deliver(await a.register('r'), rig.events(2), {
      lease: 1,
      match: () => ({ notBefore }),
    });
    assert.equal(leases.length, 1);
    like(await a.row(at(refs, 1)), { state: 'pending', dueAt: rig.clock.now() });
  },

  'does not spend its leases on those that cannot run yet': async (rig) => {
    const a = await rig.open();
    const notBefore = rig.clock.now() + 1_000;
    const { leases } = await a.deliver(await a.register('r'), rig.events(3), {
      lease: 1,
      match: (index) => (index === 0 ? { notBefore } : {}),
    });
    assert.deepEqual(
      leases.map(({ seq }) => seq),
      [2],
    );
  },

  'writes one that is born dead with its reason, its error and its attempt': async (rig) => {
    const a = await rig.open();
    const { leases, refs } = await a.deliver(await a.register('r', { ordered: true }), rig.events(2), {
      match: (index) => (index === 0 ? { dead: { reason: 'order_key', error: boom } } : { orderKey: 'k' }),
    });
    assert.deepEqual(
      leases.map(({ seq }) => seq),
      [2],
    );
    const now = rig.clock.now();
    like(await a.row(at(refs, 0)), {
      state: 'dead',
      reason: 'order_key',
      error: boom,
      attempt: 0,
      finishedAt: now,
      dueAt: null,
    });
    const [attempt, ...more] = await a.attempts(at(refs, 0));
    assert.ok(attempt);
    like(attempt, { index: 1, attempt: 0, outcome: 'dead', at: now, error: boom });
    assert.deepEqual(more, []);
  },

  'counts neither dead ones nor leases as pending': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { fanOuts } = await a.commit({
      events: rig.events(4),
      fanOuts: [
        overBatch(
          reactor,
          [
            { event: 0, dead: { reason: 'order_key', error: boom } },
            { event: 1 },
            { event: 2 },
            { event: 3, notBefore: rig.clock.now() + 1 },
          ],
          1,
        ),
      ],
    });
    const [done] = fanOuts;
    assert.ok(done?.outcome === 'done');
    assert.deepEqual(
      done.leased.map(({ match }) => match),
      [1],
    );
    assert.equal(done.pending, 2);
  },

  'leaves a delivery that exists as it is': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(3), { lease: 2 });
    await a.settle(at(leases, 0), succeeded);
    const before = await a.storage.read.deliveries({ limit: 10 });
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 0 });
    const { fanOuts } = await a.commit({
      fanOuts: [overRange(reactor, { after: 0, to: 3 }, [{ event: 1 }, { event: 2 }, { event: 3 }], 3)],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 0 }]);
    assert.deepEqual(await a.storage.read.deliveries({ limit: 10 }), before);
    assert.equal(await a.settle(at(leases, 1), succeeded), 'settled');
  },

  'does not kill a delivery that exists': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r', { ordered: true });
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 0 });
    await a.commit({
      fanOuts: [
        overRange(reactor, { after: 0, to: 1 }, [{ event: 1, dead: { reason: 'order_key', error: boom } }]),
      ],
    });
    assert.equal((await a.row(at(leases, 0))).state, 'running');
    assert.deepEqual(await a.attempts(at(leases, 0)), []);
  },
});
