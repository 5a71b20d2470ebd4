/** Short versions of `npm run proof -- --only=slowReader,churn`. */
import { describe, expect, it } from 'vitest';
import { proveChurn, proveSlowReader } from '../../proof/slow-reader.js';

describe('a server of many clients', () => {
  it('keeps one that does not read in the log, not in memory', async () => {
    const report = await proveSlowReader({ healthy: 5, seconds: 2 });
    expect(report).toMatchObject({ healthyWhole: true, pausedWhole: true });
    expect(report.pausedBehind).toBeGreaterThan(0);
  }, 60_000);

  it('is left with nothing of those that have gone', async () => {
    const report = await proveChurn({ connects: 500 });
    expect(report).toMatchObject({ sockets: 0, timers: 0, listeners: 0, open: 0 });
  }, 60_000);
});
