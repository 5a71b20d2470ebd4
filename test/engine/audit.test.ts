/** The log as evidence: what is found, what is told, and what a redacted or pruned event means to those who ask for it. */
import { describe, expect, it } from 'vitest';
import { hashEvent, hashPayload } from '../../src/core/chain.js';
import type { Nexus, ReactorOptions } from '../../src/nexus.js';
import { sha256 } from '../../src/options.js';
import { createBus, deferred, record, type Bus } from '../support/bus.js';

/** A log of so many events of type A. */
async function logOf(count: number, options: Parameters<typeof createBus>[0] = {}): Promise<Bus> {
  const bus = createBus(options);
  for (let n = 1; n <= count; n++) await bus.nexus.dispatch('A', { n });
  return bus;
}

const idAt = async (nexus: Nexus, seq: number): Promise<string> => {
  const { items } = await nexus.events.list({ after: seq - 1, limit: 1 });
  return items[0]?.id ?? '';
};

/** Computes the chain anew from a place on, as someone would who wants it to hold. */
function rehash({ events, base }: Bus['database'], from = 0): void {
  let previous = events[from - 1]?.hash ?? base.hash;
  for (let i = from; i < events.length; i++) {
    const event = events[i]!;
    const payloadHash = hashPayload(sha256, event.salt ?? '', event.payload ?? '');
    const hash = hashEvent(sha256, previous, { ...event, payloadHash }, event.seq);
    events[i] = { ...event, payloadHash, hash };
    previous = hash;
  }
}

