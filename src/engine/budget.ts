/**
 * How many deliveries may be in memory, so that memory stays bounded and no reactor fills the room of the others: an equal
 * share for each that has any, and for each at least what it runs at once, be there room or not.
 */
import type { Clock } from '../core/clock.js';
import { isActive, paceRoom, type LocalReactor } from './local-reactor.js';

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
  given(reactor: LocalReactor, replayed?: 0 | 1): void;
  /** Nothing of it waits any more. */
  emptied(reactor: LocalReactor): void;
  /** Deliveries in memory. */
  held(): number;
  /** From now on there is no room. */
  shut(): void;
}

export function createBudget(options: { clock: Clock; maxInFlight: number }): Budget {
  const { clock, maxInFlight } = options;
  let total = 0;
  /** Reactors that have some. One that has none takes nothing from the share of those that have. */
  let sharing = 0;
  let open = true;

  const share = (reactor: LocalReactor): number =>
    Math.floor(maxInFlight / Math.max(1, sharing + (reactor.held === 0 ? 1 : 0)));

  return {
    room: (reactor, promised = 0) => {
      if (!open || reactor.paused || !isActive(reactor)) return 0;
      const longest = reactor.waiting[0];
      if (longest && clock.now() - longest.heldAt > LONGEST_WAIT_MS) {
        reactor.window = Math.max(reactor.settings.concurrency, reactor.window >> 1);
        return 0;
      }
      const least =
        Math.min(reactor.settings.concurrency, maxInFlight) - (reactor.held - reactor.replays.held);
      const most = Math.min(reactor.window, share(reactor)) - reactor.held;
      const room = Math.max(0, least, Math.min(most, maxInFlight - total - promised));
      return reactor.pace ? Math.max(0, Math.min(room, paceRoom(reactor, clock.now()))) : room;
    },
    replayRoom: (reactor) => {
      if (!open || reactor.paused || !isActive(reactor)) return 0;
      const half = Math.max(1, Math.min(reactor.window, share(reactor)) >> 1);
      const room = Math.max(0, Math.min(half - reactor.replays.held, maxInFlight - total));
      return reactor.pace ? Math.max(0, Math.min(room, paceRoom(reactor, clock.now()))) : room;
    },
    taken: (reactor, count, replayed = 0) => {
      if (reactor.held === 0 && count > 0) sharing += 1;
      reactor.held += count;
      reactor.replays.held += replayed;
      total += count;
      if (count > replayed) reactor.fedAt = clock.now();
    },
    given: (reactor, replayed = 0) => {
      reactor.held -= 1;
      reactor.replays.held -= replayed;
      if (reactor.held === 0) sharing -= 1;
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
