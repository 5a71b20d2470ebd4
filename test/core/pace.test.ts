import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPace } from '../../src/core/pace.js';

describe('createPace', () => {
  it('lets so many start at once, and the next when the first is a span old', () => {
    const pace = createPace({ count: 2, perMs: 1_000 });
    expect([pace.until(0), pace.from(1), pace.from(2)]).toEqual([2, -Infinity, -Infinity]);
    pace.started(100);
    expect([pace.until(100), pace.from(1), pace.from(2)]).toEqual([1, -Infinity, 1_100]);
    pace.started(300);
    expect([pace.until(1_099), pace.until(1_100), pace.until(1_300)]).toEqual([0, 1, 2]);
    expect([1, 2, 3, 4].map((more) => pace.from(more))).toEqual([1_100, 1_300, 2_100, 2_300]);
    pace.started(1_100);
    expect([pace.from(1), pace.from(2)]).toEqual([1_300, 2_100]);
  });

  it('never lets more start in any span than it says, and none wait without need', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.nat({ max: 40 }), { maxLength: 60 }),
        (count, perMs, gaps) => {
          const pace = createPace({ count, perMs });
          const starts: number[] = [];
          let now = 0;
          for (const gap of gaps) {
            now = Math.max(now + gap, pace.from(1));
            // A plain count says the same as the ring.
            const inSpan = (at: number): number => starts.filter((start) => start + perMs > at).length;
            for (const at of [now - 1, now, now + 7]) expect(pace.until(at)).toBe(count - inSpan(at));
            pace.started(now);
            starts.push(now);
            expect(inSpan(now)).toBeLessThanOrEqual(count);
          }
        },
      ),
    );
  });
});
