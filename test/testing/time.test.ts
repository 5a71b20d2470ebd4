import { describe, expect, it } from 'vitest';
import { defineReactor } from '../../src/define-reactor.js';
import { RetryAfterError } from '../../src/core/errors.js';
import { sleep, type TestNexus } from '../../src/testing/index.js';
import { kit } from './kit.js';

const failing = (until: number, calls: number[], now: () => number) =>
  defineReactor({
    on: 'PAID',
    name: 'mint',
    handler: (_payload, ctx) => {
      calls.push(now());
      if (ctx.attempt < until) throw new Error('busy');
    },
  });

describe('virtual time', () => {
  it('fires each retry at its own instant, however far it is moved at once', async () => {
    const calls: number[] = [];
    const t: TestNexus = kit({ reactors: [failing(5, calls, () => t.clock.now())] });
    const start = t.clock.now();
    await t.dispatch('PAID', {});
    await t.advance('1h');
    expect(calls.map((at) => at - start)).toEqual([0, 1_000, 3_000, 7_000, 15_000]);
    expect(t.clock.now()).toBe(start + 3_600_000);
  });

  it('does not fire what is due a millisecond later', async () => {
    const calls: number[] = [];
    const t: TestNexus = kit({ reactors: [failing(2, calls, () => t.clock.now())] });
    await t.dispatch('PAID', {});
    await t.advance(999);
    expect(calls).toHaveLength(1);
    await t.advance(1);
    expect(calls).toHaveLength(2);
  });

  it('lets schedules tick between retries, in the order of their instants', async () => {
    const told: string[] = [];
    const t: TestNexus = kit({
      reactors: [
        defineReactor({ on: 'TICK', handler: (payload) => void told.push(`tick ${String(payload.n)}`) }),
        defineReactor({
          on: 'PAID',
          retry: { backoff: 'fixed', initialMs: 1_400, maxAttempts: 3 },
          handler: (_payload, ctx) => {
            told.push(`attempt ${ctx.attempt}`);
            throw new Error('no');
          },
        }),
      ],
      setup: (nexus) =>
        void nexus.schedule({ everyMs: 1_000 }, 'TICK', (at) => ({ n: (at / 1_000) % 10 }), {
          name: 'every',
        }),
    });
    await t.dispatch('PAID', {});
    await t.advance('3.5s');
    expect(told).toEqual(['attempt 1', 'tick 1', 'attempt 2', 'tick 2', 'attempt 3', 'tick 3']);
  });

  it('ends a handler that hangs, at its timeout', async () => {
    const seen: unknown[] = [];
    const t: TestNexus = kit({
      patienceMs: 20,
      reactors: [
        defineReactor({
          on: 'PAID',
          timeoutMs: 5_000,
          retry: { maxAttempts: 1 },
          handler: (_payload, ctx) =>
            new Promise((_, reject) => {
              ctx.signal.addEventListener('abort', () => {
                seen.push(t.clock.now());
                reject(new Error('aborted'));
              });
            }),
        }),
      ],
    });
    const start = t.clock.now();
    await t.dispatch('PAID', {});
    await t.advance('1m');
    expect(seen).toEqual([start + 5_000]);
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 0, dead: 1 });
  });

  it('gives a handler that sleeps its virtual time, without real waiting', async () => {
    const ends: number[] = [];
    const t: TestNexus = kit({
      patienceMs: 60_000,
      reactors: [
        defineReactor({
          on: 'PAID',
          handler: async () => {
            await sleep('30s');
            ends.push(t.clock.now());
          },
        }),
      ],
    });
    const start = t.clock.now();
    await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 0, dead: 0 });
    await t.advance('29s');
    expect(ends).toEqual([]);
    await t.advance('1s');
    expect(ends).toEqual([start + 30_000]);
  });

  it('waits for what a handler really does before time goes on', async () => {
    const at: number[] = [];
    const t: TestNexus = kit({
      reactors: [
        defineReactor({
          on: 'PAID',
          timeoutMs: 1_000,
          handler: async () => {
            await new Promise((resolve) => setTimeout(resolve, 30));
            at.push(t.clock.now());
          },
        }),
      ],
    });
    const start = t.clock.now();
    await t.dispatch('PAID', {});
    await t.advance('1h');
    expect(at).toEqual([start]);
  });

  it('cancels what got too old', async () => {
    const t: TestNexus = kit({
      reactors: [
        defineReactor({
          on: 'PAID',
          maxAgeMs: 2_000,
          handler: () => {
            throw new RetryAfterError(10_000);
          },
        }),
      ],
    });
    const { id } = await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 1, dead: 0 });
    await t.advance('10s');
    const { items } = await t.nexus.deliveries.list({ eventId: id });
    expect(items).toMatchObject([{ state: 'cancelled', reason: 'too_old' }]);
  });

  it('keeps the lease for as long as nobody takes it', async () => {
    const t: TestNexus = kit({ reactors: [defineReactor({ on: 'PAID', handler: () => t.sleep('50s') })] });
    await t.dispatch('PAID', {});
    await t.advance('2m');
    expect(await t.drain()).toEqual({ succeeded: 1, failed: 0, dead: 0 });
  });

  it('fires timers in the order of their instants, and of their making where these are the same', async () => {
    const t = kit();
    const fired: string[] = [];
    t.clock.setTimer(() => fired.push('late'), 2_000);
    t.clock.setTimer(() => fired.push('early'), 1_000);
    t.clock.setTimer(() => fired.push('early, too'), 1_000);
    t.clock.setTimer(() => fired.push('never'), 1_500)();
    await t.advance('2s');
    expect(fired).toEqual(['early', 'early, too', 'late']);
  });

  it('has a sleep for handlers only', async () => {
    await expect(sleep('1s')).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
  });

  it('moves one way, one at a time', async () => {
    const t: TestNexus = kit();
    const start = t.clock.now();
    await Promise.all([t.advance('1m'), t.advance('2m')]);
    expect(t.clock.now()).toBe(start + 180_000);
    expect(() => t.advance(-1)).toThrow("milliseconds, or a text like '250ms'");
    expect(() => t.advance('soon' as never)).toThrow('got "soon"');
  });

  it('passes three days in a moment', async () => {
    const calls: number[] = [];
    const t: TestNexus = kit({ reactors: [failing(99, calls, () => t.clock.now())] });
    await t.dispatch('PAID', {});
    const began = performance.now();
    await t.advance('3d');
    // A figure for the curious; on an idle machine about a third of a second.
    console.info(`three days of virtual time: ${Math.round(performance.now() - began)} ms`);
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(calls).toHaveLength(8);
  });
});

