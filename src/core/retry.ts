/** The retry policy: a pure function of attempt, error and random. */
import { optionsArgument } from './arguments.js';
import { NexusError, NonRetryableError, RetryAfterError } from './errors.js';
import { MAX_POSTPONEMENTS, type EndReason } from './delivery.js';

/** How a reactor retries. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. @default 8 */
  maxAttempts?: number;
  /** How the delay grows, or a function of (attempt that failed, its error) giving milliseconds. @default 'exponential' */
  backoff?: 'exponential' | 'linear' | 'fixed' | ((attempt: number, error: unknown) => number);
  /** Delay after the first failure, milliseconds. @default 1_000 */
  initialMs?: number;
  /** What each further delay is multiplied by (`exponential`). @default 2 */
  factor?: number;
  /** The longest delay, milliseconds. @default 3_600_000 */
  maxMs?: number;
  /** 0..1: a delay is lengthened by up to this share of itself, never shortened. @default 0.1 */
  jitter?: number;
}

/** What becomes of a delivery whose handler failed. */
export type Verdict =
  | { readonly to: 'pending'; readonly delayMs: number; readonly counted: boolean }
  | { readonly to: 'dead'; readonly reason: EndReason };

/** The policy with its defaults. */
export type FullRetryPolicy = Required<RetryPolicy>;

export const defaultRetry: FullRetryPolicy = {
  maxAttempts: 8,
  backoff: 'exponential',
  initialMs: 1_000,
  factor: 2,
  maxMs: 3_600_000,
  jitter: 0.1,
};

/** Fills in the defaults of a policy over those of another, and refuses what cannot be meant. */
export function retryPolicy(policy: RetryPolicy = {}, base: FullRetryPolicy = defaultRetry): FullRetryPolicy {
  const full = { ...base, ...definedOnly(optionsArgument(policy, 'retry')) };
  check(
    'retry.maxAttempts',
    full.maxAttempts,
    'an integer from 1 to 1000',
    Number.isInteger(full.maxAttempts) && full.maxAttempts >= 1 && full.maxAttempts <= 1000,
  );
  check(
    'retry.initialMs',
    full.initialMs,
    'a number of milliseconds >= 0',
    full.initialMs >= 0 && Number.isFinite(full.initialMs),
  );
  check('retry.factor', full.factor, 'a number >= 1', full.factor >= 1 && Number.isFinite(full.factor));
  check(
    'retry.maxMs',
    full.maxMs,
    'a number of milliseconds >= 0',
    full.maxMs >= 0 && Number.isFinite(full.maxMs),
  );
  check('retry.jitter', full.jitter, 'a number from 0 to 1', full.jitter >= 0 && full.jitter <= 1);
  check(
    'retry.backoff',
    full.backoff,
    `'exponential', 'linear', 'fixed' or a function`,
    typeof full.backoff === 'function' || ['exponential', 'linear', 'fixed'].includes(full.backoff),
  );
  return full;
}

/** What follows when the handler of a delivery threw `error`. */
export function decideRetry(
  policy: FullRetryPolicy,
  failed: {
    /** Attempts made, this one included. */
    readonly attempt: number;
    /** Times it was postponed before. */
    readonly postponed: number;
    readonly error: unknown;
    /** 0..1 */
    readonly random: number;
    /** Epoch ms, for a `RetryAfterError` with a `Date`. */
    readonly now: number;
  },
): Verdict {
  if (NonRetryableError.is(failed.error)) return { to: 'dead', reason: 'not_retryable' };
  if (NexusError.is(failed.error, 'NEXUS_EVENT_NEWER')) {
    // A rolling deploy: another process can do it, and the policy's attempts are not for that. Few seconds at first, for
    // that process is mostly there already.
    if (failed.postponed >= MAX_POSTPONEMENTS) return { to: 'dead', reason: 'postponed_too_often' };
    const base = Math.min(NEWER_FIRST_MS * 2 ** failed.postponed, NEWER_LONGEST_MS);
    return { to: 'pending', delayMs: lengthen(base, policy, failed.random), counted: false };
  }
  if (RetryAfterError.is(failed.error)) {
    if (failed.postponed >= MAX_POSTPONEMENTS) return { to: 'dead', reason: 'postponed_too_often' };
    const { when } = failed.error;
    const delay = typeof when === 'number' ? when : when.getTime() - failed.now;
    return { to: 'pending', delayMs: clampDelay(delay, policy.initialMs), counted: false };
  }
  if (failed.attempt >= policy.maxAttempts) return { to: 'dead', reason: 'attempts_spent' };
  return { to: 'pending', delayMs: retryDelayMs(policy, failed), counted: true };
}

/** The delay before the next attempt, milliseconds. */
export function retryDelayMs(
  policy: FullRetryPolicy,
  failed: { readonly attempt: number; readonly error: unknown; readonly random: number },
): number {
  const base = Math.min(backoffMs(policy, failed.attempt, failed.error), policy.maxMs);
  return lengthen(base, policy, failed.random);
}

function lengthen(ms: number, policy: FullRetryPolicy, random: number): number {
  return Math.round(ms * (1 + policy.jitter * random));
}

function backoffMs(policy: FullRetryPolicy, attempt: number, error: unknown): number {
  const { backoff, initialMs } = policy;
  if (typeof backoff === 'function') {
    try {
      return clampDelay(backoff(attempt, error), initialMs);
    } catch {
      // A policy that throws must not cost the delivery its retry.
      return initialMs;
    }
  }
  if (backoff === 'fixed') return initialMs;
  if (backoff === 'linear') return initialMs * attempt;
  return initialMs * policy.factor ** (attempt - 1);
}

/** How long a delivery waits for a process that knows its event's version; with 100 postponements about 95 minutes in all. */
const NEWER_FIRST_MS = 1_000;
const NEWER_LONGEST_MS = 60_000;

/** 30 days: longer delays are a mistake (seconds for milliseconds, say) or mean "never". */
const LONGEST_DELAY_MS = 30 * 24 * 3_600_000;

function clampDelay(ms: number, fallback: number): number {
  return Number.isNaN(ms) || typeof ms !== 'number' ? fallback : Math.min(Math.max(0, ms), LONGEST_DELAY_MS);
}

function definedOnly(policy: RetryPolicy): Partial<FullRetryPolicy> {
  return Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined));
}

function check(option: string, value: unknown, expected: string, holds: boolean): void {
  if (holds) return;
  throw new NexusError('NEXUS_INVALID_OPTION', `${option} must be ${expected}; got ${String(value)}`, {
    details: { option, expected },
  });
}
