import { afterEach, describe, expect, it, vi } from 'vitest';
import { backoffMs, follow, pause } from '../../src/sdk/pause.js';

afterEach(() => vi.restoreAllMocks());

describe('backoffMs', () => {
  const steps = (random: number, asked?: number): number[] => {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    return [1, 2, 3, 4, 5, 2_000].map((failures) =>
      backoffMs(failures, { initialMs: 100, maxMs: 700 }, asked),
    );
  };

  it('doubles up to its most, and takes any part of it', () => {
    expect(steps(1)).toEqual([100, 200, 400, 700, 700, 700]);
    expect(steps(0.5)).toEqual([50, 100, 200, 350, 350, 350]);
    expect(steps(0)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('is never less than what the server asked for', () => {
    expect(steps(0, 5_000)).toEqual([5_000, 5_000, 5_000, 5_000, 5_000, 5_000]);
    expect(steps(1, 5_000)[0]).toBe(5_100);
  });

  it('spreads clients that were cut at the same moment over the whole step', () => {
    const delays = Array.from({ length: 1_000 }, () => backoffMs(1, { initialMs: 1_000, maxMs: 30_000 }));
    const tenths = new Set(delays.map((delay) => Math.min(9, Math.floor(delay / 100))));
    expect(tenths.size).toBe(10);
  });
});

describe('pause', () => {
  it('ends at once with its signal, and leaves no timer and no listener', async () => {
    vi.useFakeTimers();
    const abort = new AbortController();
    const removed = vi.spyOn(abort.signal, 'removeEventListener');
    const waiting = pause(60_000, abort.signal);
    abort.abort();
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledTimes(1);
    await pause(60_000, abort.signal);
    vi.useRealTimers();
  });
});

describe('follow', () => {
  it('is aborted by any of its signals or by itself, and lets go of them', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    expect(follow(a.signal, undefined, AbortSignal.abort()).signal.aborted).toBe(true);
    const one = follow(a.signal, b.signal);
    const other = follow(a.signal, b.signal);
    other.release();
    b.abort();
    expect([one.signal.aborted, other.signal.aborted]).toEqual([true, false]);
    other.abort();
    expect([other.signal.aborted, a.signal.aborted]).toEqual([true, false]);
  });
});
