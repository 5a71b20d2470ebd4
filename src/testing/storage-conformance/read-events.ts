/** Cases: pages of the log. */
import assert from 'node:assert/strict';
import type { EventQuery, NewEvent } from '../../storage/storage.js';
import { chapter } from './chapter.js';
import { everyPage } from './expectations.js';
import { at, type Instance } from './instance.js';
import type { Rig } from './rig.js';

/** Seven events: types A and B in turn, three sources, one second apart, 4 and 5 caused by 1. */
async function sevenEvents(rig: Rig): Promise<{ a: Instance; events: readonly NewEvent[]; start: number }> {
  const a = await rig.open();
  const start = rig.clock.now();
  const events: NewEvent[] = [];
  for (let index = 0; index < 7; index++) {
    const cause = events[0];
    const caused = cause && (index === 3 || index === 4);
    const event = rig.event({
      type: index % 2 === 0 ? 'A' : 'B',
      source: `s${index % 3}`,
      timestamp: start + index * 1_000,
      ...(caused ? { correlationId: cause.id, causationId: cause.id } : {}),
    });
    events.push(event);
    await a.append(event);
  }
  return { a, events, start };
}

const found = async (
  instance: Instance,
  query: Omit<EventQuery, 'limit'>,
  limit = 100,
): Promise<number[]> => {
  const up = query.after !== undefined;
  const items = await everyPage<{ readonly seq: number }, number>((cursor) =>
    instance.storage.read.events({
      ...query,
      ...(cursor === undefined ? {} : up ? { after: cursor } : { before: cursor }),
      limit,
    }),
  );
  return items.map(({ seq }) => seq);
};

