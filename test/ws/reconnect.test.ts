/** Clients that are cut off and come back, a short version of `npm run proof -- --only=reconnect`. */
import { describe, expect, it } from 'vitest';
import { noBrowser, proveReconnect } from '../../proof/reconnect.js';

describe('a client that comes back behind the last it had', () => {
  const whole = { kills: 10, missed: 0, reordered: 0, repeated: 0 };
  it.each(['ws', 'eventsource'] as const)('has everything once and in order: %s', async (way) => {
    expect(await proveReconnect({ way, kills: 10 })).toMatchObject(whole);
  });
  // Skipped where there is no Chromium: `noBrowser` says so.
  it.skipIf(noBrowser !== undefined).each(['browser WebSocket', 'browser EventSource'] as const)(
    'has everything once and in order: %s',
    async (way) => {
      expect(await proveReconnect({ way, kills: 10 })).toMatchObject(whole);
    },
  );
});
