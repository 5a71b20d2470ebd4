/** Replays: durable runs over events in the log, beside live work. */
import { describe, expect, it } from 'vitest';
import { createBus } from '../support/bus.js';

/** A reactor with a child and an effect per event, over some events that it has handled. */
async function paid(
  count: number,
): Promise<ReturnType<typeof createBus> & { runs: [number, boolean][]; effects: number[] }> {
  const bus = createBus();
  const runs: [number, boolean][] = [];
  const effects: number[] = [];
  bus.nexus.onEvent('PAID', { name: 'mint' }, async (payload, ctx) => {
    runs.push([Number(payload.n), ctx.replayed]);
    await ctx.once('charge', () => {
      effects.push(Number(payload.n));
      return { n: payload.n };
    });
    ctx.dispatch('MINT', { n: payload.n });
  });
  for (let n = 1; n <= count; n++) await bus.nexus.dispatch('PAID', { n });
  await bus.nexus.idle();
  return { ...bus, runs, effects };
}

const children = async ({ nexus }: ReturnType<typeof createBus>): Promise<number> =>
  (await nexus.events.list({ type: 'MINT', limit: 1_000 })).items.length;

describe('a replay', () => {
  it('runs a reactor again over what it has handled, and doubles neither children nor effects', async () => {
    const bus = await paid(5);
    bus.runs.length = 0;
    const report = await bus.nexus.replay({});
    expect(report).toEqual({
      run: 1,
      state: 'done',
      fresh: false,
      reactors: [{ reactor: 'mint', events: 5, skipped: 0, open: 0, dead: 0, before: undefined }],
    });
    expect(bus.runs.map(([n, replayed]) => [n, replayed])).toEqual([1, 2, 3, 4, 5].map((n) => [n, true]));
    expect(bus.effects).toEqual([1, 2, 3, 4, 5]);
    expect(await children(bus)).toBe(5);
  });

  it('does both again when it is fresh, once', async () => {
    const bus = await paid(5);
    await bus.nexus.replay({ fresh: true });
    expect(bus.effects).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    expect(await children(bus)).toBe(10);
  });

  it('covers more than it may have open at once', async () => {
    const bus = await paid(2_000);
    bus.runs.length = 0;
    const { reactors } = await bus.nexus.replay({});
    expect(reactors[0]?.events).toBe(2_000);
    expect(bus.runs).toHaveLength(2_000);
  });
});
