import { describe, expect, it } from 'vitest';
import type { Dispatched } from '../../src/nexus.js';
import { createBus, deferred, record } from '../support/bus.js';

describe('reactors, steered', () => {
  it('do nothing while paused and catch up when resumed', async () => {
    const { nexus } = createBus();
    const seen: number[] = [];
    nexus.onEvent('A', { name: 'r' }, (_, ctx) => seen.push(ctx.event.seq));
    await nexus.dispatch('A', {});
    await nexus.idle();
    await nexus.reactors.pause('r');
    await nexus.dispatch('A', {});
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(seen).toEqual([1]);
    expect(await nexus.reactors.list()).toMatchObject([
      { name: 'r', paused: true, position: 3, lag: 0, here: 'running', counts: { pending: 2, succeeded: 1 } },
    ]);
    await nexus.reactors.resume('r');
    await nexus.idle();
    expect(seen).toEqual([1, 2, 3]);
  });

  it('pause what has been leased but not begun', async () => {
    const { nexus } = createBus();
    const gate = deferred();
    let calls = 0;
    nexus.onEvent('A', { name: 'r', concurrency: 1 }, async () => {
      calls += 1;
      await gate.promise;
    });
    await nexus.dispatchMany([
      { type: 'A', payload: {} },
      { type: 'A', payload: {} },
    ]);
    await nexus.reactors.pause('r');
    gate.resolve();
    await nexus.idle();
    expect(calls).toBe(1);
    expect((await nexus.deliveries.list({ state: 'pending' })).items).toMatchObject([{ attempt: 0 }]);
    await nexus.reactors.resume('r');
    await nexus.idle();
    expect(calls).toBe(2);
  });

  it('skip what a seek passes over', async () => {
    const { nexus } = createBus();
    const first = createSeen();
    const reactor = nexus.onEvent('A', { name: 'r' }, first.handler);
    await nexus.idle();
    await reactor.stop();
    for (let i = 0; i < 5; i++) await nexus.dispatch('A', {});
    await nexus.reactors.seek('r', 4);
    nexus.onEvent('A', { name: 'r' }, first.handler);
    await nexus.idle();
    expect(first.seqs).toEqual([5]);
    await expect(nexus.reactors.seek('r', 99)).rejects.toMatchObject({ code: 'NEXUS_POSITION_AHEAD' });
    await expect(nexus.reactors.seek('nobody', 1)).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
  });

  it('create again what is missing after a seek backward, and leave what exists', async () => {
    const { nexus } = createBus();
    for (let i = 0; i < 3; i++) await nexus.dispatch('A', {});
    const seen = createSeen();
    nexus.onEvent('A', { name: 'r', from: 1 }, seen.handler);
    await nexus.idle();
    await nexus.reactors.seek('r', 0);
    await nexus.idle();
    // The subscription counts from where the reactor began; what it has had stays as it is.
    expect(seen.seqs).toEqual([2, 3]);
  });

  it('cancel their open deliveries when removed, and begin anew under the name', async () => {
    const { nexus } = createBus();
    const superseded = record(nexus, 'reactor:superseded');
    const reactor = nexus.onEvent('A', { name: 'r' }, () => undefined);
    await nexus.reactors.pause('r');
    const { id } = await nexus.dispatch('A', {});
    expect(await nexus.reactors.remove('r')).toEqual({ cancelled: 1 });
    expect(superseded).toHaveLength(1);
    expect((await nexus.deliveries.list({ eventId: id })).items).toMatchObject([
      { state: 'cancelled', reason: 'reactor_removed' },
    ]);
    expect(await nexus.reactors.list()).toEqual([]);
    await reactor.stop();
    const seen = createSeen();
    nexus.onEvent('A', { name: 'r' }, seen.handler);
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(seen.seqs).toEqual([2]);
  });
});