describe('drain', () => {
  it('tells what ended since it was called last', async () => {
    const t: TestNexus = kit({ reactors: [failing(3, [], () => 0)] });
    await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 1, dead: 0 });
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 0, dead: 0 });
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 1, failed: 1, dead: 0 });
  });

  it('goes to the end of every policy, and no further than it must', async () => {
    const t: TestNexus = kit({ reactors: [failing(99, [], () => 0)] });
    const start = t.clock.now();
    await t.dispatch('PAID', {});
    await t.dispatch('PAID', {}, { notBefore: start + 3_600_000 });
    expect(await t.drain({ untilDone: true })).toEqual({ succeeded: 0, failed: 14, dead: 2 });
    expect(t.clock.now()).toBe(start + 3_600_000 + 127_000);
  });

  it('says what does not end', async () => {
    const t: TestNexus = kit({ reactors: [failing(1, [], () => 0)] });
    await t.nexus.start();
    await t.nexus.reactors.pause('mint');
    await t.dispatch('PAID', {});
    await expect(t.drain({ untilDone: true })).rejects.toThrow(
      /1 deliveries do not end[\s\S]*mint, PAID seq 1: pending after 0 attempts\nIs the reactor paused/,
    );
  });

  it('counts a delivery that is born dead', async () => {
    const t: TestNexus = kit({
      reactors: [
        defineReactor({ on: 'PAID', orderBy: ({ payload }) => payload.key as string, handler: () => 1 }),
      ],
    });
    await t.dispatch('PAID', {});
    expect(await t.drain()).toEqual({ succeeded: 0, failed: 0, dead: 1 });
  });
});
