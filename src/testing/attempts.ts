/** Which handlers run, and what they wait for: the real world, which the kit waits for too, or virtual time, which it moves. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../core/clock.js';
import { NexusError } from '../core/errors.js';
import { milliseconds, type Duration } from './duration.js';

type Attempt = {
  readonly clock: Clock;
  /** How many `sleep`s it is in. */
  asleep: number;
  /** It did not come back for so long that only time can help it. */
  givenUp: boolean;
};

/** The handlers of one process. */
export interface Attempts {
  started(deliveryId: string): void;
  ended(deliveryId: string): void;
  /** Runs a handler as the attempt that has started. */
  run<T>(deliveryId: string, handler: () => T): T;
  /** Handlers that are doing something real, as far as is known. */
  awake(): number;
  /** They wait for time, it seems: nobody waits for them any more. */
  giveUp(): void;
  /** The process is dead. */
  clear(): void;
}

/** The attempt in which code runs, through all its awaits. */
const current = new AsyncLocalStorage<Attempt>();

export function createAttempts(clock: Clock): Attempts {
  const running = new Map<string, Attempt>();
  const isAwake = ({ asleep, givenUp }: Attempt): boolean => asleep === 0 && !givenUp;
  return {
    started: (deliveryId) => void running.set(deliveryId, { clock, asleep: 0, givenUp: false }),
    ended: (deliveryId) => void running.delete(deliveryId),
    run: (deliveryId, handler) => {
      const attempt = running.get(deliveryId);
      return attempt ? current.run(attempt, handler) : handler();
    },
    awake: () => {
      let count = 0;
      for (const attempt of running.values()) if (isAwake(attempt)) count += 1;
      return count;
    },
    giveUp: () => {
      for (const attempt of running.values()) attempt.givenUp = true;
    },
    clear: () => running.clear(),
  };
}

/**
 * In a handler that a test Nexus calls: resolves when so much virtual time has passed. The kit moves the clock on meanwhile,
 * and waits for nothing.
 *
 * @example defineReactor({ on: 'PAYMENT_RECEIVED', name: 'slow', handler: () => sleep('30s') })
 * @throws NexusError NEXUS_INVALID_OPTION outside of such a handler
 */
export async function sleep(duration: Duration): Promise<void> {
  const attempt = current.getStore();
  if (!attempt) {
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      'sleep() is for handlers that a test Nexus calls; elsewhere use its sleep method, t.sleep()',
    );
  }
  await sleepOn(attempt.clock, milliseconds(duration));
}

/** Resolves when virtual time has passed; a handler that is in it does not hold up the clock. */
export async function sleepOn(clock: Clock, ms: number): Promise<void> {
  const attempt = current.getStore();
  if (attempt) attempt.asleep += 1;
  await new Promise<void>((resolve) => clock.setTimer(resolve, ms));
  if (attempt) attempt.asleep -= 1;
}
