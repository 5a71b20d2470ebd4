import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NexusError, NonRetryableError, RetryAfterError } from '../../src/core/errors.js';
import { decideRetry, retryDelayMs, retryPolicy } from '../../src/core/retry.js';

const failed = { attempt: 1, postponed: 0, error: new Error('no'), random: 0, now: 1_000_000 };

describe('the retry policy', () => {
  it('doubles from one second up to one hour', () => {
    const policy = retryPolicy();
    const delays = [1, 2, 3, 4, 12, 13, 20].map((attempt) =>
      retryDelayMs(policy, { attempt, error: 0, random: 0 }),
    );
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 2_048_000, 3_600_000, 3_600_000]);
  });

  it('lengthens by jitter and never shortens', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, random, jitter) => {
          const policy = retryPolicy({ jitter });
          const plain = retryDelayMs({ ...policy, jitter: 0 }, { attempt, error: 0, random });
          const delay = retryDelayMs(policy, { attempt, error: 0, random });
          return delay >= plain && delay <= Math.ceil(plain * (1 + jitter));
        },
      ),
    );
  });

  it('grows linearly, stays fixed, or does what a function says', () => {
    const at = (policy: Parameters<typeof retryPolicy>[0], attempt: number) =>
      retryDelayMs(retryPolicy({ ...policy, jitter: 0 }), { attempt, error: 'e', random: 1 });
    expect(at({ backoff: 'linear', initialMs: 10 }, 3)).toBe(30);
    expect(at({ backoff: 'fixed', initialMs: 10 }, 9)).toBe(10);
    expect(at({ backoff: (attempt, error) => attempt * 100 + String(error).length }, 2)).toBe(201);
    expect(
      at(
        {
          backoff: () => {
            throw new Error('policy');
          },
          initialMs: 7,
        },
        2,
      ),
    ).toBe(7);
    expect(at({ backoff: () => NaN, initialMs: 7 }, 2)).toBe(7);
    expect(at({ backoff: () => -5 }, 2)).toBe(0);
  });

  it('is dead after the last attempt', () => {
    const policy = retryPolicy({ maxAttempts: 3 });
    expect(decideRetry(policy, { ...failed, attempt: 2 }).to).toBe('pending');
    expect(decideRetry(policy, { ...failed, attempt: 3 })).toEqual({ to: 'dead', reason: 'attempts_spent' });
  });

  it('waits for a process that knows the version of an event, and spends no attempt on it', () => {
    const policy = retryPolicy({ maxAttempts: 1, jitter: 0 });
    const error = new NexusError('NEXUS_EVENT_NEWER', 'newer');
    const after = (postponed: number) => decideRetry(policy, { ...failed, postponed, error });
    expect([0, 1, 5, 6, 99].map(after)).toEqual(
      [1_000, 2_000, 32_000, 60_000, 60_000].map((delayMs) => ({ to: 'pending', delayMs, counted: false })),
    );
    expect(after(100)).toEqual({ to: 'dead', reason: 'postponed_too_often' });
    const jittered = decideRetry(retryPolicy({ jitter: 0.5 }), { ...failed, error, random: 1 });
    expect(jittered).toMatchObject({ delayMs: 1_500 });
  });

  it('is dead at once for a NonRetryableError', () => {
    expect(decideRetry(retryPolicy(), { ...failed, error: new NonRetryableError('bad address') })).toEqual({
      to: 'dead',
      reason: 'not_retryable',
    });
  });

  it('waits as a RetryAfterError asks, without counting, a hundred times', () => {
    const policy = retryPolicy({ maxAttempts: 1 });
    expect(decideRetry(policy, { ...failed, error: new RetryAfterError(5_000) })).toEqual({
      to: 'pending',
      delayMs: 5_000,
      counted: false,
    });
    expect(decideRetry(policy, { ...failed, error: new RetryAfterError(new Date(1_000_500)) })).toEqual({
      to: 'pending',
      delayMs: 500,
      counted: false,
    });
    expect(decideRetry(policy, { ...failed, error: new RetryAfterError(new Date(0)) })).toMatchObject({
      delayMs: 0,
    });
    expect(decideRetry(policy, { ...failed, error: new RetryAfterError(new Date(NaN)) })).toMatchObject({
      delayMs: policy.initialMs,
    });
    expect(decideRetry(policy, { ...failed, postponed: 100, error: new RetryAfterError(1) })).toEqual({
      to: 'dead',
      reason: 'postponed_too_often',
    });
  });

  it('refuses what cannot be meant, naming the option', () => {
    for (const bad of [
      { maxAttempts: 0 },
      { maxAttempts: 1.5 },
      { jitter: 2 },
      { initialMs: -1 },
      { factor: 0.5 },
      { maxMs: NaN },
      { backoff: 'quadratic' as never },
    ]) {
      expect(() => retryPolicy(bad)).toThrow(`retry.${Object.keys(bad)[0] ?? ''} must be`);
    }
  });
});
