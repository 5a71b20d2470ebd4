/** The proofs of `npm run proof`, short. Real processes, a real file. */
import { describe, expect, it } from 'vitest';
import { proveBitflip } from '../../proof/bitflip.js';
import { proveCrash } from '../../proof/crash.js';
import { proveDurable } from '../../proof/durable.js';
import { proveFull } from '../../proof/full.js';
import { proveIdle } from '../../proof/idle.js';
import { proveOutbox } from '../../proof/outbox.js';
import { proveBlocked, proveOrder } from '../../proof/order.js';
import { provePoison } from '../../proof/poison.js';
import { proveProcesses } from '../../proof/processes.js';
import { proveSchedule } from '../../proof/schedule.js';
import { proveReplay } from '../../proof/replay.js';
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
      expect(report.discardedWhileFull).toBeGreaterThan(0);
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

  it.each([
    ['same', 1],
    ['other', 2],
  ] as const)(
    'that dispatch in transactions of their own and are killed have said what they committed (%s file, %i at once)',
    { timeout: 60_000 },
    async (file, processes) => {
      const report = await proveOutbox({ transactions: 150, file, processes, longestLifeMs: 400 });
      expect(report).toMatchObject({
        missing: 0,
        phantoms: 0,
        doubles: 0,
        inversions: 0,
        left: 0,
        chainWhole: true,
      });
      expect(report.facts).toBeGreaterThan(50);
    },
  );
  it('keep the order of each key through failures and kills', { timeout: 120_000 }, async () => {
    expect(await proveOrder({ keys: 20, eventsPerKey: 40 })).toMatchObject({
      events: 800,
      inversions: 0,
      overlaps: 0,
      notFinal: 0,
    });
  });

  it('let no key wait for another that is blocked', { timeout: 120_000 }, async () => {
    const { besideBlocked, headAttempts, overtaken, inversions } = await proveBlocked({ blockMs: 2_000 });
    expect({ overtaken, inversions }).toEqual({ overtaken: 0, inversions: 0 });
    expect(headAttempts).toBeGreaterThan(5);
    expect(besideBlocked.events).toBeGreaterThan(50);
    expect(besideBlocked.maxMs).toBeLessThan(1_500);
  });

  it('say each tick of a schedule once, whoever is killed', { timeout: 60_000 }, async () => {
    const { each, some, nobodyThere } = await proveSchedule({ seconds: 4 });
    expect(each).toMatchObject({ missing: 0, doubled: 0, disordered: 0 });
    expect(each.events).toBeGreaterThan(50);
    expect(some).toMatchObject({ doubled: 0, disordered: 0 });
    expect(nobodyThere).toBeGreaterThanOrEqual(19);
  });

  it('killed in the middle of a replay go on with it, and double nothing', { timeout: 60_000 }, async () => {
    const payments = 600;
    const ran = { deliveries: payments, succeeded: payments };
    expect(await proveReplay({ payments, kills: 2, aloneMs: 200 })).toMatchObject({
      again: { ...ran, children: 0, effects: 0, effectCalls: 0 },
      fresh: { ...ran, children: payments, effects: payments },
      liveUntouched: true,
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
