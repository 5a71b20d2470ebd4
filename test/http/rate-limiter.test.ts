import { describe, expect, it } from 'vitest';
import { proveLimiterMemory, proveLimiterModel } from '../../proof/limiter.js';
import {
  createNamedLimiter,
  createRateLimiter,
  type Rate,
  type RateLimiter,
} from '../../src/http/rate-limiter.js';

const NOW = 1_000_000;
const limiterOf = (rate: Rate, mostClients?: number): RateLimiter =>
  createRateLimiter(rate, { seed: [7, 11], ...(mostClients !== undefined && { mostClients }) });
const allowed = (limiter: RateLimiter, low: number, times: number, now = NOW): number =>
  Array.from({ length: times }, () => limiter.take(0, low, now)).filter((wait) => wait === 0).length;

describe('the limiter', () => {
  it('decides as a token bucket does', () => {
    expect(proveLimiterModel({ patterns: 500 })).toMatchObject({ patterns: 500, different: 0 });
  });

  it('says how long to wait', () => {
    const limiter = limiterOf({ perSecond: 10, burst: 20 });
    expect(allowed(limiter, 1, 30)).toBe(20);
    expect(limiter.take(0, 1, NOW)).toBe(100);
    expect(limiter.take(0, 1, NOW + 60)).toBe(40);
    expect(limiter.take(0, 1, NOW + 100)).toBe(0);
    expect(limiter.take(0, 1, NOW + 100)).toBe(100);
    expect(allowed(limiter, 1, 30, NOW + 60_000)).toBe(20);
  });

  it('keeps clients apart, in both halves of their key', () => {
    const limiter = limiterOf({ perSecond: 1, burst: 1 });
    for (const [high, low] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [0xffffffff, 0xffffffff],
    ] as const) {
      expect(limiter.take(high, low, NOW)).toBe(0);
      expect(limiter.take(high, low, NOW)).toBeGreaterThan(0);
    }
  });

  it('is small for many addresses, of which none frees one that is limited', () => {
    const report = proveLimiterMemory({ addresses: 200_000 });
    expect(report.offenderAllowed).toBe(0);
    expect(report.memoryMiB).toBeLessThan(64);
  });

  it('never grows past its limit, nor frees who is refused when it is full', () => {
    const limiter = limiterOf({ perSecond: 1, burst: 5 }, 64);
    const offenders = Array.from({ length: 12 }, (_, i) => i + 1_000_000);
    for (const each of offenders) expect(allowed(limiter, each, 6)).toBe(5);
    for (let address = 0; address < 20_000; address++) limiter.take(0, address, NOW);
    expect(limiter.capacity).toBe(64);
    for (const each of offenders) expect(limiter.take(0, each, NOW)).toBeGreaterThan(0);
  });

  it('lets those who find no place share one bucket, until places are free again', () => {
    const limiter = limiterOf({ perSecond: 1, burst: 2 }, 8);
    for (let address = 0; address < 8; address++) expect(allowed(limiter, address, 3)).toBe(2);
    const crowd = Array.from({ length: 50 }, (_, i) => limiter.take(0, 100 + i, NOW));
    expect(crowd.filter((wait) => wait === 0)).toHaveLength(2);
    expect(allowed(limiter, 500, 3, NOW + 10_000)).toBe(2);
  });

  it('forgets nobody while it grows', () => {
    const limiter = limiterOf({ perSecond: 1, burst: 2 });
    const small = limiter.capacity;
    for (let address = 0; address < 20_000; address++) limiter.take(0, address, NOW);
    expect(limiter.capacity).toBeGreaterThan(small);
    for (let address = 0; address < 20_000; address++) expect(allowed(limiter, address, 2)).toBe(1);
  });

  it('of names gives each its bucket', () => {
    const take = createNamedLimiter({ perSecond: 1, burst: 2 });
    expect(['a', 'a', 'b', 'a', 'b'].map((name) => take(name, NOW))).toEqual([0, 0, 0, 1_000, 0]);
    expect(take('a', NOW + 1_000)).toBe(0);
  });
});
