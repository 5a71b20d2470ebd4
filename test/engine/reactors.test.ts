import { describe, expect, it } from 'vitest';
import { NonRetryableError, RetryAfterError } from '../../src/core/errors.js';
import { defineReactor } from '../../src/define-reactor.js';
import { createBus, deferred, record } from '../support/bus.js';

describe('a reactor', () => {
  it('runs for its types with payload and context', async () => {
    const { nexus } = createBus();
    const seen: unknown[] = [];
    nexus.onEvent(['A', 'B'], { name: 'ab' }, (payload, ctx) => {
      seen.push([ctx.event.type, payload, ctx.attempt, ctx.replayed, ctx.signal.aborted]);
    });
    const a = await nexus.dispatch('A', { n: 1 });
    await nexus.dispatch('C', { n: 2 });
    const b = await nexus.dispatch('B', { n: 3 });
    await nexus.idle();
    expect(seen).toEqual([
      ['A', { n: 1 }, 1, false, false],
      ['B', { n: 3 }, 1, false, false],
    ]);
    expect(await nexus.settled(a.id)).toMatchObject([
      { reactor: 'ab', state: 'succeeded', attempt: 1, eventType: 'A' },
    ]);
    expect(await nexus.settled(b.id)).toHaveLength(1);
  });

  it('has a payload of its own that no other handler can change', async () => {
    const { nexus } = createBus();
    const seen: unknown[] = [];
    for (const name of ['one', 'two']) {
      nexus.onEvent('A', { name }, (payload) => {
        seen.push(JSON.stringify(payload));
        (payload as Record<string, unknown>).n = name;
      });
    }
    await nexus.dispatch('A', { n: 0 });
    await nexus.idle();
    expect(seen).toEqual(['{"n":0}', '{"n":0}']);
  });

  it('has a payload that neither its caller nor an earlier attempt of it can change', async () => {
    const { nexus, clock } = createBus();
    const seen: unknown[] = [];
    nexus.onEvent('A', { name: 'r', retry: { initialMs: 100 } }, (payload, ctx) => {
      seen.push(JSON.stringify([payload, ctx.event.payload]));
      (payload as { deep: { n: number } }).deep.n += 1;
      if (ctx.attempt < 3) throw new Error('later');
    });
    const said = { deep: { n: 0 } };
    const dispatched = nexus.dispatch('A', said);
    said.deep.n = 7;
    await dispatched;
    await clock.advance(10_000);
    expect(seen).toEqual(new Array(3).fill('[{"deep":{"n":0}},{"deep":{"n":0}}]'));
  });

  it('may not share its name', () => {
    const { nexus } = createBus();
    nexus.onEvent(['B', 'A'], () => undefined);
    expect(() => nexus.onEvent(['A', 'B', 'A'], () => undefined)).toThrow(
      /"A,B" is already registered.*give one of them another name/,
    );
  });

  it('can be a value of its own', async () => {
    const { nexus } = createBus();
    const seen: unknown[] = [];
    nexus.register(defineReactor({ on: 'A', name: 'value', handler: (payload) => seen.push(payload) }));
    await nexus.dispatch('A', { n: 1 });
    await nexus.idle();
    expect(seen).toEqual([{ n: 1 }]);
  });

  it('registered after a dispatch in the same turn begins behind it', async () => {
    const { nexus } = createBus();
    const seen: unknown[] = [];
    const before = nexus.dispatch('A', { n: 1 });
    nexus.onEvent('A', (payload) => seen.push(payload));
    const after = nexus.dispatch('A', { n: 2 });
    await Promise.all([before, after]);
    await nexus.idle();
    expect(seen).toEqual([{ n: 2 }]);
  });

  it('sees the past when it asks for it, through more than a page', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(
      Array.from({ length: 1_000 }, (_, n) => ({ type: n % 2 ? 'A' : 'B', payload: { n } })),
    );
    await nexus.dispatchMany(Array.from({ length: 500 }, (_, n) => ({ type: 'A', payload: { n } })));
    const seen: number[] = [];
    nexus.onEvent('A', { from: 'beginning', name: 'past' }, (_, ctx) => seen.push(ctx.event.seq));
    const later: number[] = [];
    nexus.onEvent('A', { from: 1_400, name: 'later' }, (_, ctx) => later.push(ctx.event.seq));
    await nexus.idle();
    expect(seen).toHaveLength(1_000);
    expect(new Set(seen).size).toBe(1_000);
    expect(later).toHaveLength(100);
    await nexus.dispatch('A', {});
    await nexus.idle();
    expect(seen.at(-1)).toBe(1_501);
  });

  it('retries with growing delays until it succeeds', async () => {
    const { nexus, clock } = createBus();
    const at: number[] = [];
    const start = clock.now();
    nexus.onEvent('A', { retry: { jitter: 0 } }, (_, ctx) => {
      at.push(clock.now() - start);
      if (ctx.attempt < 4) throw new Error('not yet');
    });
    const told = record(nexus, 'delivery:failed', 'delivery:succeeded');
    const { id } = await nexus.dispatch('A', {});
    await clock.advance(60_000);
    expect(at).toEqual([0, 1_000, 3_000, 7_000]);
    expect(told.map(({ name }) => name)).toEqual([
      ...Array<string>(3).fill('delivery:failed'),
      'delivery:succeeded',
    ]);
    expect(await nexus.settled(id)).toMatchObject([
      { state: 'succeeded', attempt: 4, error: { message: 'not yet' } },
    ]);
  });

  it('is dead after its last attempt, and alive again when redriven', async () => {
    const { nexus, clock } = createBus();
    let broken = true;
    nexus.onEvent('A', { name: 'r', retry: { maxAttempts: 2 } }, () => {
      if (broken) throw Object.assign(new Error('503'), { code: 'UPSTREAM' });
    });
    const dead = record(nexus, 'delivery:dead');
    const { id } = await nexus.dispatch('A', {});
    await clock.advance(10_000);
    expect(dead).toMatchObject([{ moment: { reason: 'attempts_spent', attempt: 2 } }]);
    const { items } = await nexus.deadLetters.list();
    expect(items).toMatchObject([
      { eventId: id, state: 'dead', error: { code: 'UPSTREAM', message: '503' } },
    ]);
    expect(await nexus.deadLetters.redrive({ errorCode: 'OTHER' })).toEqual({ redriven: 0 });
    broken = false;
    expect(await nexus.deadLetters.redrive({ errorCode: 'UPSTREAM' })).toEqual({ redriven: 1 });
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded', attempt: 1 }]);
    expect((await nexus.explain(id)).deliveries[0]?.attempts).toMatchObject([
      { outcome: 'retry' },
      { outcome: 'dead' },
    ]);
  });

  it.each([
    [null, 'a handler threw object: null'],
    [undefined, 'a handler threw undefined: undefined'],
    ['text', 'a handler threw string: text'],
    [Object.create(null), 'a handler threw a value that cannot be described'],
  ])('survives a handler that throws %s', async (thrown, message) => {
    const { nexus } = createBus();
    nexus.onEvent('A', { retry: { maxAttempts: 1 } }, async () => {
      throw thrown;
    });
    const { id } = await nexus.dispatch('A', {});
    expect(await nexus.settled(id)).toMatchObject([
      { state: 'dead', error: { code: 'NEXUS_HANDLER_FAILED', message } },
    ]);
  });

  it('does not retry what cannot help', async () => {
    const { nexus } = createBus();
    nexus.onEvent('A', () => {
      throw new NonRetryableError('no such address');
    });
    const { id } = await nexus.dispatch('A', {});
    expect(await nexus.settled(id)).toMatchObject([{ state: 'dead', reason: 'not_retryable', attempt: 1 }]);
  });

  it('is called again when it asks to be, without a burned attempt', async () => {
    const { nexus, clock } = createBus();
    const attempts: number[] = [];
    nexus.onEvent('A', (_, ctx) => {
      attempts.push(ctx.attempt);
      if (attempts.length < 3) throw new RetryAfterError(5_000);
    });
    const { id } = await nexus.dispatch('A', {});
    await clock.advance(10_000);
    expect(attempts).toEqual([1, 1, 1]);
    expect(await nexus.settled(id)).toMatchObject([{ state: 'succeeded', attempt: 1, postponed: 2 }]);
  });

  it('is aborted at its timeout; its late result counts for nothing', async () => {
    const { nexus, clock } = createBus();
    const gate = deferred();
    const signals: AbortSignal[] = [];
    let late: unknown;
    nexus.onEvent('A', { timeoutMs: 5_000, retry: { jitter: 0 } }, async (_, ctx) => {
      signals.push(ctx.signal);
      if (ctx.attempt > 1) return;
      await gate.promise;
      try {
        ctx.dispatch('LATE', {});
      } catch (error) {
        late = error;
      }
    });
    const { id } = await nexus.dispatch('A', {});
    await clock.advance(5_000);
    expect(signals[0]?.aborted).toBe(true);
    await clock.advance(3_000);
    expect(signals).toHaveLength(1);
    gate.resolve();
    await clock.advance(1_000);
    expect(late).toMatchObject({ code: 'NEXUS_LEASE_LOST' });
    expect(await nexus.settled(id)).toMatchObject([
      { state: 'succeeded', attempt: 2, error: { code: 'NEXUS_TIMEOUT' } },
    ]);
    expect((await nexus.events.list({ type: 'LATE' })).items).toEqual([]);
  });

  it('that never returns is stuck after ten more seconds, and its slot is free again', async () => {
    const { nexus, clock } = createBus();
    const stuck = record(nexus, 'reactor:stuck');
    let calls = 0;
    nexus.onEvent('A', { timeoutMs: 1_000, concurrency: 1, retry: { maxAttempts: 1 } }, () => {
      calls += 1;
      return calls === 1 ? new Promise(() => undefined) : undefined;
    });
    await nexus.dispatch('A', {});
    const second = await nexus.dispatch('A', {});
    await clock.advance(9_000);
    expect([calls, stuck.length]).toEqual([1, 0]);
    await clock.advance(3_000);
    expect([calls, stuck.length]).toEqual([2, 1]);
    expect(await nexus.settled(second.id)).toMatchObject([{ state: 'succeeded' }]);
  });

  it('runs at most as many at once as it may', async () => {
    const { nexus } = createBus();
    let running = 0;
    let most = 0;
    nexus.onEvent('A', { concurrency: 3 }, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    });
    await nexus.dispatchMany(Array.from({ length: 50 }, () => ({ type: 'A', payload: {} })));
    await nexus.idle();
    expect(most).toBe(3);
  });

  it('that hangs does not hold up another', async () => {
    const { nexus, clock } = createBus({ maxInFlight: 20 });
    nexus.onEvent('*', { name: 'hangs', concurrency: 2 }, () => new Promise(() => undefined));
    let done = 0;
    nexus.onEvent('*', { name: 'works' }, () => {
      done += 1;
    });
    for (let i = 0; i < 10; i++) {
      await nexus.dispatchMany(Array.from({ length: 100 }, () => ({ type: 'A', payload: {} })));
      await clock.advance(1_000);
      expect((await nexus.stats()).inFlight).toBeLessThanOrEqual(20);
    }
    expect(done).toBe(1_000);
  });

  it('stops when the host says so and leaves its row', async () => {
    const { nexus } = createBus();
    const gate = deferred();
    let calls = 0;
    const reactor = nexus.onEvent('A', { name: 'r', concurrency: 1 }, async () => {
      calls += 1;
      await gate.promise;
    });
    await nexus.dispatch('A', {});
    await nexus.dispatch('A', {});
    const stopped = reactor.stop();
    gate.resolve();
    await stopped;
    await nexus.dispatch('A', {});
    expect(calls).toBe(1);
    nexus.onEvent('A', { name: 'r' }, () => {
      calls += 1;
    });
    await nexus.idle();
    expect(calls).toBe(3);
  });
});

