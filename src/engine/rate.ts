/** How much happened in the last minute, in one-second steps. */
export interface RateMeter {
  count(now: number): void;
  perMinute(now: number): number;
}

export function createRateMeter(): RateMeter {
  const seconds = new Array<number>(60).fill(0);
  let last = 0;

  const moveTo = (now: number): number => {
    const second = Math.floor(now / 1_000);
    for (let each = Math.max(last + 1, second - 59); each <= second; each++) seconds[each % 60] = 0;
    last = Math.max(last, second);
    return last % 60;
  };
  return {
    count: (now) => {
      const slot = moveTo(now);
      seconds[slot] = (seconds[slot] ?? 0) + 1;
    },
    perMinute: (now) => {
      moveTo(now);
      return seconds.reduce((sum, count) => sum + count, 0);
    },
  };
}
