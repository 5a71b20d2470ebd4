/** How many events a batch may hold, learnt from how long commits take. */

/** Aim for commits of about this long: they block the event loop of an embedded host. */
const TARGET_MS = 8;
const LEAST = 32;
const FIRST = 256;
/** What the newest commit counts for beside all before it. */
const NEWEST = 0.2;

export interface BatchSize {
  readonly events: number;
  /** A commit of so many pieces of work took so long. */
  learn(count: number, ms: number): void;
}

export function createBatchSize(most: number): BatchSize {
  /** What a commit takes however little is in it: the sync of the disk, or the way to a server. */
  let fixedMs: number | undefined;
  /** What each event adds to that. */
  let eventMs: number | undefined;
  let events = Math.min(FIRST, most);

  const fitting = (): number => {
    if (!eventMs) return eventMs === undefined ? events : most;
    // On a slow disk the sync alone may take all of the time aimed for. Batches made small for its sake would only wait for
    // it more often: events get as much time as the sync takes, where that is more than it leaves them.
    const spare = Math.max(TARGET_MS - (fixedMs ?? 0), fixedMs ?? 0);
    return Math.max(LEAST, Math.min(most, Math.floor(spare / eventMs)));
  };

  return {
    get events() {
      return events;
    },
    learn: (count, ms) => {
      if (count === 0) return;
      if (count <= LEAST) fixedMs = mixed(fixedMs, ms);
      else eventMs = mixed(eventMs, Math.max(0, ms - (fixedMs ?? 0)) / count);
      events = fitting();
    },
  };
}

function mixed(mean: number | undefined, newest: number): number {
  return mean === undefined ? newest : mean * (1 - NEWEST) + newest * NEWEST;
}
