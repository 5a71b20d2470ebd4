/** Time, passed in. */

/** Where the library gets its time from. Inject one to test with time of your own. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `fn` once after `ms` milliseconds, without keeping the process alive; returns its cancellation. */
  setTimer(fn: () => void, ms: number): () => void;
}