describe('audit.verify', () => {
  it('says how much was found right', async () => {
    const { nexus } = await logOf(3);
    const checkpoint = await nexus.audit.checkpoint();
    const report = await nexus.audit.verify({ checkpoint });
    expect(report).toMatchObject({
      ok: true,
      from: 1,
      to: 3,
      events: 3,
      redacted: 0,
      gaps: 0,
      base: 0,
      checkpoints: { matched: 1, unusable: 0 },
      vouchedTo: 3,
      logId: checkpoint.logId,
      hash: checkpoint.hash,
    });
    expect(await createBus().nexus.audit.verify()).toMatchObject({ ok: true, events: 0, to: 0 });
  });

  it('tells how far it is, in pages, and a listener that throws ends nothing', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { n } })));
    await nexus.dispatch('A', {});
    const told: number[] = [];
    const report = await nexus.audit.verify({
      onProgress: ({ done, total }) => {
        told.push(done / total);
        throw new Error('no');
      },
    });
    expect(report).toMatchObject({ ok: true, events: 1_001 });
    expect(told.length).toBe(3);
    expect(told.at(-1)).toBe(1);
  });

  it('ends when its signal aborts, with the reason, and finds nothing', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { n } })));
    const told = record(nexus, 'audit:broken');
    const abort = new AbortController();
    const reason = new Error('enough');
    const pages: number[] = [];
    const onProgress = ({ done }: { done: number }): void => {
      pages.push(done);
      abort.abort(reason);
    };
    await expect(nexus.audit.verify({ signal: abort.signal, onProgress })).rejects.toBe(reason);
    expect(pages).toEqual([500]);
    await expect(nexus.audit.verify({ signal: 'now' as never })).rejects.toMatchObject({
      code: 'NEXUS_INVALID_OPTION',
    });
    expect([told, (await nexus.health()).status]).toEqual([[], 'ok']);
  });

  it('lets other work have its turns', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { n } })));
    let turns = 0;
    const count = (): void => void ((turns += 1), (loop = setImmediate(count)));
    let loop = setImmediate(count);
    await nexus.audit.verify();
    clearImmediate(loop);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it.each<[string, (bus: Bus) => void, number, string]>([
    [
      'a changed payload',
      ({ database }) => Object.assign(database.events[1]!, { payload: '{}' }),
      2,
      'payload',
    ],
    ['a changed field', ({ database }) => Object.assign(database.events[1]!, { source: 'x' }), 2, 'hash'],
    ['a deleted event', ({ database }) => database.events.splice(1, 1), 2, 'missing'],
    [
      'a payload erased in silence',
      ({ database }) => Object.assign(database.events[1]!, { salt: null, payload: null }),
      2,
      'erased',
    ],
    ['half an erasure', ({ database }) => Object.assign(database.events[1]!, { salt: null }), 2, 'payload'],
    [
      'a field of another kind',
      ({ database }) => Object.assign(database.events[1]!, { id: null }),
      2,
      'unreadable',
    ],
    [
      'a beginning cut off',
      ({ database }) => {
        const [, second] = database.events.splice(0, 2);
        database.base = { seq: 2, hash: second!.hash };
      },
      1,
      'base',
    ],
    ['a base above what is there', ({ database }) => Object.assign(database.base, { seq: 2 }), 1, 'base'],
  ])('finds %s without a checkpoint', async (_what, tamper, seq, reason) => {
    const bus = await logOf(4);
    tamper(bus);
    const told = record(bus.nexus, 'audit:broken');
    const report = await bus.nexus.audit.verify();
    expect(report).toMatchObject({ ok: false, firstBad: { seq, reason } });
    expect(told.map(({ moment }) => moment)).toEqual([{ logId: report.logId, ...report.firstBad }]);
    expect(await bus.nexus.health()).toMatchObject({
      status: 'degraded',
      reasons: [`the log does not verify: ${report.firstBad?.message}`],
    });
  });

  it.each<[string, (bus: Bus) => void, number, string]>([
    ['a tail that was cut off', ({ database }) => void database.events.splice(2), 3, 'truncated'],
    [
      'a chain computed anew',
      (bus) => {
        Object.assign(bus.database.events[1]!, { payload: '{"n":9}' });
        rehash(bus.database, 1);
      },
      4,
      'checkpoint',
    ],
  ])('finds %s with one', async (_what, tamper, seq, reason) => {
    const bus = await logOf(4);
    const early = { ...(await bus.nexus.audit.checkpoint()), seq: 1, hash: bus.database.events[0]!.hash };
    const checkpoint = await bus.nexus.audit.checkpoint();
    tamper(bus);
    expect(await bus.nexus.audit.verify()).toMatchObject({ ok: true });
    const report = await bus.nexus.audit.verify({ checkpoint: [checkpoint, early] });
    expect(report).toMatchObject({ ok: false, firstBad: { seq, reason }, vouchedTo: 1 });
  });

  it('finds a copy that went on by itself, and another log', async () => {
    const bus = await logOf(2);
    const checkpoint = await bus.nexus.audit.checkpoint();
    const other = await logOf(3);
    expect(await other.nexus.audit.verify({ checkpoint })).toMatchObject({
      ok: false,
      firstBad: { reason: 'foreign', seq: 1 },
    });
    const copy = { ...checkpoint, hash: '0'.repeat(64) };
    expect(await bus.nexus.audit.verify({ checkpoint: copy })).toMatchObject({
      ok: false,
      firstBad: { reason: 'checkpoint', seq: 2 },
    });
  });

  it('takes gaps for granted that the log tells of, but not a checkpoint among what was lost', async () => {
    const before = await logOf(5);
    const checkpoint = await before.nexus.audit.checkpoint();
    await before.nexus.close();
    before.database.lose(2);
    const { nexus } = createBus({ beside: before });
    expect(await nexus.audit.verify()).toMatchObject({ ok: true, gaps: 1, events: 4, to: 6 });
    expect(await nexus.audit.verify({ checkpoint })).toMatchObject({
      ok: false,
      firstBad: { seq: 4, reason: 'missing' },
    });
  });

  it('begins where it is told to, and takes the rest for granted', async () => {
    const { nexus, database } = await logOf(4);
    Object.assign(database.events[0]!, { source: 'x' });
    expect(await nexus.audit.verify({ from: 3 })).toMatchObject({ ok: true, from: 3, events: 2 });
    expect(await nexus.audit.verify({ from: 5 })).toMatchObject({ ok: true, events: 0 });
    await expect(nexus.audit.verify({ from: 6 })).rejects.toMatchObject({ code: 'NEXUS_POSITION_AHEAD' });
  });

  it('is content again once the log is', async () => {
    const { nexus, database } = await logOf(2);
    Object.assign(database.events[0]!, { source: 'x' });
    await nexus.audit.verify();
    Object.assign(database.events[0]!, { source: 'nexus' });
    await nexus.audit.verify();
    expect((await nexus.health()).status).toBe('ok');
  });

  it.each([[{}], [{ logId: 'x', seq: -1, hash: 'a' }], ['x'], [null]])(
    'refuses the checkpoint %j, which is none',
    async (checkpoint) => {
      const { nexus } = createBus();
      await expect(nexus.audit.verify({ checkpoint: checkpoint as never })).rejects.toMatchObject({
        code: 'NEXUS_INVALID_OPTION',
      });
    },
  );
});

