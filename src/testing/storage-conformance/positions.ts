/** Cases: a fan-out is conditional on generation and position. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { like } from './expectations.js';
import { at, overBatch, overRange } from './instance.js';

const done = { outcome: 'done', leased: [], pending: 1 } as const;

export const positionCases = chapter('positions and generations', {
  'refuses a batch to a reactor that is behind, and tells where it is': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(rig.event());
    const { events, fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overBatch(reactor, [{ event: 0 }], 1)],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'moved', position: 0 }]);
    assert.equal(events[0]?.outcome, 'appended', 'the events are stored all the same');
    assert.equal((await a.reactor('r')).position, 0);
    assert.deepEqual((await a.storage.read.deliveries({ limit: 10 })).items, []);
  },

  'refuses a range that does not begin at the position': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(4));
    await a.commit({ fanOuts: [overRange(reactor, { after: 0, to: 2 }, [])] });
    for (const after of [0, 1, 3]) {
      const { fanOuts } = await a.commit({ fanOuts: [overRange(reactor, { after, to: 4 }, [{ event: 4 }])] });
      assert.deepEqual(fanOuts, [{ outcome: 'moved', position: 2 }], `after ${after}`);
    }
    assert.equal((await a.reactor('r')).position, 2);
  },

  'takes a range up to the old head, then the batch, in one commit': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(2));
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overRange(reactor, { after: 0, to: 2 }, [{ event: 2 }]), overBatch(reactor, [{ event: 0 }])],
    });
    assert.deepEqual(fanOuts, [done, done]);
    assert.equal((await a.reactor('r')).position, 3);
  },

  'refuses the batch after a range that does not reach the old head': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(2));
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overRange(reactor, { after: 0, to: 1 }, [{ event: 1 }]), overBatch(reactor, [{ event: 0 }])],
    });
    assert.deepEqual(fanOuts, [done, { outcome: 'moved', position: 1 }]);
    assert.equal((await a.reactor('r')).position, 1);
  },

  'takes two ranges one behind the other in one commit': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.append(...rig.events(4));
    const { fanOuts } = await a.commit({
      fanOuts: [
        overRange(reactor, { after: 0, to: 2 }, [{ event: 1 }]),
        overRange(reactor, { after: 2, to: 4 }, [{ event: 3 }]),
      ],
    });
    assert.deepEqual(fanOuts, [done, done]);
    assert.equal((await a.reactor('r')).position, 4);
  },

  'refuses the same batch a second time': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overBatch(reactor, [{ event: 0 }]), overBatch(reactor, [{ event: 0 }])],
    });
    assert.deepEqual(fanOuts, [done, { outcome: 'moved', position: 1 }]);
  },

  'lets only one of two concurrent fan-outs through': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    await a.append(rig.event());
    const fanOut = overRange(reactor, { after: 0, to: 1 }, [{ event: 1 }], 1);
    const both = await Promise.all([a.commit({ fanOuts: [fanOut] }), b.commit({ fanOuts: [fanOut] })]);
    assert.deepEqual(both.map(({ fanOuts }) => fanOuts[0]?.outcome).sort(), ['done', 'moved']);
  }),

  'notices that another instance has appended': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1));
    await b.append(rig.event());
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overBatch(reactor, [{ event: 0 }], 1)],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'moved', position: 1 }]);
  }),

  'refuses an older generation and creates nothing for it': async (rig) => {
    const a = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    const now = await a.register('r', { types: ['A', 'B'] });
    const { fanOuts } = await a.commit({
      events: rig.events(1),
      fanOuts: [overBatch(old, [{ event: 0 }], 1), overBatch(now, [{ event: 0 }])],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'superseded' }, done]);
    assert.equal((await a.reactor('r')).position, 1);
  },

  'tells an older generation so even where the position has moved too': async (rig) => {
    const a = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    await a.append(rig.event());
    await a.register('r', { types: ['B'] });
    const { fanOuts } = await a.commit({ events: [rig.event()], fanOuts: [overBatch(old, [{ event: 0 }])] });
    assert.deepEqual(fanOuts, [{ outcome: 'superseded' }]);
  },

  'notices a registration of another instance': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    await a.deliver(old, rig.events(1));
    await b.register('r', { types: ['B'] });
    const { fanOuts } = await a.commit({ events: [rig.event()], fanOuts: [overBatch(old, [{ event: 0 }])] });
    assert.deepEqual(fanOuts, [{ outcome: 'superseded' }]);
  }),

  'refuses a removed reactor, and one that never was': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overBatch(reactor, [{ event: 0 }]), overBatch({ ...reactor, key: 999 }, [{ event: 0 }])],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'superseded' }, { outcome: 'superseded' }]);
    assert.deepEqual((await a.storage.read.deliveries({ limit: 10 })).items, []);
  },

  'refuses one reactor without harm to the others': async (rig) => {
    const a = await rig.open();
    const behind = await a.register('behind');
    await a.append(rig.event());
    const level = await a.register('level');
    const { fanOuts } = await a.commit({
      events: [rig.event()],
      fanOuts: [overBatch(behind, [{ event: 0 }]), overBatch(level, [{ event: 0 }])],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'moved', position: 0 }, done]);
  },

  'delivers a dropped type up to where it was dropped': async (rig) => {
    const a = await rig.open();
    await a.register('r', { types: ['A', 'B'] });
    await a.append(rig.event({ type: 'A' }));
    const now = await a.register('r', { types: ['B'] });
    await a.append(rig.event({ type: 'A' }));
    assert.deepEqual(now.subscription, [
      { type: 'A', after: 0, until: 1 },
      { type: 'B', after: 0 },
    ]);
    const { fanOuts } = await a.commit({ fanOuts: [overRange(now, { after: 0, to: 2 }, [{ event: 1 }])] });
    assert.deepEqual(fanOuts, [done]);
    like(await a.row({ reactor: now.key, run: 0, seq: 1 }), { state: 'pending', eventType: 'A' });
  },

  'keeps what an older generation has leased valid': async (rig) => {
    const a = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    const { leases } = await a.deliver(old, rig.events(1));
    await a.register('r', { types: ['B'] });
    assert.equal(await a.settle(at(leases, 0), { to: 'succeeded' }), 'settled');
  },
});
