/** Cases: the log grows. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { like } from './expectations.js';
import { at } from './instance.js';

export const appendCases = chapter('appending', {
  'numbers events from the head on, in the order of the batch': async (rig) => {
    const a = await rig.open();
    assert.deepEqual(await a.append(...rig.events(3)), [1, 2, 3]);
    assert.deepEqual(await a.append(...rig.events(2)), [4, 5]);
    assert.equal((await a.storage.read.head()).seq, 5);
  },

  'tells the new head': async (rig) => {
    const a = await rig.open();
    assert.equal((await a.commit({ events: rig.events(2) })).head, 2);
    assert.equal((await a.commit({})).head, 2);
  },

  'changes nothing for an empty batch': async (rig) => {
    const a = await rig.open();
    await a.append(rig.event());
    const before = await a.storage.read.head();
    const committed = await a.commit({});
    assert.deepEqual(committed, {
      once: [],
      settlements: [],
      events: [],
      fanOuts: [],
      head: 1,
      instance: 'held',
    });
    assert.deepEqual(await a.storage.read.head(), before);
  },

  'stores every field as it was given': async (rig) => {
    const a = await rig.open();
    const cause = rig.event();
    const event = rig.event({
      type: 'PIX:PAYMENT.RECEIVED',
      source: 'flow/pay',
      timestamp: 1_700_000_000_123,
      correlationId: cause.id,
      causationId: cause.id,
      headers: '{"trace":"a \\"b\\"","ünï":"✓"}',
      schemaVersion: 7,
      notBefore: 1_900_000_000_000,
      payload: '{"text":"naïve 🜲 \\u0000 \'quoted\'","n":1.50,"deep":{"a":[null,true]}}',
    });
    await a.append(cause, event);
    const stored = await a.storage.read.event(event.id);
    assert.ok(stored);
    const { hash, seq, ...fields } = stored;
    assert.equal(seq, 2);
    assert.equal(hash.length, 64);
    const { keys, onOther, idGiven } = event;
    assert.deepEqual({ ...fields, keys, onOther, idGiven }, event);
  },

  'stores the first event of a flow as its own correlation': async (rig) => {
    const a = await rig.open();
    const event = rig.event();
    await a.append(event);
    const stored = await a.storage.read.event(event.id);
    assert.ok(stored);
    like(stored, { correlationId: event.id, causationId: null, headers: null, notBefore: null });
  },

  'keeps payloads byte for byte, white space and order of members included': async (rig) => {
    const a = await rig.open();
    const payload = ' { "b" : 1,\n"a":2 , "b":3 } ';
    const event = rig.event({ payload });
    await a.append(event);
    assert.equal((await a.storage.read.event(event.id))?.payload, payload);
  },

  'takes a thousand events in one batch': async (rig) => {
    const a = await rig.open();
    const seqs = await a.append(...rig.events(1_000));
    assert.deepEqual(
      seqs,
      Array.from({ length: 1_000 }, (_, index) => index + 1),
    );
    assert.equal((await a.storage.read.events({ after: 998, limit: 10 })).items.length, 2);
  },

  'takes a payload of a mebibyte': async (rig) => {
    const a = await rig.open();
    const event = rig.event({ payload: JSON.stringify({ text: 'é'.repeat(512 * 1024) }) });
    await a.append(event);
    assert.equal((await a.storage.read.event(event.id))?.payload, event.payload);
  },

  'appends the same content again where nothing says it is the same event': async (rig) => {
    const a = await rig.open();
    const payload = '{"same":true}';
    assert.deepEqual(await a.append(rig.event({ payload }), rig.event({ payload })), [1, 2]);
  },

  'gives concurrent batches of several instances seqs of their own, each batch in one piece': several(
    async (rig) => {
      const a = await rig.open();
      const b = await rig.open();
      const batches = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? a : b).append(...rig.events(3))),
      );
      for (const seqs of batches) assert.deepEqual(seqs, [at(seqs, 0), at(seqs, 0) + 1, at(seqs, 0) + 2]);
      const all = batches.flat().sort((x, y) => x - y);
      assert.deepEqual(
        all,
        Array.from({ length: 30 }, (_, index) => index + 1),
      );
    },
  ),

  'shows every instance what another has committed': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const event = rig.event();
    await a.append(event);
    assert.equal((await b.storage.read.event(event.id))?.seq, 1);
    assert.deepEqual(await b.append(rig.event()), [2]);
    assert.equal((await a.storage.read.head()).seq, 2);
  }),
});