describe('deliveries, corrected', () => {
  it('end when cancelled; the signal of a running handler aborts and its result counts for nothing', async () => {
    const { nexus } = createBus();
    const started = deferred<AbortSignal>();
    const gate = deferred();
    nexus.onEvent('A', async (_, ctx) => {
      ctx.dispatch('B', {});
      started.resolve(ctx.signal);
      await gate.promise;
    });
    const { id } = await nexus.dispatch('A', {});
    const signal = await started.promise;
    const [delivery] = (await nexus.deliveries.list({ eventId: id })).items;
    await nexus.deliveries.cancel(delivery?.id ?? '');
    expect(signal.aborted).toBe(true);
    gate.resolve();
    await nexus.idle();
    expect(await nexus.deliveries.get(delivery?.id ?? '')).toMatchObject({
      state: 'cancelled',
      reason: 'cancelled',
    });
    expect((await nexus.events.list({ type: 'B' })).items).toEqual([]);
  });

  it('that do not exist are not found', async () => {
    const { nexus } = createBus();
    await expect(nexus.deliveries.retry('7-0-7')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
    await expect(nexus.deliveries.cancel('nonsense')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
    expect(await nexus.deliveries.get('7-0-7')).toBeUndefined();
  });

  it('are discarded for good', async () => {
    const { nexus } = createBus();
    nexus.onEvent('A', { retry: { maxAttempts: 1 } }, () => {
      throw new Error('never');
    });
    const { id } = await nexus.dispatch('A', {});
    await nexus.settled(id);
    expect(await nexus.deadLetters.discard({ type: 'A' })).toEqual({ discarded: 1 });
    expect(await nexus.settled(id)).toMatchObject([{ state: 'cancelled', reason: 'discarded' }]);
    expect(await nexus.deadLetters.redrive()).toEqual({ redriven: 0 });
  });
});

describe('waiting', () => {
  it('for an event to settle ends with what there is', async () => {
    const { nexus, clock } = createBus();
    nexus.onEvent('A', { name: 'slow' }, () => new Promise(() => undefined));
    nexus.onEvent('A', { name: 'quick' }, () => undefined);
    const { id } = await nexus.dispatch('A', {});
    const waiting = nexus.settled(id, { timeoutMs: 5_000 }).catch((error: unknown) => error);
    await clock.advance(5_000);
    expect(await waiting).toMatchObject({
      code: 'NEXUS_TIMEOUT',
      details: {
        deliveries: [
          { reactor: 'slow', state: 'running' },
          { reactor: 'quick', state: 'succeeded' },
        ],
      },
    });
    await expect(nexus.settled('01a20826-797c-7e64-976e-28bda58bfd4a')).rejects.toMatchObject({
      code: 'NEXUS_NOT_FOUND',
    });
  });

  it('for descendants waits for theirs too', async () => {
    const { nexus } = createBus();
    const gate = deferred();
    nexus.onEvent('A', (_, ctx) => void ctx.dispatch('B', {}));
    nexus.onEvent('B', (_, ctx) => void ctx.dispatch('C', {}));
    nexus.onEvent('C', () => gate.promise);
    const { id } = await nexus.dispatch('A', {});
    let done = false;
    const waiting = nexus.settled(id, { descendants: true }).then((deliveries) => {
      done = true;
      return deliveries;
    });
    await nexus.settled(id);
    expect(done).toBe(false);
    gate.resolve();
    expect((await waiting).map(({ eventType }) => eventType)).toEqual(['A', 'B', 'C']);
  });

  it('finds the next event of a type that matches, or an earlier one from a position', async () => {
    const { nexus, clock } = createBus();
    await nexus.dispatch('A', { n: 1 });
    const waiting = nexus.waitFor('A', { match: (event) => event.payload.n === 3 });
    await nexus.dispatch('A', { n: 2 });
    await nexus.dispatch('A', { n: 3 });
    expect(await waiting).toMatchObject({ seq: 3 });
    expect(await nexus.waitFor('A', { after: 0 })).toMatchObject({ seq: 1 });
    await expect(nexus.waitFor('A', { after: 9 })).rejects.toMatchObject({ code: 'NEXUS_POSITION_AHEAD' });
    const late = nexus.waitFor('Z', { timeoutMs: 100 }).catch((error: unknown) => error);
    await clock.advance(100);
    expect(await late).toMatchObject({ code: 'NEXUS_TIMEOUT' });
  });

  it('ends when the Nexus closes', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const waiting = nexus.waitFor('A').catch((error: unknown) => error);
    await nexus.idle();
    await nexus.close();
    expect(await waiting).toMatchObject({ code: 'NEXUS_CLOSED' });
  });
});

describe('what can be seen', () => {
  it('is the whole story of an event', async () => {
    const { nexus, clock } = createBus();
    nexus.onEvent('A', { name: 'parent', retry: { jitter: 0 } }, (_, ctx) => {
      if (ctx.attempt === 1) throw new Error('first');
      ctx.dispatch('B', {});
    });
    nexus.onEvent('B', { name: 'child' }, () => undefined);
    const { id } = await nexus.dispatch('A', {});
    await clock.advance(2_000);
    expect(await nexus.explain(id)).toMatchObject({
      event: { id, type: 'A' },
      deliveries: [
        {
          reactor: 'parent',
          state: 'succeeded',
          attempt: 2,
          attempts: [{ attempt: 1, outcome: 'retry', error: { message: 'first' } }],
        },
      ],
      waiting: [],
      children: [
        {
          event: { type: 'B', causationId: id },
          deliveries: [{ reactor: 'child', state: 'succeeded' }],
          children: [],
        },
      ],
      truncated: false,
    });
  });

  it('is numbers and health', async () => {
    const { nexus, clock } = createBus();
    const gate = deferred();
    nexus.onEvent('A', { name: 'waits' }, () => gate.promise);
    nexus.onEvent('A', { name: 'fails' }, () => {
      throw new Error('no');
    });
    await nexus.dispatch('A', {});
    await clock.advance(0);
    expect(await nexus.stats()).toMatchObject({
      head: 1,
      eventsPerMinute: 1,
      deliveries: { running: 1, retrying: 1, pending: 1, dead: 0 },
      inFlight: 1,
      handling: 1,
      queued: 0,
    });
    expect(await nexus.health()).toEqual({ status: 'ok', reasons: [], head: 1 });
    gate.resolve();
    await nexus.close();
    expect(await nexus.health()).toMatchObject({ status: 'down', reasons: ['closed'] });
  });

  it('is paged', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(
      Array.from({ length: 25 }, (_, n) => ({ type: n % 2 ? 'A' : 'B', payload: { n } })),
    );
    const pages: number[][] = [];
    for (let before: number | undefined; ;) {
      const { items, next } = await nexus.events.list({
        type: 'A',
        limit: 5,
        ...(before !== undefined && { before }),
      });
      pages.push(items.map(({ seq }) => seq));
      before = next;
      if (next === undefined) break;
    }
    expect(pages.flat()).toEqual([24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2]);
    await expect(nexus.events.list({ limit: 0 })).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
  });
});