describe('ctx.dispatch', () => {
  it('appends with the success of its parent, causation and correlation set', async () => {
    const { nexus } = createBus();
    let draft: unknown;
    nexus.onEvent('PAID', { name: 'mint' }, (_, ctx) => {
      draft = ctx.dispatch('MINTED', { n: 1 }, { headers: { trace: 't' } });
      ctx.dispatch('MINTED', { n: 2 });
    });
    const parent = await nexus.dispatch('PAID', {});
    await nexus.settled(parent.id);
    const { items } = await nexus.events.list({ type: 'MINTED', after: 0 });
    expect(items).toMatchObject([
      {
        payload: { n: 1 },
        causationId: parent.id,
        correlationId: parent.id,
        headers: { trace: 't' },
        id: (draft as { id: string }).id,
      },
      { payload: { n: 2 }, causationId: parent.id },
    ]);
  });

  it('appends nothing when the handler fails, and once when it succeeds at last', async () => {
    const { nexus, clock } = createBus();
    nexus.onEvent('PAID', { name: 'mint' }, (_, ctx) => {
      ctx.dispatch('MINTED', { attempt: ctx.attempt });
      if (ctx.attempt < 3) throw new Error('after dispatching');
    });
    await nexus.dispatch('PAID', {});
    await clock.advance(60_000);
    expect((await nexus.events.list({ type: 'MINTED' })).items).toMatchObject([{ payload: { attempt: 3 } }]);
  });

  it('appends once however often the delivery is run again', async () => {
    const { nexus } = createBus();
    let runs = 0;
    nexus.onEvent('PAID', { name: 'mint' }, (_, ctx) => {
      ctx.dispatch('MINTED', { run: ++runs });
    });
    const { id } = await nexus.dispatch('PAID', {});
    const [delivery] = await nexus.settled(id);
    for (let i = 0; i < 3; i++) {
      await nexus.deliveries.retry(delivery?.id ?? '');
      await nexus.idle();
    }
    expect(runs).toBe(4);
    expect((await nexus.events.list({ type: 'MINTED' })).items).toMatchObject([{ payload: { run: 1 } }]);
  });

  it('throws what is wrong at the call', async () => {
    const { nexus } = createBus();
    nexus.onEvent('A', { retry: { maxAttempts: 1 } }, (_, ctx) => {
      ctx.dispatch('B', { bad: 1n });
    });
    const { id } = await nexus.dispatch('A', {});
    expect(await nexus.settled(id)).toMatchObject([
      { state: 'dead', error: { code: 'NEXUS_INVALID_PAYLOAD' } },
    ]);
  });
});
