/** When a schedule ticks, and which of its ticks are due: pure functions of instants (epoch ms). */

/** The ticks of a schedule, whoever keeps it: the same instants in every process. */
export interface Ticks {
  /** The first one after an instant, if any is to come. */
  next(after: number): number | undefined;
  /** The oldest of the last `count` up to and with an instant, as far as there are so many. */
  last(count: number, upTo: number): number | undefined;
}

/** What becomes of ticks during which no process ran. */
export type Missed = 'skip' | 'catchUp';

/** How many missed ticks are caught up with, the newest. */
export const MOST_CAUGHT_UP = 1_000;
/** A tick that is so little older than the process is late, not missed: a restart loses none. */
export const LATE_MS = 60_000;
/** No schedule ticks more often, so that a short while cannot hold too many. */
export const LEAST_DISTANCE_MS = 100;

/** Ticks at the multiples of a distance, counted from the epoch. */
export function everyTicks(everyMs: number): Ticks {
  return {
    next: (after) => (Math.floor(after / everyMs) + 1) * everyMs,
    last: (count, upTo) => (Math.floor(upTo / everyMs) - count + 1) * everyMs,
  };
}

/**
 * The ticks to make now, oldest first. `skip`: the newest, if it came due while this process ran or a minute before;
 * `catchUp`: all since the last one, at most the newest 1,000.
 */
export function dueTicks(
  ticks: Ticks,
  at: {
    /** The last tick that was made. */
    readonly tickAt: number;
    readonly now: number;
    /** Since when this process keeps the schedule. */
    readonly since: number;
    readonly missed: Missed;
  },
): number[] {
  const { tickAt, now, since, missed } = at;
  const first = ticks.next(tickAt);
  if (first === undefined || first > now) return [];
  if (missed === 'skip') {
    const newest = Math.max(first, ticks.last(1, now) ?? first);
    return newest >= since - LATE_MS ? [newest] : [];
  }
  const mayBeTooMany = now - first >= MOST_CAUGHT_UP * LEAST_DISTANCE_MS;
  const oldest = mayBeTooMany ? Math.max(first, ticks.last(MOST_CAUGHT_UP, now) ?? first) : first;
  const due: number[] = [];
  for (let tick: number | undefined = oldest; tick !== undefined && tick <= now; tick = ticks.next(tick))
    due.push(tick);
  return due;
}
