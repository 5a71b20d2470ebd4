/** How many deliveries may be in memory, so that memory stays bounded and no reactor fills the room of the others. */
import type { Clock } from '../core/clock.js';
import { isActive, isReplayed, type Held, type LocalReactor } from './local-reactor.js';
import type { Roster } from './roster.js';

/** A reactor whose longest-waiting lease is older gets no new one until it has caught up. */
const LONGEST_WAIT_MS = 1_000;
/** A reactor that used up what it was given faster than this is given more. */
const QUICK_MS = 250;

export interface Budget {
  /** How many more deliveries a reactor may take into memory now, when so many are promised to others. */
  room(reactor: LocalReactor, promised?: number): number;
  /** The same for replays: at most half of what the reactor may have. */
  replayRoom(reactor: LocalReactor): number;
  /** So many came into memory, `replayed` of them of replays. */
  taken(reactor: LocalReactor, count: number, replayed?: number): void;
  given(held: Held): void;
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
      return Math.max(
        0,
        Math.min(Math.min(reactor.window, share()) - reactor.held, maxInFlight - total - promised),
      );
    },
    replayRoom: (reactor) => {
      if (!open || reactor.paused || !isActive(reactor)) return 0;
      const half = Math.max(1, Math.min(reactor.window, share()) >> 1);
      return Math.max(0, Math.min(half - reactor.replays.held, maxInFlight - total));
    },
    taken: (reactor, count, replayed = 0) => {
      reactor.held += count;
      reactor.replays.held += replayed;
      total += count;
      if (count > replayed) reactor.fedAt = clock.now();
    },
    given: (held) => {
      held.reactor.held -= 1;
      if (isReplayed(held)) held.reactor.replays.held -= 1;
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
