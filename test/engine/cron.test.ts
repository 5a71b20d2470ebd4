import { describe, expect, it } from 'vitest';
import { cronTicks } from '../../src/engine/cron.js';
import type { Ticks } from '../../src/core/ticks.js';

const now = Date.parse('2027-01-01T00:00:00Z');
const from = (ticks: Ticks, start: string, count: number): string[] => {
  const found: string[] = [];
  let at = Date.parse(start);
  for (let i = 0; i < count; i++) {
    at = ticks.next(at) ?? NaN;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
};

describe('cron expressions', () => {
  it('are read in their time zone, UTC or another, wherever the process runs', () => {
    expect(from(cronTicks('0 9 * * 1-5', { timezone: 'UTC', now }), '2027-01-01T12:00:00Z', 2)).toEqual([
      '2027-01-04T09:00',
      '2027-01-05T09:00',
    ]);
    const saoPaulo = cronTicks('0 9 * * *', { timezone: 'America/Sao_Paulo', now });
    expect(from(saoPaulo, '2027-01-01T00:00:00Z', 1)).toEqual(['2027-01-01T12:00']);
  });

  it('lose no day when the clocks go forward', () => {
    // 02:30 does not exist on 28 March in Berlin: it is made at 03:00.
    const daily = cronTicks('30 2 * * *', { timezone: 'Europe/Berlin', now });
    expect(from(daily, '2027-03-26T12:00:00Z', 3)).toEqual([
      '2027-03-27T01:30',
      '2027-03-28T01:00',
      '2027-03-29T00:30',
    ]);
  });

  it('double no day when the clocks go back, and keep to every half hour that there is', () => {
    // 02:30 comes twice on 31 October in Berlin: the first one counts.
    const daily = cronTicks('30 2 * * *', { timezone: 'Europe/Berlin', now });
    expect(from(daily, '2027-10-29T12:00:00Z', 3)).toEqual([
      '2027-10-30T00:30',
      '2027-10-31T00:30',
      '2027-11-01T01:30',
    ]);
    const halves = cronTicks('*/30 * * * *', { timezone: 'Europe/Berlin', now });
    expect(from(halves, '2027-10-30T23:45:00Z', 6)).toEqual([
      '2027-10-31T00:00',
      '2027-10-31T00:30',
      '2027-10-31T01:00',
      '2027-10-31T01:30',
      '2027-10-31T02:00',
      '2027-10-31T02:30',
    ]);
  });

  it.each(['30 2 * * *', '0 * * * *', '*/30 * * * *', '0 3 1 * *', '15 1,2,3 * * *'])(
    '%s has the same ticks backward as forward where the clocks change',
    (pattern) => {
      for (const timezone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']) {
        const ticks = cronTicks(pattern, { timezone, now });
        // The weeks in which the clocks change; the rest of the year is like any other.
        for (const start of [
          '2027-03-10',
          '2027-03-24',
          '2027-04-01',
          '2027-09-30',
          '2027-10-28',
          '2027-11-04',
        ]) {
          let at = Date.parse(start);
          const end = at + 6 * 86_400_000;
          for (let tick = ticks.next(at); tick !== undefined && tick < end; tick = ticks.next(tick)) {
            expect(tick).toBeGreaterThan(at);
            expect([tick, ticks.last(1, tick)]).toEqual([tick, tick]);
            expect(ticks.last(1, tick + 1_500)).toBe(tick);
            at = tick;
          }
        }
      }
    },
  );

  it('know the oldest of the last so many', () => {
    const minutely = cronTicks('* * * * *', { timezone: 'UTC', now });
    expect(minutely.last(60, now + 30_000)).toBe(now - 59 * 60_000);
    expect(minutely.last(1, now - 1)).toBe(now - 60_000);
  });

  it.each([
    ['', 'UTC', /got "" in "UTC"/],
    ['* * *', 'UTC', /cron expression/],
    ['61 * * * *', 'UTC', /minute: 61/],
    ['0 0 30 2 *', 'UTC', /never comes/],
    ['2027-05-01T00:00:00', 'UTC', /notBefore/],
    ['0 9 * * *', 'Mars/Olympus', /Mars\/Olympus/],
  ])('refuse %j in %s', (pattern, timezone, message) => {
    const parse = (): unknown => cronTicks(pattern, { timezone, now });
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }));
  });

  it('name the cure where croner is not installed', () => {
    const cause = new Error('Cannot find module');
    const load = (): never => {
      throw cause;
    };
    const parse = (): unknown => cronTicks('0 9 * * *', { timezone: 'UTC', now, load });
    expect(parse).toThrow(expect.objectContaining({ code: 'NEXUS_CRON_MISSING', cause }));
    expect(parse).toThrow(/npm install croner/);
  });
});
