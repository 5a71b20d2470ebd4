/** Cases: the same thing said twice is one event. */
import assert from 'node:assert/strict';
import type { Appended, NewEvent } from '../../storage/storage.js';
import { chapter, erasing, reopening, several } from './chapter.js';
import { at, overBatch } from './instance.js';
import { LEASE_MS } from './rig.js';

const outcomes = (events: readonly Appended[]): string[] => events.map(({ outcome }) => outcome);

/** What is said of an event that has been said before. */
const seenAs = (outcome: 'duplicate' | 'conflict', first: NewEvent, seq: number): Appended => ({
  outcome,
  id: first.id,
  seq,
  timestamp: first.timestamp,
});

const payload = '{"amount":"10.00"}';

export const dedupeCases = chapter('duplicates', {
  'answers a known key with the first event and appends nothing': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    await rig.clock.advance(1_000);
    const { events, head } = await a.commit({ events: [rig.event({ keys: ['k'], payload })] });
    assert.deepEqual(events, [seenAs('duplicate', first, 1)]);
    assert.equal(head, 1);
  },

  'calls other content under a known key a conflict': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    const { events } = await a.commit({ events: [rig.event({ keys: ['k'] })] });
    assert.deepEqual(events, [seenAs('conflict', first, 1)]);
  },

  'calls another type under a known key a conflict': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    const { events } = await a.commit({ events: [rig.event({ keys: ['k'], payload, type: 'OTHER' })] });
    assert.deepEqual(events, [seenAs('conflict', first, 1)]);
  },

  'takes the first event for other content where it is asked to': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    const { events } = await a.commit({ events: [rig.event({ keys: ['k'], onOther: 'duplicate' })] });
    assert.deepEqual(events, [seenAs('duplicate', first, 1)]);
  },

  'lets every source have its own keys': async (rig) => {
    const a = await rig.open();
    await a.append(rig.event({ keys: ['k'], source: 'one' }));
    assert.deepEqual(await a.append(rig.event({ keys: ['k'], source: 'two' })), [2]);
  },

  'tells keys apart by case and white space': async (rig) => {
    const a = await rig.open();
    const spoken = ['k', 'K', 'k ', ' k'].map((key) => rig.event({ keys: [key] }));
    assert.deepEqual(await a.append(...spoken), [1, 2, 3, 4]);
  },

  'tells fingerprints of bytes apart, by source and by any digit of their first 25': async (rig) => {
    const a = await rig.open();
    const print = '0123456789abcdeffedcba9876543210';
    const others = [0, 4, 5, 12, 13, 16, 17, 24].map(
      (digit) => print.slice(0, digit) + (print[digit] === '7' ? '8' : '7') + print.slice(digit + 1),
    );
    const said = ['one', 'two'].flatMap((source) =>
      [print, ...others].map((each) => rig.event({ keys: [`b:${each}`], source, payload })),
    );
    assert.deepEqual(
      await a.append(...said),
      said.map((_, i) => i + 1),
    );
    const { events } = await a.commit({
      events: said.map(({ keys, source }) => rig.event({ keys, source, payload })),
    });
    assert.deepEqual(
      events,
      said.map((event, i) => seenAs('duplicate', event, i + 1)),
    );
    for (const { source, keys, id } of said)
      assert.equal((await a.storage.read.eventByKey(source, at(keys, 0)))?.id, id);
    assert.equal(await a.storage.read.eventByKey('three', `b:${print}`), undefined);
    assert.deepEqual(await a.append(rig.event({ keys: ['k', `b:${print}`], source: 'three' })), [
      said.length + 1,
    ]);
    assert.equal((await a.storage.read.eventByKey('three', `b:${print}`))?.seq, said.length + 1);
  },

  'finds duplicates within one batch: the first wins': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    const { events } = await a.commit({
      events: [first, rig.event({ keys: ['k'], payload }), rig.event({ keys: ['k'] }), rig.event()],
    });
    assert.deepEqual(events.slice(1, 3), [seenAs('duplicate', first, 1), seenAs('conflict', first, 1)]);
    const last = at(events, 3);
    assert.equal(last.outcome === 'appended' && last.seq, 2, 'no seq is lost on a duplicate');
  },

  'records every key of an accepted event': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['strong', 'middle', 'weak'], payload });
    await a.append(first);
    for (const key of ['strong', 'middle', 'weak']) {
      const { events } = await a.commit({ events: [rig.event({ keys: [key], payload })] });
      assert.deepEqual(events, [seenAs('duplicate', first, 1)], key);
    }
  },

  'looks up the strongest key only, and leaves a taken weaker one to its owner': async (rig) => {
    const a = await rig.open();
    const owner = rig.event({ keys: ['weak'], payload });
    await a.append(owner);
    assert.deepEqual(await a.append(rig.event({ keys: ['strong', 'weak'] })), [2]);
    const { events } = await a.commit({ events: [rig.event({ keys: ['weak'], payload })] });
    assert.deepEqual(events, [seenAs('duplicate', owner, 1)]);
  },

  'records the keys of an event that brings its own id as well': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ idGiven: true, keys: ['strong', 'weak'], payload });
    await a.append(first);
    for (const key of ['strong', 'weak']) {
      const { events } = await a.commit({ events: [rig.event({ keys: [key], payload })] });
      assert.deepEqual(events, [seenAs('duplicate', first, 1)], key);
    }
  },

  'records no keys of a duplicate': async (rig) => {
    const a = await rig.open();
    await a.append(rig.event({ keys: ['k'], payload }));
    await a.commit({ events: [rig.event({ keys: ['k', 'extra'], payload })] });
    assert.deepEqual(await a.append(rig.event({ keys: ['extra'] })), [2]);
  },

  'records no keys of a conflict': async (rig) => {
    const a = await rig.open();
    await a.append(rig.event({ keys: ['k'], payload }));
    await a.commit({ events: [rig.event({ keys: ['k', 'extra'] })] });
    assert.deepEqual(await a.append(rig.event({ keys: ['extra'] })), [2]);
  },

  'records no keys of a skipped event, and does not call it a duplicate': async (rig) => {
    const a = await rig.open();
    await a.append(rig.event({ keys: ['known'], payload }));
    const lost = { reactor: 1, run: 0, seq: 1, token: 1 };
    const { events } = await a.commit({
      settlements: [{ lease: lost, outcome: { to: 'succeeded' }, attempt: 1, postponed: 0, ms: 0 }],
      events: [
        rig.event({ keys: ['known'], payload, onlyIf: 0 }),
        rig.event({ keys: ['fresh'], payload, onlyIf: 0 }),
        rig.event({ keys: ['fresh'], payload }),
      ],
    });
    assert.deepEqual(outcomes(events), ['skipped', 'skipped', 'appended']);
  },

  'knows a given id again': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ idGiven: true, payload });
    await a.append(first);
    const { events } = await a.commit({ events: [rig.event({ id: first.id, idGiven: true, payload })] });
    assert.deepEqual(events, [seenAs('duplicate', first, 1)]);
  },

  'calls other content under a given id a conflict, or takes the first for it': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ payload });
    await a.append(first);
    const again = { id: first.id, idGiven: true } as const;
    const { events } = await a.commit({
      events: [rig.event(again), rig.event({ ...again, onOther: 'duplicate' })],
    });
    assert.deepEqual(events, [seenAs('conflict', first, 1), seenAs('duplicate', first, 1)]);
  },

  'knows a given id again within one batch': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ idGiven: true, payload });
    const { events } = await a.commit({
      events: [first, rig.event({ id: first.id, idGiven: true, payload })],
    });
    assert.deepEqual(events[1], seenAs('duplicate', first, 1));
  },

  'knows a given id again from any source': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ idGiven: true, payload, source: 'one' });
    await a.append(first);
    const again = rig.event({ id: first.id, idGiven: true, payload, source: 'two' });
    assert.deepEqual((await a.commit({ events: [again] })).events, [seenAs('duplicate', first, 1)]);
  },

  'looks at a given id though the key is new': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    const again = rig.event({ id: first.id, idGiven: true, keys: ['new'], payload });
    assert.deepEqual((await a.commit({ events: [again] })).events, [seenAs('duplicate', first, 1)]);
  },

  'creates no delivery for a duplicate': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { events, fanOuts } = await a.commit({
      events: [rig.event({ keys: ['k'], payload }), rig.event({ keys: ['k'], payload }), rig.event()],
      fanOuts: [overBatch(reactor, [{ event: 0 }, { event: 1 }, { event: 2 }])],
    });
    assert.deepEqual(outcomes(events), ['appended', 'duplicate', 'appended']);
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 2 }]);
    assert.equal((await a.storage.read.deliveries({ limit: 10 })).items.length, 2);
  },

  'knows the keys that another instance recorded': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const event = (): NewEvent => rig.event({ keys: ['k'], payload });
    const both = await Promise.all([a.commit({ events: [event()] }), b.commit({ events: [event()] })]);
    assert.deepEqual(both.flatMap(({ events }) => outcomes(events)).sort(), ['appended', 'duplicate']);
  }),

  'knows its keys after a close': reopening(async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    await a.storage.close();
    await a.storage.open({
      instance: '1f9a7f0e-52f3-4b53-8c0d-6a4f8f0b7e21',
      leaseMs: LEASE_MS,
      mode: 'run',
    });
    const { events } = await a.commit({ events: [rig.event({ keys: ['k'], payload })] });
    assert.deepEqual(events, [seenAs('duplicate', first, 1)]);
  }),

  'takes any content in another version of the schema for the same, but not another type': async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    const next = { keys: ['k'], schemaVersion: 2 };
    const { events } = await a.commit({ events: [rig.event(next), rig.event({ ...next, type: 'OTHER' })] });
    assert.deepEqual(events, [seenAs('duplicate', first, 1), seenAs('conflict', first, 1)]);
  },

  'takes any content for that of an erased event, but not another type': erasing(async (rig) => {
    const a = await rig.open();
    const first = rig.event({ keys: ['k'], payload });
    await a.append(first);
    await rig.erase(first.id);
    const { events } = await a.commit({
      events: [rig.event({ keys: ['k'] }), rig.event({ keys: ['k'], type: 'OTHER' })],
    });
    assert.deepEqual(events, [seenAs('duplicate', first, 1), seenAs('conflict', first, 1)]);
  }),
});
