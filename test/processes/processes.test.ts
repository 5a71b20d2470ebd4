/** The proofs of `npm run proof`, short. Real processes, a real file. */
import { describe, expect, it } from 'vitest';
import { proveBitflip } from '../../proof/bitflip.js';
import { proveCrash } from '../../proof/crash.js';
import { proveDurable } from '../../proof/durable.js';
import { proveFull } from '../../proof/full.js';
import { proveIdle } from '../../proof/idle.js';
import { provePoison } from '../../proof/poison.js';
import { proveProcesses } from '../../proof/processes.js';
import { proveStale } from '../../proof/stale.js';

describe('real processes', () => {
  it('killed at random moments lose nothing', { timeout: 60_000 }, async () => {
    const report = await proveCrash({ rounds: 5, longestLifeMs: 300 });
    expect(report).toMatchObject({ lost: 0, notFinal: 0, dead: 0, childrenNotOnce: 0, chainWhole: true });
    expect(report.acknowledged).toBeGreaterThan(50);
  });

  it('with a bit of their log flipped tell exactly what is missing', { timeout: 60_000 }, async () => {
    expect(await proveBitflip({ runs: 3 })).toMatchObject({
      lossy: 3,
      exact: 3,
      falseAlarms: 0,
      numbersUsedTwice: 0,
      cursorsMisled: 0,
      chainWhole: true,
    });
  });

  it(
    'on a disk that is full for a while refuse, work off, and go on',
    { timeout: 60_000 },
    async (context) => {
      const report = await proveFull({ fullMs: 2_500 });
      if ('skipped' in report) return context.skip(report.skipped);
      expect(report).toMatchObject({ lost: 0, notFinal: 0, takenWhileFull: 0, notRetained: [], alive: true });
      expect(Object.keys(report.refused)).toEqual(['NEXUS_STORAGE_FULL']);
      expect(report.settledWhileFull).toBeGreaterThan(0);
      expect(report.deletedWhileFull).toBeGreaterThan(0);
      expect(report.servingAfterMs).toBeLessThan(1_000);
    },
  );

  it('killed by one event again and again end that event alone', { timeout: 60_000 }, () => {
    expect(provePoison()).toMatchObject({ crashed: [501], succeeded: 999, other: 0 });
  });

  it('stopped for two leases write nothing stale and go on', { timeout: 60_000 }, async () => {
    expect(await proveStale({ rounds: 3 })).toEqual({
      rounds: 3,
      owners: 3,
      taken: 3,
      staleWrites: 0,
      wentOn: 3,
    });
  });

  it('share one file through a rolling change', { timeout: 60_000 }, async () => {
    expect(await proveProcesses({ events: 400, processes: 3 })).toMatchObject({
      holes: 0,
      wrong: [],
      superseded: 1,
      chainWhole: true,
    });
  });

  it('sync the write-ahead log before every acknowledgement', { timeout: 60_000 }, (context) => {
    const report = proveDurable({ dispatches: 30 });
    if ('skipped' in report) context.skip(report.skipped);
    else expect(report).toEqual({ acknowledged: 30, withoutSync: 0 });
  });

  it('end by themselves after close, and wait on no timer that keeps them alive', { timeout: 60_000 }, () => {
    expect(proveIdle({ seconds: 0.2, retries: 500 })).toMatchObject({
      retrying: 500,
      timersThatKeepAlive: 0,
      endedBy: 'itself',
    });
  });
});
