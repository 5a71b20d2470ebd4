import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Nexus } from '../../src/nexus.js';
import { createBus, deferred, record, type Bus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

const MINUTE = 60_000;
const everyMinute = { everyMs: MINUTE };

/** The ticks in the log, in its order, as minutes since the bus began. */
async function ticks({ nexus, clock }: Bus, start: number, name = 's'): Promise<number[]> {
  await clock.advance(0);
  const { items } = await nexus.events.list({ after: 0, limit: 1_000 });
  return items
    .filter(({ headers }) => headers['nexus-schedule'] === name)
    .map(({ headers }) => (Number(headers['nexus-tick-at']) - start) / MINUTE);
}
const end = async ({ nexus, clock }: Bus): Promise<void> => {
  const closed = nexus.close({ timeoutMs: 0 });
  await clock.advance(0);
  await closed;
};

describe('nexus.schedule', () => {
  it('dispatches an event at every tick, which says of which', async () => {
    const { nexus, clock } = createBus();
    const start = clock.now();
    const seen: unknown[] = [];
    nexus.onEvent(
      'REPORT',
      (payload, { event }) => void seen.push([payload, event.headers, event.timestamp]),
    );
    const schedule = nexus.schedule(everyMinute, 'REPORT', { kind: 'daily' }, { name: 's' });
    expect(schedule).toMatchObject({ name: 's' });
    expect(schedule.next()).toBe(start + MINUTE);
    await clock.advance(2 * MINUTE);
    const tick = (n: number): unknown[] => [
      { kind: 'daily' },
      { 'nexus-schedule': 's', 'nexus-tick-at': String(start + n * MINUTE) },
      start + n * MINUTE,
    ];
    expect(seen).toEqual([tick(1), tick(2)]);
    expect(schedule.next()).toBe(start + 3 * MINUTE);
  });

  it('starts a Nexus by itself', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    bus.nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    await bus.clock.advance(MINUTE);
    expect(await ticks(bus, start)).toEqual([1]);
  });

  it('starts none that is told not to', async () => {
    const { nexus, clock, database } = createBus({ autoStart: false });
    nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    await clock.advance(3 * MINUTE);
    expect(database.schedules.size).toBe(0);
  });

  it('takes cron expressions', async () => {
    const { nexus, clock } = createBus();
    // 2027-01-15T08:00:00Z
    const start = clock.now();
    const schedule = nexus.schedule('30 9 * * *', 'A', {}, { name: 's', timezone: 'Europe/Berlin' });
    expect(schedule.next()).toBe(start + 30 * MINUTE);
    await clock.advance(30 * MINUTE);
    expect((await nexus.events.list()).items).toHaveLength(1);
    expect(schedule.next()).toBe(start + 30 * MINUTE + 86_400_000);
  });

  it('makes the payload from the tick where it is given a function', async () => {
    const { nexus, clock } = createBus();
    const start = clock.now();
    nexus.schedule(everyMinute, 'A', (tickAt) => ({ until: tickAt }), { name: 's' });
    await clock.advance(MINUTE);
    expect((await nexus.events.list()).items.map(({ payload }) => payload)).toEqual([
      { until: start + MINUTE },
    ]);
  });

  it('makes one event per tick, however many processes keep it', async () => {
    const bus = createBus();
    const others = [createBus({ beside: bus }), createBus({ beside: bus })];
    const start = bus.clock.now();
    for (const { nexus } of [bus, ...others]) nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    await bus.clock.advance(3 * MINUTE);
    await end(bus);
    await bus.clock.advance(2 * MINUTE);
    expect(await ticks(others[0]!, start)).toEqual([1, 2, 3, 4, 5]);
  });

  it('skips what was missed, and makes what a restart has made late', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    bus.nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    await bus.clock.advance(MINUTE);
    await end(bus);
    await bus.clock.advance(10.5 * MINUTE);
    const next = createBus({ beside: bus });
    next.nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    await bus.clock.advance(MINUTE);
    // 11 is half a minute older than the process.
    expect(await ticks(next, start)).toEqual([1, 11, 12]);

    const hourly = { everyMs: 3_600_000 };
    next.nexus.schedule(hourly, 'A', {}, { name: 'hourly' });
    await turns();
    await end(next);
    await bus.clock.advance(3 * 3_600_000);
    const last = createBus({ beside: bus });
    const schedule = last.nexus.schedule(hourly, 'A', {}, { name: 'hourly' });
    await bus.clock.advance(1_000);
    expect(await ticks(last, start, 'hourly')).toEqual([]);
    expect(schedule.next()).toBe(start + 4 * 3_600_000);
  });

  it('catches up with what was missed, oldest first, where asked to', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    bus.nexus.schedule(everyMinute, 'A', {}, { name: 's', missed: 'catchUp' });
    await bus.clock.advance(MINUTE);
    await end(bus);
    await bus.clock.advance(4.5 * MINUTE);
    const next = createBus({ beside: bus });
    next.nexus.schedule(everyMinute, 'A', {}, { name: 's', missed: 'catchUp' });
    await bus.clock.advance(0);
    await next.nexus.idle();
    expect(await ticks(next, start)).toEqual([1, 2, 3, 4, 5]);
  });

  it('is replaced by another definition, in this and in other processes', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    const told = record(bus.nexus, 'schedule:superseded');
    const old = bus.nexus.schedule(everyMinute, 'A', {}, { name: 's', missed: 'catchUp' });
    await bus.clock.advance(2 * MINUTE);
    const next = createBus({ beside: bus });
    next.nexus.schedule({ everyMs: 2 * MINUTE }, 'A', {}, { name: 's', missed: 'catchUp' });
    await bus.clock.advance(4 * MINUTE);
    expect(await ticks(next, start)).toEqual([1, 2, 4, 6]);
    expect(told.map(({ moment }) => moment)).toEqual([{ schedule: 's' }]);
    expect(old.next()).toBeUndefined();
    // It asks no more: there is nothing left to do.
    await bus.nexus.idle();
    expect(await bus.nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: ['schedule s is superseded'],
    });
  });

  it('stops, and may be made anew', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    const first = bus.nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    expect(() => bus.nexus.schedule(everyMinute, 'A', {}, { name: 's' })).toThrow(
      expect.objectContaining({ code: 'NEXUS_SCHEDULE_NAME_TAKEN' }),
    );
    await bus.clock.advance(MINUTE);
    first.stop();
    first.stop();
    expect(first.next()).toBeUndefined();
    await bus.clock.advance(2 * MINUTE);
    bus.nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    first.stop();
    await bus.clock.advance(MINUTE);
    // 3 is not a minute old.
    expect(await ticks(bus, start)).toEqual([1, 3, 4]);
  });

  it('ticks no more once the Nexus closes, and leaves no timer', async () => {
    const bus = createBus();
    const schedule = bus.nexus.schedule(everyMinute, 'A', {}, { name: 's' });
    await bus.clock.advance(MINUTE);
    await end(bus);
    expect(schedule.next()).toBeUndefined();
    expect(bus.clock.timers()).toBe(0);
    await bus.clock.advance(5 * MINUTE);
    expect(bus.database.events).toHaveLength(1);
    expect(() => bus.nexus.schedule(everyMinute, 'A', {}, { name: 't' })).toThrow(
      expect.objectContaining({ code: 'NEXUS_CLOSED' }),
    );
  });

  it('says no tick while handlers drain', async () => {
    const bus = createBus();
    const gate = deferred();
    bus.nexus.onEvent('SLOW', () => gate.promise);
    bus.nexus.schedule({ everyMs: 1_000 }, 'A', {}, { name: 's' });
    await bus.nexus.dispatch('SLOW', {});
    const closed = bus.nexus.close({ timeoutMs: 10_000 });
    await bus.clock.advance(5_000);
    expect(bus.database.events).toHaveLength(1);
    gate.resolve();
    await bus.clock.advance(0);
    expect(await closed).toMatchObject({ drained: 1, interrupted: 0 });
  });

  it('knows the types of its payload', () => {
    const { nexus } = createBus({ events: { A: z.object({ n: z.number() }) } });
    const typed = nexus as unknown as Nexus<{ A: z.ZodObject<{ n: z.ZodNumber }> }>;
    typed.schedule(everyMinute, 'A', { n: 1 }, { name: 'value' });
    typed.schedule(everyMinute, 'A', (tickAt) => ({ n: tickAt }), { name: 'function' });
    // @ts-expect-error a payload of another kind
    expect(() => typed.schedule(everyMinute, 'A', { n: 'x' }, { name: 'wrong' })).toThrow();
    // @ts-expect-error a type that is not in the catalogue
    expect(() => typed.schedule(everyMinute, 'B', { n: 1 }, { name: 'unknown' })).toThrow();
  });

  it('waits on one timer for all', async () => {
    const { nexus, clock } = createBus();
    await nexus.start();
    const before = clock.timers();
    for (let n = 0; n < 50; n++) nexus.schedule(everyMinute, 'A', {}, { name: `s${n}` });
    await clock.advance(MINUTE);
    expect(clock.timers()).toBe(before);
    expect((await nexus.events.list()).items).toHaveLength(50);
  });

  it('says a tick later where it could not be said, and complains meanwhile', async () => {
    const bus = createBus();
    const start = bus.clock.now();
    let works = false;
    const payload = (): { n: number } => {
      if (!works) throw new Error('no rates yet');
      return { n: 1 };
    };
    bus.nexus.schedule({ everyMs: 60 * MINUTE }, 'A', payload, { name: 's' });
    await bus.clock.advance(60 * MINUTE + 1_000);
    expect(await ticks(bus, start)).toEqual([]);
    expect((await bus.nexus.health()).reasons).toEqual(['schedule s cannot say its tick: no rates yet']);
    works = true;
    await bus.clock.advance(MINUTE);
    expect(await ticks(bus, start)).toEqual([60]);
    expect((await bus.nexus.health()).status).toBe('ok');
  });

  it('checks a payload against its schema when it is scheduled, and that of a function at the tick', async () => {
    const bus = createBus({ events: { A: z.object({ n: z.number() }) } });
    const nexus = bus.nexus;
    const schedule = (payload: unknown, name: string): unknown =>
      nexus.schedule(everyMinute, 'A', payload as never, { name });
    expect(() => schedule({ n: 'x' }, 'bad')).toThrow(
      expect.objectContaining({ code: 'NEXUS_INVALID_PAYLOAD' }),
    );
    schedule(() => ({ n: 'x' }), 'later');
    await bus.clock.advance(MINUTE);
    expect((await nexus.health()).reasons[0]).toMatch(/^schedule later cannot say its tick: .*A/);
  });

  it.each<[string, (nexus: Nexus) => unknown, string]>([
    ['no options', (nexus) => nexus.schedule(everyMinute, 'A', {}, undefined as never), 'name must be'],
    ['a name with blanks', (nexus) => nexus.schedule(everyMinute, 'A', {}, { name: 'a b' }), 'name must be'],
    ['nonsense for cron', (nexus) => nexus.schedule('soon', 'A', {}, { name: 's' }), 'cron expression'],
    ['no when', (nexus) => nexus.schedule(undefined as never, 'A', {}, { name: 's' }), 'everyMs'],
    ['null', (nexus) => nexus.schedule(null as never, 'A', {}, { name: 's' }), 'everyMs'],
    ['a tick too often', (nexus) => nexus.schedule({ everyMs: 99 }, 'A', {}, { name: 's' }), 'from 100 to'],
    [
      'half a millisecond',
      (nexus) => nexus.schedule({ everyMs: 100.5 }, 'A', {}, { name: 's' }),
      'from 100 to',
    ],
    ['never', (nexus) => nexus.schedule({ everyMs: Infinity }, 'A', {}, { name: 's' }), 'from 100 to'],
    [
      'a time zone for a distance',
      (nexus) => nexus.schedule(everyMinute, 'A', {}, { name: 's', timezone: 'UTC' }),
      'timezone must be left out',
    ],
    [
      'another word for missed',
      (nexus) => nexus.schedule(everyMinute, 'A', {}, { name: 's', missed: 'run' as never }),
      'missed must be',
    ],
  ])('refuses %s', (_what, schedule, message) => {
    const { nexus } = createBus();
    expect(() => schedule(nexus)).toThrow(
      expect.objectContaining({
        code: 'NEXUS_INVALID_OPTION',
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it('refuses types that are not to be dispatched', () => {
    const { nexus } = createBus();
    expect(() => nexus.schedule(everyMinute, 'nexus.tick', {}, { name: 's' })).toThrow(
      expect.objectContaining({ code: 'NEXUS_UNKNOWN_EVENT' }),
    );
  });
});
