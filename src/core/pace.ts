/** At most so many starts in any span of time: a window that slides, so no two spans share a burst. */

/** How fast handlers may be called. */
export interface RateLimit {
  /** Handler starts, 1 to 100,000. */
  count: number;
  /** The span, 1 millisecond to 31 days. */
  perMs: number;
}

export interface Pace {
  /** From when on so many more may start (epoch ms), if they start as soon as they may. */
  from(more: number): number;
  /** How many more may start up to an instant. */
  until(at: number): number;
  /** One starts. */
  started(at: number): void;
}

export function createPace({ count, perMs }: RateLimit): Pace {
  /** The last starts, a ring: the oldest is at `oldest`. */
  const starts: number[] = [];
  let oldest = 0;
  const start = (nth: number): number => starts[(oldest + nth) % count] ?? -Infinity;
  const unused = (): number => count - starts.length;

  return {
    from: (more) => {
      const rounds = Math.floor((more - 1) / count);
      const nth = ((more - 1) % count) - unused();
      return (nth < 0 ? -Infinity : start(nth)) + perMs * (rounds + 1);
    },
    until: (at) => {
      let low = 0;
      let high = starts.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (start(middle) + perMs <= at) low = middle + 1;
        else high = middle;
      }
      return unused() + low;
    },
    started: (at) => {
      if (starts.length < count) {
        starts.push(at);
        return;
      }
      starts[oldest] = at;
      oldest = (oldest + 1) % count;
    },
  };
}
