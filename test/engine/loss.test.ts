/** Acknowledged events that the storage lost: who hears of it, and how reading goes on. */
import { describe, expect, it } from 'vitest';
import { createBus, record, type Bus } from '../support/bus.js';

/** Ten events, of which the last four are gone when the next process comes. */
async function afterLoss(): Promise<Bus> {
  const before = createBus();
  for (let n = 1; n <= 10; n++) await before.nexus.dispatch('A', { n });
  await before.nexus.close();
  before.database.lose(4);
  return createBus({ beside: before });
}

describe('events that were lost', () => {
  it('are reported as a number to log, listeners and health', async () => {
    const before = createBus();
    for (let n = 1; n <= 3; n++) await before.nexus.dispatch('A', { n });
    await before.nexus.close();
    before.database.lose(2);
    const errors: unknown[] = [];
    const quiet = (): void => undefined;
    const logger = {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (fields: unknown) => void errors.push(fields),
    };
    const { nexus } = createBus({ beside: before, logger });
    const told = record(nexus, 'log:lost');
    await nexus.start();
    expect(told.map(({ moment }) => moment)).toEqual([{ events: 2, from: 2, to: 3 }]);
    expect(errors).toEqual([{ events: 2, from: 2, to: 3 }]);
    expect(await nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: ['2 acknowledged events are missing from the log (seq 2 to 3)'],
    });
  });

  it('leave an event of the host that says so, which only those get who name it', async () => {
    const { nexus } = await afterLoss();
    const all: number[] = [];
    nexus.onEvent('*', { name: 'all', from: 'beginning' }, (_, { event }) => void all.push(event.seq));
    await nexus.dispatch('A', { n: 11 });
    await nexus.idle();
    const { items } = await nexus.events.list({ type: 'nexus.log.gap' });
    expect(items).toMatchObject([
      { seq: 11, source: 'nexus', payload: { from: 7, to: 10, lost: 4 }, causationId: undefined },
    ]);
    expect(all).toEqual([1, 2, 3, 4, 5, 6, 12]);
    await expect(nexus.dispatch('nexus.log.gap', {})).rejects.toMatchObject({ code: 'NEXUS_UNKNOWN_EVENT' });
  });

  it('are passed over by no reader without its seeing the gap', async () => {
    const { nexus } = await afterLoss();
    await nexus.dispatch('A', { n: 11 });
    for (const after of [6, 8, 10]) {
      const { items } = await nexus.events.list({ after });
      expect(items.map(({ seq, type }) => [seq, type])).toEqual([
        [11, 'nexus.log.gap'],
        [12, 'A'],
      ]);
      expect(await nexus.waitFor('nexus.log.gap', { after })).toMatchObject({ seq: 11 });
    }
  });

  it('hold up no reactor that had come to them', async () => {
    const before = createBus();
    const handled: number[] = [];
    before.nexus.onEvent('A', { name: 'r' }, (_, { event }) => void handled.push(event.seq));
    for (let n = 1; n <= 4; n++) await before.nexus.dispatch('A', { n });
    await before.nexus.idle();
    await before.nexus.close();
    before.database.lose(2);
    const { nexus } = createBus({ beside: before });
    nexus.onEvent('A', { name: 'r' }, (_, { event }) => void handled.push(event.seq));
    const { id } = await nexus.dispatch('A', { n: 5 });
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded', seq: 6 }]);
    expect(handled).toEqual([1, 2, 3, 4, 6]);
    expect(await nexus.reactors.list()).toMatchObject([{ position: 6, lag: 0 }]);
  });
});

describe('a cursor above the head', () => {
  it('is an error, and one at the head an empty page', async () => {
    const { nexus } = createBus();
    await nexus.dispatch('A', {});
    expect((await nexus.events.list({ after: 1 })).items).toEqual([]);
    await expect(nexus.events.list({ after: 2 })).rejects.toMatchObject({
      code: 'NEXUS_POSITION_AHEAD',
      details: { after: 2, head: 1 },
    });
    await expect(nexus.waitFor('A', { after: 2 })).rejects.toMatchObject({ code: 'NEXUS_POSITION_AHEAD' });
  });
});
