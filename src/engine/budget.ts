/** How many deliveries may be in memory, so that memory stays bounded and no reactor fills the room of the others. */
import type { Clock } from '../core/clock.js';
import { isActive, paceRoom, type LocalReactor } from './local-reactor.js';
import type { Roster } from './roster.js';

/** A reactor whose longest-waiting lease is older gets no new one until it has caught up. */
const LONGEST_WAIT_MS = 1_000;
/** A reactor that used up what it was given faster than this is given more. */
const QUICK_MS = 250;

export interface Budget {
  /** How many more deliveries a reactor may take into memory now, when so many are promised to others. */
  room(reactor: LocalReactor, promised?: number): number;
  taken(reactor: LocalReactor, count: number): void;
  given(reactor: LocalReactor): void;
  /** Nothing of it waits any more. */
  emptied(reactor: LocalReactor): void;
  /** Deliveries in memory. */
  held(): number;
  /** From now on there is no room. */
  shut(): void;
}

export function createBudget(options: { clock: Clock; maxInFlight: number; roster: Roster }): Budget {
  const { clock, maxInFlight, roster } = options;
  let total = 0;
  let open = true;

  const share = (): number => Math.max(1, Math.floor(maxInFlight / Math.max(1, roster.active().length)));

  return {
    room: (reactor, promised = 0) => {
      if (!open || reactor.paused || !isActive(reactor)) return 0;
      const longest = reactor.waiting[0];
      if (longest && clock.now() - longest.heldAt > LONGEST_WAIT_MS) {
        reactor.window = Math.max(reactor.settings.concurrency, reactor.window >> 1);
        return 0;
      }
      const room = Math.min(Math.min(reactor.window, share()) - reactor.held, maxInFlight - total - promised);
      return Math.max(0, reactor.pace ? Math.min(room, paceRoom(reactor, clock.now())) : room);
    },
    taken: (reactor, count) => {
      reactor.held += count;
      total += count;
      reactor.fedAt = clock.now();
    },
    given: (reactor) => {
      reactor.held -= 1;
      total -= 1;
    },
    emptied: (reactor) => {
      const quick = clock.now() - reactor.fedAt < QUICK_MS;
      if (quick && reactor.window < maxInFlight) reactor.window = Math.min(maxInFlight, reactor.window * 2);
    },
    held: () => total,
    shut: () => {
      open = false;
    },
  };
}
