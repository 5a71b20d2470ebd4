/** Cases: schedules, and the events of their ticks. */
import assert from 'node:assert/strict';
import { chapter, reopening, several } from './chapter.js';
import { overBatch } from './instance.js';

const name = 's';
const definition = 'every minute';

export const scheduleCases = chapter('schedules', {
  'count from where they were first registered': async (rig) => {
    const a = await rig.open();
    assert.deepEqual(await a.storage.schedule({ name, definition, since: 1_000 }), {
      generation: 1,
      tickAt: 1_000,
    });
    assert.deepEqual(await a.storage.schedule({ name, definition, since: 9_000 }), {
      generation: 1,
      tickAt: 1_000,
    });
    assert.deepEqual(await a.storage.schedule({ name: 'S', definition, since: 9_000 }), {
      generation: 1,
      tickAt: 9_000,
    });
  },

  'move on together with the event of a tick': async (rig) => {
    const a = await rig.open();
    const { generation, tickAt } = await a.storage.schedule({ name, definition, since: 1_000 });
    const tick = { schedule: name, generation, from: tickAt, to: 2_000 };
    const { events, head } = await a.commit({ events: [rig.event({ tick })] });
    assert.equal(events[0]?.outcome, 'appended');
    assert.equal(head, 1);
    assert.equal((await a.storage.schedule({ name, definition, since: 1_000 })).tickAt, 2_000);
  },

  'have one event per tick, whoever says it': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { generation } = await a.storage.schedule({ name, definition, since: 1_000 });
    const tick = { schedule: name, generation, from: 1_000, to: 2_000 };
    const said = await Promise.all([a, b].map((each) => each.commit({ events: [rig.event({ tick })] })));
    const outcomes = said.map(({ events }) => events[0]);
    assert.deepEqual(outcomes.map((each) => each?.outcome).sort(), ['appended', 'ticked']);
    assert.deepEqual(
      outcomes.find((each) => each?.outcome === 'ticked'),
      { outcome: 'ticked', tickAt: 2_000 },
    );
    assert.equal((await a.storage.read.head()).seq, 1);
  }),

  'have one event per tick within a commit, and leave its other events alone': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { generation } = await a.storage.schedule({ name, definition, since: 1_000 });
    const step = (
      from: number,
      to: number,
    ): { schedule: string; generation: number; from: number; to: number } => ({
      schedule: name,
      generation,
      from,
      to,
    });
    const events = [
      rig.event({ tick: step(1_000, 2_000) }),
      rig.event({ tick: step(1_000, 2_000) }),
      rig.event(),
      rig.event({ tick: step(2_000, 3_000) }),
    ];
    const matches = events.map((_, event) => ({ event }));
    const committed = await a.commit({ events, fanOuts: [overBatch(reactor, matches, 10)] });
    assert.deepEqual(
      committed.events.map(({ outcome }) => outcome),
      ['appended', 'ticked', 'appended', 'appended'],
    );
    assert.ok(committed.fanOuts[0]?.outcome === 'done');
    assert.deepEqual(
      committed.fanOuts[0].leased.map(({ match }) => match),
      [0, 2, 3],
    );
    assert.equal(committed.head, 3);
  },

  'are replaced by another definition, which counts from its own start': async (rig) => {
    const a = await rig.open();
    const before = await a.storage.schedule({ name, definition, since: 1_000 });
    const after = await a.storage.schedule({ name, definition: 'every hour', since: 5_000 });
    assert.deepEqual(after, { generation: 2, tickAt: 5_000 });
    const late = { schedule: name, generation: before.generation, from: 5_000, to: 6_000 };
    const { events } = await a.commit({ events: [rig.event({ tick: late })] });
    assert.deepEqual(events, [{ outcome: 'redefined' }]);
    assert.equal((await a.storage.read.head()).seq, 0);
  },

  'never go back, whatever a new definition says': async (rig) => {
    const a = await rig.open();
    await a.storage.schedule({ name, definition, since: 5_000 });
    const { tickAt } = await a.storage.schedule({ name, definition: 'every hour', since: 1_000 });
    assert.equal(tickAt, 5_000);
  },

  'do not tick before they are registered': async (rig) => {
    const a = await rig.open();
    const tick = { schedule: 'unknown', generation: 1, from: 0, to: 1 };
    const { events } = await a.commit({ events: [rig.event({ tick })] });
    assert.deepEqual(events, [{ outcome: 'redefined' }]);
  },

  'take the same event said again for what it is': async (rig) => {
    const a = await rig.open();
    const { generation } = await a.storage.schedule({ name, definition, since: 1_000 });
    const event = rig.event({ tick: { schedule: name, generation, from: 1_000, to: 2_000 } });
    await a.commit({ events: [event] });
    const { events } = await a.commit({ events: [{ ...event, idGiven: true }] });
    assert.equal(events[0]?.outcome, 'duplicate');
    assert.equal((await a.storage.read.head()).seq, 1);
  },

  'outlive the storage': reopening(async (rig) => {
    const a = await rig.open();
    const { generation } = await a.storage.schedule({ name, definition, since: 1_000 });
    await a.commit({
      events: [rig.event({ tick: { schedule: name, generation, from: 1_000, to: 2_000 } })],
    });
    await a.storage.close();
    const b = await rig.open();
    assert.deepEqual(await b.storage.schedule({ name, definition, since: 9_000 }), {
      generation: 1,
      tickAt: 2_000,
    });
  }),
});