describe('a redacted event', () => {
  it('is a tombstone to readers, and no event to who waits for its type', async () => {
    const { nexus } = await logOf(1);
    const id = await idAt(nexus, 1);
    expect(await nexus.audit.redact(id, 'asked for by its subject')).toEqual({
      eventId: id,
      seq: 1,
      already: false,
      cancelled: 0,
      complete: true,
    });
    expect(await nexus.events.get(id)).toMatchObject({ payload: {}, redacted: true, type: 'A' });
    expect((await nexus.events.list({ after: 0 })).items).toMatchObject([
      { seq: 1, redacted: true },
      {
        type: 'nexus.event.redacted',
        causationId: id,
        payload: { eventId: id, seq: 1, type: 'A', reason: 'asked for by its subject' },
      },
    ]);
    await nexus.dispatch('A', { n: 2 });
    expect(await nexus.waitFor('A', { after: 0 })).toMatchObject({ seq: 3, payload: { n: 2 } });
    expect((await nexus.explain(id)).children.map(({ event }) => event.type)).toEqual([
      'nexus.event.redacted',
    ]);
    expect(await nexus.audit.verify()).toMatchObject({ ok: true, redacted: 1, events: 3 });
    expect(await nexus.audit.redact(id, 'again')).toMatchObject({ already: true });
  });

  it('is told as an event, to reactors that name it as well', async () => {
    const { nexus } = await logOf(1);
    const seen: unknown[] = [];
    nexus.onEvent('nexus.event.redacted' as never, ({ seq }) => void seen.push(seq));
    await nexus.idle();
    const told = record(nexus, 'event');
    await nexus.audit.redact(await idAt(nexus, 1), 'r');
    await nexus.idle();
    expect(told.map(({ moment }) => moment.type)).toEqual(['nexus.event.redacted']);
    expect(seen).toEqual([1]);
  });

  it('aborts its handler, whose outcome counts for nothing', async () => {
    const { nexus } = createBus();
    const began = deferred();
    const aborted = deferred();
    nexus.onEvent('A', async (_payload, ctx) => {
      began.resolve();
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      ctx.log.debug({}, 'over');
      aborted.resolve();
    });
    const { id } = await nexus.dispatch('A', {});
    await began.promise;
    expect(await nexus.audit.redact(id, 'r')).toMatchObject({ cancelled: 1 });
    await aborted.promise;
    expect(await nexus.settled(id)).toMatchObject([{ state: 'cancelled', reason: 'redacted' }]);
  });

  it('comes to no handler: not late, not by a seek, a retry or a replay', async () => {
    const { nexus } = await logOf(3);
    const id = await idAt(nexus, 2);
    await nexus.audit.redact(id, 'r');
    const seen: unknown[] = [];
    const keyed: unknown[] = [];
    const orderBy: ReactorOptions['orderBy'] = ({ payload }) => {
      keyed.push(payload);
      return `k${Number(payload.n)}`;
    };
    nexus.onEvent('A', { name: 'r', from: 'beginning', orderBy }, ({ n }) => void seen.push(n));
    await nexus.idle();
    expect(seen).toEqual([1, 3]);
    expect(keyed).toEqual([{ n: 1 }, { n: 3 }]);
    const report = await nexus.replay({ reactors: ['r'] });
    expect(report).toMatchObject({ state: 'done', reactors: [{ events: 3, skipped: 0, open: 0, dead: 0 }] });
    expect(seen).toEqual([1, 3, 1, 3]);
    const { items } = await nexus.deliveries.list({ eventId: id });
    expect(items).toMatchObject([
      { run: 0, state: 'cancelled', reason: 'redacted' },
      { run: 1, state: 'cancelled', reason: 'redacted' },
    ]);
    await expect(nexus.deliveries.retry(items[0]?.id ?? '')).rejects.toMatchObject({
      code: 'NEXUS_EVENT_REDACTED',
    });
    await nexus.reactors.seek('r', 0);
    await nexus.idle();
    expect(seen.length).toBe(4);
  });

  it('is there, and wants a reason; what the log says of itself stays', async () => {
    const { nexus } = await logOf(1);
    const id = await idAt(nexus, 1);
    await expect(nexus.audit.redact('0192f3a1-1111-7222-8333-000000000000', 'r')).rejects.toMatchObject({
      code: 'NEXUS_NOT_FOUND',
    });
    for (const reason of ['', ' ', 'x'.repeat(501), 7 as never])
      await expect(nexus.audit.redact(id, reason)).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    await nexus.audit.redact(id.toUpperCase(), 'r');
    await expect(nexus.audit.redact(await idAt(nexus, 2), 'r')).rejects.toMatchObject({
      code: 'NEXUS_INVALID_OPTION',
    });
  });
});

