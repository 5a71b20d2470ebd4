/** Waiting between attempts: how long, and in a way that can be cut short. */

/** How attempts are spaced: the delay doubles from `initialMs` to `maxMs`, and a random part of it is waited. */
export interface Backoff {
  /** Milliseconds. */
  initialMs: number;
  /** Milliseconds. */
  maxMs: number;
}

/**
 * The delay after a number of failures in a row: anything between nothing and the step, so that the clients of a server that
 * comes back do not come all at once. What the server asked for is waited in full, and jitter comes on top.
 */
export function backoffMs(failures: number, { initialMs, maxMs }: Backoff, askedMs = 0): number {
  const step = Math.min(maxMs, initialMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(askedMs + step * Math.random());
}

/** Waits, unless the signal is or gets aborted; never rejects. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      done();
    };
    // Timers take 31 bits.
    const timer = setTimeout(end, Math.min(ms, 2 ** 31 - 1));
    signal.addEventListener('abort', end);
  });
}

/** What can be followed: an `AbortSignal`, or the life of a client. */
export type Followable = Pick<AbortSignal, 'aborted'> &
  Readonly<Record<'addEventListener' | 'removeEventListener', (name: 'abort', listener: () => void) => void>>;

/** The life of a client. An `AbortSignal` would do, but Node warns of a leak when more than ten things listen to one. */
export function createLife(): Followable & { end(): void } {
  const listeners = new Set<() => void>();
  let aborted = false;
  return {
    get aborted() {
      return aborted;
    },
    addEventListener: (_name, listener) => void listeners.add(listener),
    removeEventListener: (_name, listener) => void listeners.delete(listener),
    end: () => {
      aborted = true;
      for (const listener of [...listeners]) listener();
    },
  };
}

/** A signal that follows others and can be aborted by itself; `release` leaves nothing behind on them. */
export function follow(...signals: readonly (Followable | undefined)[]): {
  readonly signal: AbortSignal;
  readonly abort: (reason?: unknown) => void;
  readonly release: () => void;
} {
  const own = new AbortController();
  const abort = (reason?: unknown): void => own.abort(reason);
  const onAbort = (): void => abort();
  for (const each of signals) {
    if (each?.aborted === true) abort();
    each?.addEventListener('abort', onAbort);
  }
  const release = (): void => signals.forEach((each) => each?.removeEventListener('abort', onAbort));
  return { signal: own.signal, abort, release };
}

/** Runs something that takes a signal, for so long at most. */
export async function within<T>(
  ms: number,
  outer: AbortSignal,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, abort, release } = follow(outer);
  const timer = setTimeout(() => abort(new Error(`no answer within ${ms} ms`)), ms);
  try {
    return await act(signal);
  } finally {
    clearTimeout(timer);
    release();
  }
}
