/** One timer for everything the engine waits for: the earliest of a few named instants. */
import type { Clock } from '../core/clock.js';

/** What the engine waits for. */
export type Occasion = 'due' | 'replay' | 'renew' | 'deadline' | 'storage' | 'outbox' | 'sweep';

export interface Alarm {
  /** Calls the occasion's function at an instant (epoch ms); replaces its earlier instant, `undefined` clears it. */
  set(occasion: Occasion, at: number | undefined): void;
  /** As `set`, unless an earlier instant is set. */
  noLaterThan(occasion: Occasion, at: number): void;
  /** What is called. */
  when(occasion: Occasion, ring: () => void): void;
  stop(): void;
}

/** Longer waits are cut: `setTimeout` fires at once beyond 2^31 ms. */
const LONGEST_WAIT_MS = 1_000_000_000;

export function createAlarm(clock: Clock): Alarm {
  const instants = new Map<Occasion, number>();
  const rings = new Map<Occasion, () => void>();
  let armed: { at: number; cancel: () => void } | undefined;

  const arm = (): void => {
    let earliest: number | undefined;
    for (const at of instants.values()) if (earliest === undefined || at < earliest) earliest = at;
    if (armed?.at === earliest) return;
    armed?.cancel();
    armed = undefined;
    if (earliest === undefined) return;
    const wait = Math.min(Math.max(0, earliest - clock.now()), LONGEST_WAIT_MS);
    armed = { at: earliest, cancel: clock.setTimer(fire, wait) };
  };
  const fire = (): void => {
    armed = undefined;
    const now = clock.now();
    for (const [occasion, at] of [...instants]) {
      if (at > now) continue;
      instants.delete(occasion);
      rings.get(occasion)?.();
    }
    arm();
  };
  return {
    set: (occasion, at) => {
      if (at === undefined) instants.delete(occasion);
      else instants.set(occasion, at);
      arm();
    },
    noLaterThan: (occasion, at) => {
      const set = instants.get(occasion);
      if (set !== undefined && set <= at) return;
      instants.set(occasion, at);
      arm();
    },
    when: (occasion, ring) => void rings.set(occasion, ring),
    stop: () => {
      instants.clear();
      arm();
    },
  };
}