describe('audit.prune', () => {
  it('wants a checkpoint that was kept elsewhere, and goes no further', async () => {
    const { nexus } = await logOf(4);
    await expect(nexus.audit.prune({ before: 3 })).rejects.toMatchObject({
      code: 'NEXUS_CHECKPOINT_MISSING',
    });
    const checkpoint = await nexus.audit.checkpoint();
    await nexus.dispatch('A', {});
    await nexus.dispatch('A', {});
    expect(await nexus.audit.prune({ before: 3 })).toEqual({ removed: 2, base: 2, heldBy: undefined });
    expect(await nexus.audit.prune({ before: 7, checkpoint })).toEqual({
      removed: 2,
      base: 4,
      heldBy: 'checkpoint',
    });
    await expect(
      nexus.audit.prune({ before: 7, checkpoint: { ...checkpoint, hash: 'a'.repeat(64) } }),
    ).rejects.toMatchObject({ code: 'NEXUS_CHECKPOINT_MISSING' });
    // The checkpoint is that of the base, so it still says something.
    expect(await nexus.audit.verify({ checkpoint })).toMatchObject({ ok: true, base: 4, vouchedTo: 4 });
    const early = { ...checkpoint, seq: 1 };
    expect(await nexus.audit.verify({ checkpoint: early })).toMatchObject({
      ok: true,
      checkpoints: { matched: 0, unusable: 1 },
    });
  });

  it('takes an instant: what was said before it goes', async () => {
    const { nexus, clock } = await logOf(2);
    await clock.advance(1_000);
    const before = new Date(clock.now());
    await nexus.dispatch('A', { n: 3 });
    await nexus.audit.checkpoint();
    expect(await nexus.audit.prune({ before })).toMatchObject({ removed: 2, base: 2 });
    expect((await nexus.events.list({ after: 0 })).items.map(({ type }) => type)).toEqual([
      'A',
      'nexus.log.pruned',
    ]);
  });

  it('takes many steps with one note, and the rest verifies while it goes on', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { n } })));
    await nexus.audit.checkpoint();
    const pruning = nexus.audit.prune({ before: 901 });
    const reports = [];
    for (let i = 0; i < 5; i++) reports.push(await nexus.audit.verify());
    expect(await pruning).toEqual({ removed: 900, base: 900, heldBy: undefined });
    expect(reports.every(({ ok }) => ok)).toBe(true);
    expect((await nexus.events.list({ type: 'nexus.log.pruned' })).items.length).toBe(1);
  });

  it('leaves no cursor in what is gone without a word', async () => {
    const { nexus } = await logOf(4);
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    await nexus.idle();
    await nexus.audit.checkpoint();
    await nexus.audit.prune({ before: 4 });
    const pruned = { code: 'NEXUS_POSITION_PRUNED', details: { base: 3 } };
    await expect(nexus.events.list({ after: 1 })).rejects.toMatchObject(pruned);
    await expect(nexus.waitFor('A', { after: 2 })).rejects.toMatchObject(pruned);
    await expect(nexus.replay({ reactors: ['r'], from: 3 })).rejects.toMatchObject(pruned);
    await expect(nexus.reactors.seek('r', 2)).rejects.toMatchObject(pruned);
    expect((await nexus.events.list({ after: 0 })).items[0]?.seq).toBe(4);
    expect((await nexus.events.list({ after: 3 })).items[0]?.seq).toBe(4);
    expect(await nexus.replay({ reactors: ['r'] })).toMatchObject({ reactors: [{ events: 1 }] });
    for (const before of [-1, 0.5, Number.NaN, new Date(Number.NaN), '3' as never])
      await expect(nexus.audit.prune({ before })).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
  });
});
