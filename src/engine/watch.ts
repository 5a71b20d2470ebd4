/** Waiting for a fact: checked again whenever something happened, never polled. */
import type { Clock } from '../core/clock.js';

export interface Watch {
  /**
   * Resolves with what `check` finds, or with what `late` makes of it after `timeoutMs` (undefined: never).
   * A check that throws ends the wait.
   */
  until<T>(
    check: () => Promise<T | undefined> | T | undefined,
    options?: { timeoutMs: number; late: () => Promise<T> | T },
  ): Promise<T>;
  /** Something happened. */
  pulse(): void;
  /** Ends every wait with this error. */
  end(error: () => unknown): void;
}

type Waiter = { readonly look: () => void; readonly end: (error: unknown) => void };

export function createWatch(clock: Clock, stayAwake: () => () => void): Watch {
  const waiters = new Set<Waiter>();
  let mayEnd: (() => void) | undefined;
  return {
    pulse: () => {
      if (waiters.size > 0) for (const waiter of [...waiters]) waiter.look();
    },
    end: (error) => {
      for (const waiter of [...waiters]) waiter.end(error());
    },
    until: <T>(
      check: () => Promise<T | undefined> | T | undefined,
      options?: { timeoutMs: number; late: () => Promise<T> | T },
    ) =>
      new Promise<T>((resolve, reject) => {
        let looking = false;
        let again = false;
        let over = false;
        // Both change while a check is awaited.
        const isOver = (): boolean => over;
        const wantsAgain = (): boolean => again;
        let cancel: (() => void) | undefined;
        const finish = (settle: () => void): void => {
          if (over) return;
          over = true;
          waiters.delete(waiter);
          if (waiters.size === 0) {
            mayEnd?.();
            mayEnd = undefined;
          }
          cancel?.();
          settle();
        };
        const look = async (): Promise<void> => {
          looking = true;
          do {
            again = false;
            const found = await check();
            if (found !== undefined) finish(() => resolve(found));
          } while (wantsAgain() && !isOver());
          looking = false;
        };
        const start = (): void => {
          if (looking) again = true;
          else look().catch((error: unknown) => finish(() => reject(asError(error))));
        };
        const waiter: Waiter = { look: start, end: (error) => finish(() => reject(asError(error))) };
        waiters.add(waiter);
        mayEnd ??= stayAwake();
        if (options) {
          const { timeoutMs, late } = options;
          cancel = clock.setTimer(() => {
            Promise.resolve()
              .then(late)
              .then(
                (value) => finish(() => resolve(value)),
                (error: unknown) => finish(() => reject(asError(error))),
              );
          }, timeoutMs);
        }
        start();
      }),
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
