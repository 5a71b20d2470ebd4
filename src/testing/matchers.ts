/** Matchers for the `expect` of vitest and jest: `expect.extend(matchers)`. */
import { anything, seek, type ExpectOptions } from './expectations.js';
import type { TestNexus } from './test-nexus.js';

/** What a matcher answers its runner. */
export interface MatcherResult {
  readonly pass: boolean;
  /** Why it failed, or why its contrary did. */
  readonly message: () => string;
  readonly actual?: unknown;
  readonly expected?: unknown;
}

/** What of a test Nexus the matchers look at. */
export type HasDispatched = { dispatched(): ReturnType<TestNexus['dispatched']> };

/**
 * `toHaveDispatched(type, payload?, { times }?)` and `toHaveDispatchedNothing()`.
 *
 * @example
 * expect.extend(matchers);
 * expect(t).toHaveDispatched('MINT_REQUESTED', { amount: '10.00' });
 */
export const matchers = {
  toHaveDispatched: (
    t: HasDispatched,
    type: string,
    payload?: unknown,
    options?: ExpectOptions,
  ): MatcherResult => {
    const { wrong } = seek(t.dispatched(), type, payload, options);
    return wrong
      ? { pass: false, message: () => wrong.message, actual: wrong.actual, expected: wrong.expected }
      : { pass: true, message: () => `expected that no such ${type} is dispatched` };
  },
  toHaveDispatchedNothing: (t: HasDispatched): MatcherResult => {
    const wrong = anything(t.dispatched());
    return wrong
      ? { pass: false, message: () => wrong.message, actual: wrong.actual, expected: wrong.expected }
      : { pass: true, message: () => 'expected that something is dispatched' };
  },
};
