/** Cases: deliveries are created. */
import assert from 'node:assert/strict';
import { chapter } from './chapter.js';
import { like, succeeded } from './expectations.js';
import { at, overBatch, overRange, settlement } from './instance.js';

export const fanOutCases = chapter('fanning out', {
  'creates the deliveries of a batch, leased, and moves the position to the head': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const events = rig.events(2);
    const { leases } = await a.deliver(reactor, events);
    assert.deepEqual(
      leases.map(({ reactor: key, run, seq }) => ({ key, run, seq })),
      [
        { key: reactor.key, run: 0, seq: 1 },
        { key: reactor.key, run: 0, seq: 2 },
      ],
    );
    assert.deepEqual(await a.row(at(leases, 0)), {
      reactor: reactor.key,
      run: 0,
      seq: 1,
      reactorName: 'r',
      eventId: at(events, 0).id,
      eventType: 'T',
      state: 'running',
      reason: null,
      attempt: 0,
      postponed: 0,
      crashes: 0,
      suspect: false,
      orderKey: null,
      dueAt: null,
      finishedAt: null,
      ms: null,
      error: null,
    });
    assert.equal((await a.reactor('r')).position, 2);
  },

  'moves whom it names, in any order, and nobody between them': async (rig) => {
    const a = await rig.open();
    const [first, second, third] = [await a.register('1'), await a.register('2'), await a.register('3')];
    await a.commit({ events: rig.events(2), fanOuts: [overBatch(third, []), overBatch(first, [])] });
    const rows = await Promise.all([first, second, third].map(({ name }) => a.reactor(name)));
    assert.deepEqual(
      rows.map(({ position }) => position),
      [2, 0, 2],
    );
  },

  'writes what is not leased pending and due now': async (rig) => {
    const a = await rig.open();
    const { leases, refs } = await a.deliver(await a.register('r'), rig.events(3), { lease: 0 });
    assert.deepEqual(leases, []);
    like(await a.row(at(refs, 2)), { state: 'pending', dueAt: rig.clock.now(), attempt: 0, suspect: false });
  },

  'leases at most as many as asked for, the first ones': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { fanOuts } = await a.commit({
      events: rig.events(4),
      fanOuts: [overBatch(reactor, [{ event: 0 }, { event: 2 }, { event: 3 }], 2)],
    });
    const [done] = fanOuts;
    assert.ok(done?.outcome === 'done');
    assert.deepEqual(
      done.leased.map(({ match }) => match),
      [0, 1],
    );
    assert.equal(done.pending, 1);
    assert.equal((await a.row({ reactor: reactor.key, run: 0, seq: 3 })).state, 'running');
    assert.equal((await a.row({ reactor: reactor.key, run: 0, seq: 4 })).state, 'pending');
    assert.equal(await a.storage.read.delivery({ reactor: reactor.key, run: 0, seq: 2 }), undefined);
  },

  'gives leases that can be settled': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  },

  'moves the position though nothing matched': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { fanOuts } = await a.commit({ events: rig.events(2), fanOuts: [overBatch(reactor, [])] });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 0 }]);
    assert.equal((await a.reactor('r')).position, 2);
  },

  'is done with nothing when its batch appended nothing': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1));
    const { fanOuts } = await a.commit({ fanOuts: [overBatch(reactor, [])] });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 0 }]);
    assert.equal((await a.reactor('r')).position, 1);
  },

  'creates nothing for an event whose settlement did not hold': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    const lost = { ...at(leases, 0), token: 99 };
    const { fanOuts, head } = await a.commit({
      settlements: [settlement(lost, succeeded)],
      events: [rig.event({ onlyIf: 0 })],
      fanOuts: [overBatch(reactor, [{ event: 0 }], 1)],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 0 }]);
    assert.equal(head, 1);
  },

  'serves several reactors, each for itself': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    const s = await a.register('s');
    const { fanOuts } = await a.commit({
      events: rig.events(2),
      fanOuts: [overBatch(r, [{ event: 0 }], 1), overBatch(s, [{ event: 0 }, { event: 1 }], 1)],
    });
    assert.deepEqual(
      fanOuts.map((each) => each.outcome === 'done' && [each.leased.length, each.pending]),
      [
        [1, 0],
        [1, 1],
      ],
    );
  },

  'leases nothing of a paused reactor, and moves its position all the same': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.storage.edit({ edit: 'pause', reactor: 'r' });
    const { leases, refs } = await a.deliver(reactor, rig.events(2));
    assert.deepEqual(leases, []);
    assert.equal((await a.row(at(refs, 0))).state, 'pending');
    assert.equal((await a.reactor('r')).position, 2);
  },

  'creates the deliveries of stored events and moves the position to the end of the range': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(5));
    const { fanOuts } = await a.commit({
      fanOuts: [overRange(reactor, { after: 0, to: 3 }, [{ event: 1 }, { event: 3 }], 1)],
    });
    const [done] = fanOuts;
    assert.ok(done?.outcome === 'done');
    assert.deepEqual(
      done.leased.map(({ match }) => match),
      [0],
    );
    assert.equal(done.pending, 1);
    assert.equal((await a.reactor('r')).position, 3);
    assert.equal((await a.row({ reactor: reactor.key, run: 0, seq: 3 })).state, 'pending');
    assert.equal((await a.claimOne(reactor)).event.seq, 3);
  },
});