describe('closing', () => {
  it('drains what runs, takes what it dispatches, and says what it came to', async () => {
    const { nexus } = createBus();
    const gate = deferred();
    nexus.onEvent('A', { name: 'r', concurrency: 2 }, async (_, ctx) => {
      await gate.promise;
      ctx.dispatch('B', {});
    });
    await nexus.dispatchMany(Array.from({ length: 5 }, () => ({ type: 'A', payload: {} })));
    const closed = nexus.close();
    await expect(nexus.dispatch('A', {})).rejects.toMatchObject({ code: 'NEXUS_CLOSED' });
    gate.resolve();
    expect(await closed).toEqual({ drained: 2, interrupted: 0, released: 3, unrecorded: 0 });
    expect(await nexus.close()).toEqual(await closed);
  });

  it('interrupts what does not end, without burning an attempt', async () => {
    const bus = createBus();
    const { nexus, clock } = bus;
    let aborted: AbortSignal | undefined;
    nexus.onEvent('A', { name: 'r' }, (_, ctx) => {
      aborted = ctx.signal;
      return new Promise(() => undefined);
    });
    const { id } = await nexus.dispatch('A', {});
    const closed = nexus.close({ timeoutMs: 1_000 });
    await clock.advance(1_000);
    expect(await closed).toEqual({ drained: 0, interrupted: 1, released: 0, unrecorded: 0 });
    expect(aborted?.aborted).toBe(true);
    const next = createBus({ beside: bus });
    expect((await next.nexus.deliveries.list({ eventId: id })).items).toMatchObject([
      { state: 'pending', attempt: 0 },
    ]);
  });

  it('answers every dispatch that was made before it', async () => {
    const { nexus } = createBus();
    const said: Promise<Dispatched>[] = Array.from({ length: 10 }, () => nexus.dispatch('A', {}));
    await nexus.close();
    expect((await Promise.all(said)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('works before anything began', async () => {
    const { nexus } = createBus();
    expect(await nexus.close()).toEqual({ drained: 0, interrupted: 0, released: 0, unrecorded: 0 });
  });
});

describe('many Nexuses in one process', () => {
  it('do not see each other', async () => {
    const buses = Array.from({ length: 10 }, () => createBus());
    const seen = buses.map(({ nexus }, i) => {
      const own: unknown[] = [];
      nexus.onEvent('A', (payload) => own.push(payload));
      return { own, sent: nexus.dispatch('A', { i }) };
    });
    await Promise.all(seen.map(({ sent }) => sent));
    await Promise.all(buses.map(({ nexus }) => nexus.idle()));
    expect(seen.map(({ own }) => own)).toEqual(buses.map((_, i) => [{ i }]));
  });
});

describe('listeners', () => {
  it('that throw or reject hurt nobody', async () => {
    const { nexus } = createBus();
    nexus.on('event', () => {
      throw new Error('sync');
    });
    nexus.on('event', () => Promise.reject(new Error('async')));
    const told = record(nexus, 'event');
    await nexus.dispatch('A', {});
    expect(told).toMatchObject([{ moment: { seq: 1, type: 'A' } }]);
  });

  it('can leave', async () => {
    const { nexus } = createBus();
    let count = 0;
    const leave = nexus.on('event', () => (count += 1));
    await nexus.dispatch('A', {});
    leave();
    await nexus.dispatch('A', {});
    expect(count).toBe(1);
  });
});

function createSeen(): {
  seqs: number[];
  handler: (payload: unknown, ctx: { event: { seq: number } }) => void;
} {
  const seqs: number[] = [];
  return { seqs, handler: (_, ctx) => void seqs.push(ctx.event.seq) };
}
