/** The feed: the log in process, from a position on, live without gap or repeat. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createNexus } from '../../src/create-nexus.js';
import { defineEvent } from '../../src/core/event-definition.js';
import type { NexusEvent } from '../../src/index.js';
import { createBus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

async function take(events: AsyncIterable<NexusEvent>, count: number): Promise<NexusEvent[]> {
  const taken: NexusEvent[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}
const next = async (events: AsyncIterator<NexusEvent>): Promise<unknown> => {
  const result = (await events.next()) as IteratorResult<NexusEvent, undefined>;
  return result.value?.payload.n;
};
const numbers = (events: readonly NexusEvent[]): unknown[] => events.map((event) => event.payload.n);
const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);

describe('a feed', () => {
  it('begins behind a position and goes on with what is dispatched meanwhile, once and in order', async () => {
    const { nexus } = createBus();
    for (const n of range(1_200)) void nexus.dispatch('TICK', { n });
    await nexus.dispatch('TICK', { n: 1_200 });
    const events = nexus.feed({ after: 0 })[Symbol.asyncIterator]();
    const seen: unknown[] = [];
    for (let n = 1_201; n < 4_000; n++) {
      void nexus.dispatch('TICK', { n });
      seen.push(await next(events));
    }
    while (seen.length < 4_000) seen.push(await next(events));
    expect(seen).toEqual(range(4_000));
    await events.return?.();
  });

  it('begins at the call where no position is given, also before anything is open', async () => {
    const { nexus } = createBus();
    await nexus.dispatch('TICK', { n: 0 });
    const feed = nexus.feed();
    await nexus.dispatch('TICK', { n: 1 });
    expect(numbers(await take(feed, 1))).toEqual([1]);
    const fresh = createBus().nexus;
    const early = fresh.feed();
    await fresh.dispatch('TICK', { n: 7 });
    expect(numbers(await take(early, 1))).toEqual([7]);
  });

  it('brings the types that are asked for; a wildcard does not mean the types of the library', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany([
      { type: 'A', payload: { n: 1 } },
      { type: 'B', payload: { n: 2 } },
      { type: 'C', payload: { n: 3 } },
    ]);
    expect(numbers(await take(nexus.feed({ after: 0, types: ['A', 'C'] }), 2))).toEqual([1, 3]);
    expect(numbers(await take(nexus.feed({ after: 0, types: ['*'] }), 3))).toEqual([1, 2, 3]);
  });

  it('forgets a payload that is erased, and tells of it at once', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const notes = nexus.feed({ types: ['nexus.event.redacted'] })[Symbol.asyncIterator]();
    const told = notes.next();
    await turns();
    const { id } = await nexus.dispatch('A', { n: 1 });
    for (const n of [2, 3]) await nexus.dispatch('A', { n });
    // From memory, where the payload still is.
    expect(numbers(await take(nexus.feed({ after: 0 }), 1))).toEqual([1]);
    const late = nexus.feed({ after: 0, types: ['A'] });
    await nexus.audit.redact(id, 'asked for');
    expect(await told).toMatchObject({ value: { payload: { eventId: id, seq: 1 } } });
    expect(await take(late, 3)).toMatchObject([
      { seq: 1, redacted: true, payload: {} },
      { seq: 2, payload: { n: 2 } },
      { seq: 3, payload: { n: 3 } },
    ]);
    await notes.return?.();
  });

  it('ends when the signal aborts, when it is left, and when the Nexus closes', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const signal = new AbortController();
    const aborted = nexus.feed({ signal: signal.signal })[Symbol.asyncIterator]();
    const left = nexus.feed()[Symbol.asyncIterator]();
    const open = nexus.feed()[Symbol.asyncIterator]();
    const waiting = [aborted.next(), left.next(), open.next()];
    await turns();
    signal.abort();
    await left.return?.();
    await nexus.close();
    const end = { done: true, value: undefined };
    expect(await Promise.all(waiting)).toEqual([end, end, end]);
    expect(await aborted.next()).toEqual(end);
    await expect(nexus.feed()[Symbol.asyncIterator]().next()).rejects.toThrow(
      expect.objectContaining({ code: 'NEXUS_CLOSED' }),
    );
  });

  it('refuses a position above the head, and what is no position', async () => {
    const { nexus } = createBus();
    await nexus.dispatch('TICK', {});
    await expect(take(nexus.feed({ after: 2 }), 1)).rejects.toThrow(
      expect.objectContaining({ code: 'NEXUS_POSITION_AHEAD' }),
    );
    for (const wrong of [{ after: -1 }, { after: 1.5 }, { types: [] }, { types: [1] }, { signal: {} }, null])
      expect(() => nexus.feed(wrong as never)).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
      );
  });

  it('refuses a position in what was pruned, and begins with what there is at 0', async () => {
    const { nexus, clock } = createBus();
    await nexus.dispatch('TICK', { n: 1 });
    await nexus.dispatch('TICK', { n: 2 });
    await clock.advance(1_000);
    await nexus.dispatch('TICK', { n: 3 });
    await nexus.audit.checkpoint();
    await nexus.audit.prune({ before: 3 });
    await expect(take(nexus.feed({ after: 1 }), 1)).rejects.toThrow(
      expect.objectContaining({ code: 'NEXUS_POSITION_PRUNED' }),
    );
    expect(numbers(await take(nexus.feed({ after: 0 }), 1))).toEqual([3]);
  });

  it('wakes on what another process commits', async () => {
    const bus = createBus();
    await bus.nexus.start();
    const feed = bus.nexus.feed({ after: 0 })[Symbol.asyncIterator]();
    const other = createBus({ beside: bus });
    const first = next(feed);
    await other.nexus.dispatch('TICK', { n: 1 });
    await bus.clock.advance(1_000);
    expect(await first).toBe(1);
    // Between the other's events and its own none is left out.
    await other.nexus.dispatch('TICK', { n: 2 });
    await bus.nexus.dispatch('TICK', { n: 3 });
    expect([await next(feed), await next(feed)]).toEqual([2, 3]);
    await feed.return?.();
  });

  it('reads the log again where it fell behind what is kept in memory', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const slow = nexus.feed({ after: 0 })[Symbol.asyncIterator]();
    await nexus.dispatch('TICK', { n: 0 });
    expect(await next(slow)).toBe(0);
    for (let n = 1; n < 9_000; n += 1_000)
      await nexus.dispatchMany(range(1_000, n).map((each) => ({ type: 'TICK', payload: { n: each } })));
    const rest: unknown[] = [];
    while (rest.length < 9_000) rest.push(await next(slow));
    expect(rest).toEqual(range(9_000, 1));
    await slow.return?.();
  });

  it('gives every reader a payload of its own, of the version of now', async () => {
    const first = createBus({ events: { PAID: z.object({ amount: z.string() }) } });
    await first.nexus.dispatch('PAID', { amount: '10' });
    const second = createBus({
      beside: first,
      events: {
        PAID: defineEvent({
          version: 2,
          schema: z.object({ cents: z.number() }),
          upcast: { 1: (payload) => ({ cents: Number(payload.amount) * 100 }) },
        }),
      },
    });
    const [one] = await take(second.nexus.feed({ after: 0 }), 1);
    const [other] = await take(second.nexus.feed({ after: 0 }), 1);
    expect(one?.payload).toEqual({ cents: 1_000 });
    expect(one?.payload).not.toBe(other?.payload);
  });

  it('is read by several at once, each at its own pace', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const feeds = range(20).map(() => nexus.feed({ after: 0 }));
    const all = Promise.all(feeds.map((feed) => take(feed, 500)));
    for (const n of range(500)) void nexus.dispatch('TICK', { n });
    for (const events of await all) expect(numbers(events)).toEqual(range(500));
  });

  it('works on a file, and leaves it to be closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-feed-'));
    const nexus = createNexus({ storage: join(folder, 'nexus.db'), logger: false });
    try {
      const feed = take(nexus.feed({ after: 0 }), 2);
      await nexus.dispatch('TICK', { n: 1 });
      await nexus.dispatch('TICK', { n: 2 });
      expect(numbers(await feed)).toEqual([1, 2]);
    } finally {
      await nexus.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
