import { describe, expect, it } from 'vitest';
import { createBus, deferred, record } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

/** Lets a bus vanish as a killed process does. */
function kill({ database }: ReturnType<typeof createBus>): void {
  for (const id of database.instances.keys()) database.kill(id);
}

describe('several instances on one log', () => {
  it('deliver what another appended', async () => {
    const first = createBus();
    const second = createBus({ beside: first });
    const seen: unknown[] = [];
    second.nexus.onEvent('A', (payload) => seen.push(payload));
    await second.nexus.idle();
    await first.nexus.dispatch('A', { n: 1 });
    await turns();
    await second.nexus.idle();
    expect(seen).toEqual([{ n: 1 }]);
  });

  it('share the work of equal reactors, each event once', async () => {
    const first = createBus();
    const second = createBus({ beside: first });
    const seen: number[] = [];
    for (const { nexus } of [first, second])
      nexus.onEvent('A', { name: 'r', concurrency: 2 }, (_, ctx) => seen.push(ctx.event.seq));
    await Promise.all([first.nexus.idle(), second.nexus.idle()]);
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => (n % 2 ? first : second).nexus.dispatch('A', {})),
    );
    await turns(100);
    await Promise.all([first.nexus.idle(), second.nexus.idle()]);
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  });

  it('give way to another registration of a name; what was registered when an event was committed counts', async () => {
    const old = createBus();
    const superseded = record(old.nexus, 'reactor:superseded');
    const seen: string[] = [];
    old.nexus.onEvent('A', { name: 'r' }, (_, ctx) => seen.push(`old ${ctx.event.type}${ctx.event.seq}`));
    await old.nexus.dispatch('B', {});
    await old.nexus.dispatch('A', {});
    await old.nexus.idle();
    const next = createBus({ beside: old });
    next.nexus.onEvent(['A', 'B'], { name: 'r' }, (_, ctx) =>
      seen.push(`new ${ctx.event.type}${ctx.event.seq}`),
    );
    await next.nexus.idle();
    await turns();
    await old.nexus.dispatch('A', {});
    await next.nexus.dispatch('B', {});
    await turns();
    await next.nexus.idle();
    expect(superseded).toHaveLength(1);
    expect(seen).toEqual(['old A2', 'new A3', 'new B4']);
    expect(await old.nexus.reactors.list()).toMatchObject([
      { name: 'r', generation: 2, here: 'superseded', types: ['A', 'B'] },
    ]);
    expect(await old.nexus.health()).toMatchObject({ status: 'degraded' });
  });

  it('take back what one held that died, and run it again', async () => {
    const first = createBus();
    first.nexus.onEvent('A', { name: 'r' }, () => new Promise(() => undefined));
    const { id } = await first.nexus.dispatch('A', {});
    await turns();
    kill(first);
    const second = createBus({ beside: first });
    const recovered = record(second.nexus, 'delivery:recovered');
    let calls = 0;
    second.nexus.onEvent('A', { name: 'r' }, () => {
      calls += 1;
    });
    expect(await second.nexus.settled(id)).toMatchObject([{ state: 'succeeded', crashes: 0, attempt: 1 }]);
    expect([calls, recovered.length]).toEqual([1, 1]);
  });

  it('find the poison among its neighbours: it alone ends crashed', async () => {
    const first = createBus();
    const done = new Set<number>();
    let bus = first;
    let dead = false;
    const isDead = (): boolean => dead;
    const start = (): void => {
      const mine = bus;
      mine.nexus.onEvent('A', { name: 'r' }, (payload, ctx) => {
        if (dead) return new Promise(() => undefined);
        if (payload.poison === true) {
          dead = true;
          kill(mine);
          return new Promise(() => undefined);
        }
        done.add(ctx.event.seq);
        return undefined;
      });
    };
    start();
    await bus.nexus
      .dispatchMany(Array.from({ length: 100 }, (_, n) => ({ type: 'A', payload: { poison: n === 40 } })))
      .catch(() => undefined);
    let starts = 1;
    for (; starts < 10; starts++) {
      await turns(200);
      if (!isDead()) break;
      dead = false;
      bus = createBus({ beside: first });
      start();
    }
    await bus.nexus.idle();
    expect((await bus.nexus.deadLetters.list()).items).toMatchObject([
      { seq: 41, reason: 'crashed', crashes: 3 },
    ]);
    expect(done.size).toBe(99);
    expect(starts).toBeLessThanOrEqual(5);
  });

  it('go on under a new identity when the lease was lost, and record nothing of what was taken', async () => {
    const first = createBus({ leaseMs: 300 });
    const gate = deferred();
    const seen: string[] = [];
    first.nexus.onEvent('A', { name: 'r' }, async (payload, ctx) => {
      if (payload.n === 1) {
        ctx.dispatch('FROM_THE_STALE', {});
        await gate.promise;
      }
      seen.push(`first ${String(payload.n)}`);
    });
    const { id } = await first.nexus.dispatch('A', { n: 1 });
    await turns();
    // The first sleeps: its lease runs out without its clock telling it.
    for (const instance of first.database.instances.values()) instance.leaseUntil = 0;
    const second = createBus({ beside: first, leaseMs: 100_000 });
    second.nexus.onEvent('A', { name: 'r' }, (payload) => seen.push(`second ${String(payload.n)}`));
    await second.nexus.settled(id);
    gate.resolve();
    await turns();
    await second.nexus.close();
    await first.clock.advance(1_000);
    await first.nexus.dispatch('A', { n: 2 });
    await first.nexus.idle();
    expect(seen).toEqual(['second 1', 'first 1', 'first 2']);
    expect((await first.nexus.events.list({ type: 'FROM_THE_STALE' })).items).toEqual([]);
    expect((await first.nexus.deliveries.list({ eventId: id })).items).toMatchObject([
      { state: 'succeeded', attempt: 1 },
    ]);
  });
});
