/** Cases: the rows of reactors. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { fails } from './expectations.js';

export const registrationCases = chapter('registering', {
  'writes a new reactor at the head': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    const row = await a.register('r', { types: ['A', 'B'] });
    assert.deepEqual(row, {
      key: row.key,
      name: 'r',
      generation: row.generation,
      subscription: [
        { type: 'A', after: 3 },
        { type: 'B', after: 3 },
      ],
      ordered: false,
      position: 3,
      paused: false,
      prunedTo: 0,
    });
    assert.deepEqual(await a.reactor('r'), row);
  },

  'starts one from the beginning': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    const { position, subscription } = await a.register('r', { from: 'beginning' });
    assert.equal(position, 0);
    assert.deepEqual(subscription, [{ type: 'T', after: 0 }]);
  },

  'starts one after a given seq, the head included': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    const early = await a.register('early', { from: 1 });
    assert.equal(early.position, 1);
    assert.deepEqual(early.subscription, [{ type: 'T', after: 1 }]);
    assert.equal((await a.register('late', { from: 3 })).position, 3);
  },

  'refuses a start above the head and writes nothing': async (rig) => {
    const a = await rig.open();
    await a.append(rig.event());
    await fails('NEXUS_POSITION_AHEAD', () => a.register('r', { from: 2 }));
    assert.deepEqual(await a.storage.read.reactors(), []);
  },

  'finds an equal registration as it was, wherever it now wants to start': async (rig) => {
    const a = await rig.open();
    const first = await a.register('r', { types: ['A', 'B'] });
    await a.append(...rig.events(2));
    assert.deepEqual(await a.register('r', { types: ['A', 'B'], from: 'now' }), first);
    assert.deepEqual(await a.register('r', { types: ['A', 'B'], from: 'beginning' }), first);
    assert.deepEqual(await a.register('r', { types: ['A', 'B'], from: 2 }), first);
  },

  'takes an equal registration even when its start is above the head': async (rig) => {
    const a = await rig.open();
    const first = await a.register('r');
    assert.deepEqual(await a.register('r', { from: 99 }), first);
  },

  'gives every name a key of its own': async (rig) => {
    const a = await rig.open();
    assert.notEqual((await a.register('r')).key, (await a.register('s')).key);
  },

  'bumps the generation for other types: kept ones go on, new ones count from the head, dropped ones until it':
    async (rig) => {
      const a = await rig.open();
      const first = await a.register('r', { types: ['A', 'B'] });
      await a.append(...rig.events(2));
      const second = await a.register('r', { types: ['B', 'C'] });
      assert.equal(second.key, first.key);
      assert.ok(second.generation > first.generation);
      assert.equal(second.position, 0, 'the position stays');
      assert.deepEqual(second.subscription, [
        { type: 'A', after: 0, until: 2 },
        { type: 'B', after: 0 },
        { type: 'C', after: 2 },
      ]);
    },

  'keeps a dropped type that the position has passed, which may be moved back to it': async (rig) => {
    const a = await rig.open();
    const first = await a.register('r', { types: ['A', 'B'] });
    await a.deliver(first, rig.events(2, { type: 'A' }));
    const second = await a.register('r', { types: ['B'] });
    assert.deepEqual(second.subscription, [
      { type: 'A', after: 0, until: 2 },
      { type: 'B', after: 0 },
    ]);
    assert.equal(second.position, 2);
  },

  'keeps both spans of a type that was dropped and taken up again': async (rig) => {
    const a = await rig.open();
    await a.register('r', { types: ['A', 'B'] });
    await a.append(rig.event());
    await a.register('r', { types: ['B'] });
    await a.append(rig.event());
    const third = await a.register('r', { types: ['A', 'B'] });
    assert.deepEqual(third.subscription, [
      { type: 'A', after: 0, until: 1 },
      { type: 'B', after: 0 },
      { type: 'A', after: 2 },
    ]);
  },

  'bumps the generation when it becomes ordered, and keeps its types': async (rig) => {
    const a = await rig.open();
    const first = await a.register('r');
    await a.append(rig.event());
    const second = await a.register('r', { ordered: true });
    assert.ok(second.generation > first.generation);
    assert.equal(second.ordered, true);
    assert.deepEqual(second.subscription, first.subscription);
  },

  'stays paused over a new registration': async (rig) => {
    const a = await rig.open();
    await a.register('r');
    await a.storage.edit({ edit: 'pause', reactor: 'r' });
    assert.equal((await a.register('r')).paused, true);
    assert.equal((await a.register('r', { types: ['A'] })).paused, true);
  },

  'registered by two instances at once, is one row': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const [first, second] = await Promise.all([a.register('r'), b.register('r')]);
    assert.deepEqual(first, second);
    assert.equal((await a.storage.read.reactors()).length, 1);
  }),

  'registered with other types by another instance, supersedes the first': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    const now = await b.register('r', { types: ['A', 'B'] });
    assert.equal((await a.claim(old)).reactors[0]?.superseded, true);
    assert.equal((await a.claim(now)).reactors[0]?.superseded, false);
  }),

  'never gives the key of a removed reactor to another': async (rig) => {
    const a = await rig.open();
    const first = await a.register('r');
    await a.append(rig.event());
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    const second = await a.register('r');
    assert.notEqual(second.key, first.key);
    assert.equal(second.position, 1);
    assert.deepEqual(second.subscription, [{ type: 'T', after: 1 }]);
  },

  'lists the reactors by name': async (rig) => {
    const a = await rig.open();
    for (const name of ['b', 'c', 'a', 'd']) await a.register(name);
    await a.storage.edit({ edit: 'remove', reactor: 'c', limit: 10 });
    const rows = await a.storage.read.reactors();
    assert.deepEqual(
      rows.map(({ name }) => name),
      ['a', 'b', 'd'],
    );
  },
});