export const eventReadCases = chapter('reading the log', {
  'tells an event by its id, and nothing of an unknown one': async (rig) => {
    const { a, events } = await sevenEvents(rig);
    assert.equal((await a.storage.read.event(at(events, 2).id))?.seq, 3);
    assert.equal(await a.storage.read.event('0192f3a1-1111-7222-8333-444444444444'), undefined);
  },

  'tells the stored ones among many ids': async (rig) => {
    const { a, events } = await sevenEvents(rig);
    const unknown = Array.from({ length: 700 }, () => rig.event().id);
    const ids = [at(events, 6).id, ...unknown, at(events, 1).id];
    const stored = await a.storage.read.eventsById(ids);
    assert.deepEqual(stored.map(({ seq }) => seq).sort(), [2, 7]);
    assert.deepEqual(await a.storage.read.eventsById([]), []);
  },

  'reads an event by a key of its source': async (rig) => {
    const a = await rig.open();
    const events = [rig.event({ keys: ['strong', 'weak'] }), rig.event({ keys: ['weak'], source: 'other' })];
    await a.append(...events);
    const { read } = a.storage;
    assert.equal((await read.eventByKey(at(events, 0).source, 'weak'))?.id, at(events, 0).id);
    assert.equal((await read.eventByKey('other', 'weak'))?.id, at(events, 1).id);
    assert.equal(await read.eventByKey('other', 'strong'), undefined);
  },

  'lists the newest first': async (rig) => {
    const { a } = await sevenEvents(rig);
    const { items, next } = await a.storage.read.events({ limit: 3 });
    assert.deepEqual(
      items.map(({ seq }) => seq),
      [7, 6, 5],
    );
    assert.ok(next !== undefined);
    assert.deepEqual(await found(a, {}, 3), [7, 6, 5, 4, 3, 2, 1]);
  },

  'lists upward from a seq': async (rig) => {
    const { a } = await sevenEvents(rig);
    assert.deepEqual(await found(a, { after: 2 }, 2), [3, 4, 5, 6, 7]);
    assert.deepEqual(await found(a, { after: 0 }), [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(await found(a, { after: 7 }), []);
  },

  'lists downward from a seq': async (rig) => {
    const { a } = await sevenEvents(rig);
    assert.deepEqual(await found(a, { before: 4 }, 2), [3, 2, 1]);
    assert.deepEqual(await found(a, { before: 1 }), []);
  },

  'lists between two seqs, both excluded': async (rig) => {
    const { a } = await sevenEvents(rig);
    assert.deepEqual(await found(a, { after: 2, before: 6 }, 2), [3, 4, 5]);
    assert.deepEqual(await found(a, { after: 2, before: 3 }), []);
  },

  'finds by type, source and both': async (rig) => {
    const { a } = await sevenEvents(rig);
    assert.deepEqual(await found(a, { types: ['B'] }, 1), [6, 4, 2]);
    assert.deepEqual(await found(a, { types: ['A', 'B'] }), [7, 6, 5, 4, 3, 2, 1]);
    assert.deepEqual(await found(a, { types: ['NONE'] }), []);
    assert.deepEqual(await found(a, { source: 's0' }, 2), [7, 4, 1]);
    assert.deepEqual(await found(a, { source: 's0', types: ['A'], after: 0 }), [1, 7]);
  },

  'finds a flow: the event that began it included': async (rig) => {
    const { a, events } = await sevenEvents(rig);
    const correlationId = at(events, 0).id;
    assert.deepEqual(await found(a, { correlationId }, 1), [5, 4, 1]);
    assert.deepEqual(await found(a, { correlationId, after: 0 }, 2), [1, 4, 5]);
    assert.deepEqual(await found(a, { correlationId: at(events, 1).id }), [2]);
  },

  'finds what an event caused': async (rig) => {
    const { a, events } = await sevenEvents(rig);
    assert.deepEqual(await found(a, { causationId: at(events, 0).id }, 1), [5, 4]);
    assert.deepEqual(await found(a, { causationId: at(events, 1).id }), []);
  },

  'finds by time, the end excluded': async (rig) => {
    const { a, start } = await sevenEvents(rig);
    assert.deepEqual(await found(a, { from: start + 2_000, to: start + 4_000 }), [4, 3]);
    assert.deepEqual(await found(a, { from: start + 5_000, after: 0 }, 1), [6, 7]);
    assert.deepEqual(await found(a, { to: start }), []);
  },

  'has no next page behind the last event': async (rig) => {
    const { a } = await sevenEvents(rig);
    assert.equal((await a.storage.read.events({ limit: 8 })).next, undefined);
    assert.equal((await a.storage.read.events({ after: 5, limit: 8 })).next, undefined);
    assert.deepEqual(await (await rig.open()).storage.read.events({ types: ['NONE'], limit: 8 }), {
      items: [],
      next: undefined,
    });
  },

  'reads the log upward, and says how far it looked': async (rig) => {
    const { a } = await sevenEvents(rig);
    const first = await a.storage.read.log({ after: 0, limit: 5 });
    assert.deepEqual(
      first.events.map(({ seq }) => seq),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual([first.to, first.head], [5, 7]);
    const second = await a.storage.read.log({ after: first.to, limit: 5 });
    assert.deepEqual(
      second.events.map(({ seq }) => seq),
      [6, 7],
    );
    assert.deepEqual([second.to, second.head], [7, 7]);
    assert.deepEqual(await a.storage.read.log({ after: 7, limit: 5 }), { events: [], to: 7, head: 7 });
  },

  'reads an empty log': async (rig) => {
    const a = await rig.open();
    assert.deepEqual(await a.storage.read.log({ after: 0, limit: 5 }), { events: [], to: 0, head: 0 });
    assert.deepEqual(await a.storage.read.events({ limit: 5 }), { items: [], next: undefined });
  },

  'bounds what it reads of the log by size, and still gets through': async (rig) => {
    const a = await rig.open();
    const payload = JSON.stringify({ text: 'x'.repeat(64 * 1024) });
    for (let i = 0; i < 4; i++) await a.append(...rig.events(75, { payload }));
    const seen: number[] = [];
    let after = 0;
    for (let pages = 0; after < 300 && pages < 300; pages++) {
      const { events, to } = await a.storage.read.log({ after, limit: 1_000 });
      assert.ok(events.length < 300, 'not all 19 MiB at once');
      assert.ok(to > after, 'it goes forward');
      seen.push(...events.map(({ seq }) => seq));
      after = to;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 300 }, (_, index) => index + 1),
    );
  },

  'gives every reader records of its own': async (rig) => {
    const { a, events } = await sevenEvents(rig);
    const { id } = at(events, 0);
    const before = structuredClone(await a.storage.read.event(id));
    const taken = await a.storage.read.event(id);
    assert.ok(taken);
    // Refused or without effect: either keeps the log as it was.
    Reflect.set(taken, 'payload', '{"forged":true}');
    assert.deepEqual(await a.storage.read.event(id), before);
    assert.deepEqual((await a.storage.read.log({ after: 0, limit: 1 })).events, [before]);
  },
});
