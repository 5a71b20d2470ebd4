/** Clients that are cut off and come back, a short version of `npm run proof -- --only=reconnect`. */
import { describe, expect, it } from 'vitest';
import { proveReconnect, type Way } from '../../proof/reconnect.js';
import { noBrowser } from '../support/chromium.js';

describe('a client that comes back behind the last it had', () => {
  const expectWhole = async (way: Way): Promise<void> => {
    const report = await proveReconnect({ way, kills: 10 });
    expect(report).toMatchObject({ missed: 0, reordered: 0, repeated: 0 });
    // One more may be under way when it is enough.
    expect('kills' in report && report.kills).toBeGreaterThanOrEqual(10);
  };
  it.each(['ws', 'eventsource'] as const)('has everything once and in order: %s', async (way) => {
    await expectWhole(way);
  });
  // Skipped where there is no Chromium: `noBrowser` says so.
  it.skipIf(noBrowser !== undefined).each(['browser WebSocket', 'browser EventSource'] as const)(
    'has everything once and in order: %s',
    async (way) => {
      await expectWhole(way);
    },
  );
});
