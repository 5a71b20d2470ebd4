import { describe, expect, it } from 'vitest';
import { dueTicks, everyTicks, LATE_MS, MOST_CAUGHT_UP } from '../../src/core/ticks.js';

const every = everyTicks(1_000);

describe('everyTicks', () => {
  it('counts from the epoch', () => {
    expect([0, 1, 999, 1_000, 1_500].map((after) => every.next(after))).toEqual([
      1_000, 1_000, 1_000, 2_000, 2_000,
    ]);
    expect(every.last(1, 1_999)).toBe(1_000);
    expect(every.last(1, 2_000)).toBe(2_000);
    expect(every.last(3, 9_500)).toBe(7_000);
  });
});

describe('dueTicks', () => {
  it('is none before the next tick, and that tick from its instant on', () => {
    for (const missed of ['skip', 'catchUp'] as const) {
      const at = { tickAt: 5_000, since: 0, missed };
      expect(dueTicks(every, { ...at, now: 5_999 })).toEqual([]);
      expect(dueTicks(every, { ...at, now: 6_000 })).toEqual([6_000]);
    }
  });

  it('makes of several late ones the newest, or each', () => {
    const at = { tickAt: 5_000, since: 0, now: 8_500 };
    expect(dueTicks(every, { ...at, missed: 'skip' })).toEqual([8_000]);
    expect(dueTicks(every, { ...at, missed: 'catchUp' })).toEqual([6_000, 7_000, 8_000]);
  });

  it('skips what was missed, but not what a restart made late', () => {
    const hourly = everyTicks(3_600_000);
    const tick = 7_200_000;
    const at = { tickAt: 3_600_000, missed: 'skip' as const };
    expect(dueTicks(hourly, { ...at, since: tick + LATE_MS, now: tick + LATE_MS })).toEqual([tick]);
    expect(dueTicks(hourly, { ...at, since: tick + LATE_MS + 1, now: tick + LATE_MS + 1 })).toEqual([]);
    // It came due while this process ran: the storage took it only now.
    expect(dueTicks(hourly, { ...at, since: tick, now: tick + 30 * 60_000 })).toEqual([tick]);
  });

  it('catches up with the newest thousand, however long it was', () => {
    const now = 1e12;
    const due = dueTicks(every, { tickAt: 1_000, since: now, now, missed: 'catchUp' });
    expect(due).toHaveLength(MOST_CAUGHT_UP);
    expect([due[0], due.at(-1)]).toEqual([now - (MOST_CAUGHT_UP - 1) * 1_000, now]);
  });

  it('is none where nothing is to come', () => {
    const over = { next: () => undefined, last: () => undefined };
    expect(dueTicks(over, { tickAt: 0, since: 0, now: 1e12, missed: 'catchUp' })).toEqual([]);
  });
});
