/** Cases: what leaves the log, by erasing a payload or by removing the beginning, and what stays. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { GENESIS_HASH, hashEvent } from '../../core/chain.js';
import type { Pruned, Redacted } from '../../storage/storage.js';
import { chapter, reopening, several } from './chapter.js';
import { dead, fails, like, retry, succeeded } from './expectations.js';
import { at, overRange, type Instance } from './instance.js';
import { LEASE_MS, sha256, type Rig } from './rig.js';

const redact = async (rig: Rig, a: Instance, id: string): Promise<Redacted> =>
  a.storage.redact({ id, note: rig.event({ type: 'nexus.event.redacted', causationId: id }) });

/** To the end of what may go. */
async function prune(rig: Rig, a: Instance, to: number, rows = 100): Promise<Pruned> {
  let removed = 0;
  for (let steps = 0; steps < 1_000; steps++) {
    const note = removed === 0 ? rig.event({ type: 'nexus.log.pruned' }) : undefined;
    const step = await a.storage.prune({ to, rows, note });
    removed += step.removed;
    if (step.removed === 0 || step.heldBy !== undefined || step.base >= to) return { ...step, removed };
  }
  return assert.fail('the prune has no end');
}

/** The chain holds from the base to the head. */
async function verify(a: Instance): Promise<number[]> {
  const { base } = await a.storage.read.origin();
  const rows = await a.storage.read.chain({ after: base.seq, limit: 1_000 });
  let { hash } = base;
  for (const row of rows) {
    assert.equal(row.hash, hashEvent(sha256, hash, row, row.seq), `the link of event ${row.seq}`);
    ({ hash } = row);
  }
  assert.equal((await a.storage.read.head()).hash, hash);
  return rows.map(({ seq }) => seq);
}

export const redactionCases = chapter('redaction', {
  'takes salt and payload, and the chain goes on with the note of it': async (rig) => {
    const a = await rig.open();
    const events = rig.events(3);
    await a.append(...events);
    like(await redact(rig, a, at(events, 1).id), { outcome: 'redacted', cancelled: [] });
    const erased = await a.storage.read.event(at(events, 1).id);
    assert.deepEqual([erased?.payload, erased?.salt], [null, null]);
    assert.equal(erased?.payloadHash, at(events, 1).payloadHash);
    assert.equal((await a.storage.read.event(at(events, 0).id))?.payload, at(events, 0).payload);
    await a.append(rig.event());
    assert.deepEqual(await verify(a), [1, 2, 3, 4, 5]);
    const [note] = (await a.storage.read.events({ types: ['nexus.event.redacted'], limit: 10 })).items;
    assert.deepEqual([note?.seq, note?.causationId], [4, at(events, 1).id]);
  },

  'is done once': async (rig) => {
    const a = await rig.open();
    const event = rig.event();
    await a.append(event);
    await redact(rig, a, event.id);
    assert.equal((await redact(rig, a, event.id)).outcome, 'already');
    assert.equal((await redact(rig, a, rig.event().id)).outcome, 'not_found');
    assert.equal((await a.storage.read.head()).seq, 2);
  },

  'cancels what is open or dead of it, and leaves what is final and what is of others': async (rig) => {
    const a = await rig.open();
    const event = rig.event();
    const { leases: done } = await a.deliver(await a.register('done'), [event]);
    const { seq } = at(done, 0);
    const late = await a.register('late', { from: 0 });
    const failing = await a.register('failing', { from: 0 });
    const running = await a.register('running', { from: 0 });
    const other = rig.event();
    for (const reactor of [late, failing, running])
      await a.commit({ fanOuts: [overRange(reactor, { after: 0, to: seq }, [{ event: seq }])] });
    await a.settle(at(done, 0), succeeded);
    await a.settle((await a.claimOne(failing)).lease, dead());
    const lease = (await a.claimOne(running)).lease;
    await a.append(other);
    const { cancelled } = await redact(rig, a, event.id);
    assert.deepEqual(
      [...cancelled].map(({ reactor }) => reactor).sort((x, y) => x - y),
      [late.key, failing.key, running.key],
    );
    like(await a.row({ reactor: 1, run: 0, seq }), { state: 'succeeded' });
    for (const { key } of [late, failing, running])
      like(await a.row({ reactor: key, run: 0, seq }), {
        state: 'cancelled',
        reason: 'redacted',
        dueAt: null,
      });
    assert.equal(await a.settle(lease, succeeded), 'lease_lost');
    assert.equal((await a.storage.read.backlog()).dead, 0);
  },

  'takes what handlers said of it, what they remembered, and its ordering keys': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r', { ordered: true });
    const events = rig.events(2);
    const { leases, refs } = await a.deliver(reactor, events, { match: (i) => ({ orderKey: `key-${i}` }) });
    await a.commit({ once: leases.map((lease) => ({ lease, run: 0, key: 'k', result: '"secret"' })) });
    const error = { code: 'BOOM', message: 'secret' };
    for (const lease of leases) await a.settle(lease, retry(0, error));
    await redact(rig, a, at(events, 0).id);
    const row = await a.row(at(refs, 0));
    assert.deepEqual([row.orderKey, row.error?.code], [null, 'BOOM']);
    assert.doesNotMatch(row.error?.message ?? '', /secret/);
    const [attempt] = await a.attempts(at(refs, 0));
    assert.equal(attempt?.error.code, 'BOOM');
    assert.doesNotMatch(attempt.error.message, /secret/);
    const place = { reactor: reactor.key, run: 0, key: 'k' };
    assert.equal(await a.storage.read.once({ ...place, seq: 1 }), undefined);
    assert.equal(await a.storage.read.once({ ...place, seq: 2 }), '"secret"');
    like(await a.row(at(refs, 1)), { orderKey: 'key-1', error });
  },

  'wakes the next of its key': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r', { ordered: true });
    const events = rig.events(2);
    const { leases } = await a.deliver(reactor, events, { match: () => ({ orderKey: 'k' }) });
    await a.settle(at(leases, 0), retry(1_000_000));
    await redact(rig, a, at(events, 0).id);
    assert.equal((await a.claimOne(reactor)).lease.seq, 2);
  },

  'lets nothing of it begin afterwards': async (rig) => {
    const a = await rig.open();
    const events = rig.events(2);
    await a.append(...events);
    const reactor = await a.register('r', { from: 0 });
    await redact(rig, a, at(events, 0).id);
    const matches = [1, 2].map((event) => ({ event }));
    const { fanOuts } = await a.commit({ fanOuts: [overRange(reactor, { after: 0, to: 2 }, matches, 2)] });
    like(at(fanOuts, 0) as Extract<(typeof fanOuts)[0], { outcome: 'done' }>, {
      outcome: 'done',
      pending: 0,
    });
    const ref = { reactor: reactor.key, run: 0, seq: 1 };
    like(await a.row(ref), { state: 'cancelled', reason: 'redacted', finishedAt: rig.clock.now() });
    assert.deepEqual(await a.storage.edit({ edit: 'retry', delivery: ref }), { changed: 0 });
    like(await a.row({ ...ref, seq: 2 }), { state: 'running' });
  },

  'is passed over by replays, each time with the reason': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const events = rig.events(2);
    const { leases } = await a.deliver(reactor, events);
    for (const lease of leases) await a.settle(lease, succeeded);
    await redact(rig, a, at(events, 0).id);
    const scope = { after: 0, until: 2, fromAt: null, toAt: null, types: null, fresh: false };
    const { run } = await a.storage.startReplay({ ...scope, reactors: [reactor.key] });
    const page = { run, reactor: reactor.key, generation: 1, after: 0, to: 2 };
    const done = await a.storage.fanOutReplay({ ...page, matches: [{ event: 1 }, { event: 2 }] });
    assert.deepEqual(done, { outcome: 'done', created: 2, skipped: 0 });
    like(await a.row({ reactor: reactor.key, run, seq: 1 }), { state: 'cancelled', reason: 'redacted' });
    const { lease } = await a.claimOne(reactor, { lane: 'replays' });
    assert.equal(lease.seq, 2);
    await a.settle(lease, succeeded);
    assert.deepEqual(await a.storage.edit({ edit: 'finish-replay', run }), { changed: 1 });
  },

  'leaves its keys: what was said is still a duplicate': async (rig) => {
    const a = await rig.open();
    const event = rig.event({ keys: ['k:once'] });
    await a.append(event);
    await redact(rig, a, event.id);
    const { events } = await a.commit({ events: [rig.event({ keys: ['k:once'] })] });
    like(at(events, 0), { outcome: 'duplicate' });
  },

  'counts for every instance': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const event = rig.event();
    await a.append(event);
    await redact(rig, b, event.id);
    assert.equal((await a.storage.read.event(event.id))?.payload, null);
    assert.deepEqual(await a.append(rig.event()), [3]);
    assert.deepEqual(await verify(a), [1, 2, 3]);
  }),
});

export const pruningCases = chapter('pruning', {
  'is of the log that open names': async (rig) => {
    const storage = rig.storage();
    const { logId } = await storage.open({ instance: randomUUID(), leaseMs: LEASE_MS, mode: 'run' });
    assert.equal((await storage.read.origin()).logId, logId);
  },

  'begins the chain at the last event that was removed': async (rig) => {
    const a = await rig.open();
    assert.deepEqual(await a.storage.read.origin().then(({ base }) => base), { seq: 0, hash: GENESIS_HASH });
    const events = rig.events(5);
    await a.append(...events);
    const { hash = '' } = (await a.storage.read.event(at(events, 2).id)) ?? {};
    assert.deepEqual(await prune(rig, a, 3), { removed: 3, base: 3, heldBy: undefined });
    assert.deepEqual((await a.storage.read.origin()).base, { seq: 3, hash });
    assert.deepEqual(await verify(a), [4, 5, 6]);
    assert.equal(await a.storage.read.event(at(events, 2).id), undefined);
    assert.equal((await a.storage.read.event(at(events, 3).id))?.seq, 4);
    assert.equal((await a.storage.read.log({ after: 0, limit: 10 })).events[0]?.seq, 4);
    assert.deepEqual(await a.append(rig.event()), [7]);
  },

  'goes step by step, with one note': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(10));
    const first = await a.storage.prune({ to: 10, rows: 4, note: rig.event({ type: 'nexus.log.pruned' }) });
    assert.deepEqual(first, { removed: 4, base: 4, heldBy: undefined });
    assert.deepEqual(await a.storage.prune({ to: 10, rows: 4, note: undefined }), {
      removed: 4,
      base: 8,
      heldBy: undefined,
    });
    assert.deepEqual(await verify(a), [9, 10, 11]);
    assert.deepEqual(await a.storage.prune({ to: 10, rows: 4, note: undefined }), {
      removed: 2,
      base: 10,
      heldBy: undefined,
    });
    assert.deepEqual(await verify(a), [11]);
    assert.equal((await a.storage.prune({ to: 10, rows: 4, note: rig.event() })).removed, 0);
    assert.equal((await a.storage.read.head()).seq, 11);
  },

  'stops at the position of a reactor, until that is removed': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(2));
    await a.register('behind');
    await a.append(...rig.events(2));
    assert.deepEqual(await prune(rig, a, 4), { removed: 2, base: 2, heldBy: 'position' });
    await a.storage.edit({ edit: 'remove', reactor: 'behind', limit: 10 });
    assert.deepEqual(await prune(rig, a, 4), { removed: 2, base: 4, heldBy: undefined });
  },

  'stops at what is open or dead': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases, refs } = await a.deliver(reactor, rig.events(4));
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), dead());
    await a.settle(at(leases, 2), succeeded);
    assert.deepEqual(await prune(rig, a, 4), { removed: 1, base: 1, heldBy: 'dead_letter' });
    await a.storage.edit({ edit: 'discard', which: { limit: 1 } });
    assert.deepEqual(await prune(rig, a, 4), { removed: 2, base: 3, heldBy: 'delivery' });
    assert.equal(await a.storage.read.delivery(at(refs, 0)), undefined);
    assert.equal(await a.settle(at(leases, 3), succeeded), 'settled');
    assert.deepEqual((await a.storage.read.counts()).succeeded, 1);
  },

  'stops at a replay that has not come so far': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(3));
    for (const lease of leases) await a.settle(lease, succeeded);
    const scope = { after: 1, until: 3, fromAt: null, toAt: null, types: null, fresh: false };
    const { run } = await a.storage.startReplay({ ...scope, reactors: [reactor.key] });
    assert.deepEqual(await prune(rig, a, 3), { removed: 1, base: 1, heldBy: 'replay' });
    await a.storage.edit({ edit: 'cancel-replay', run });
    assert.deepEqual(await prune(rig, a, 3), { removed: 2, base: 3, heldBy: undefined });
  },

  'leaves ids and keys known: what was said before is a duplicate': async (rig) => {
    const a = await rig.open();
    const keyed = rig.event({ keys: ['k:once', 'b:body'] });
    const named = rig.event({ idGiven: true });
    await a.append(keyed, named);
    await prune(rig, a, 2);
    const { events } = await a.commit({
      events: [
        rig.event({ keys: ['k:once'] }),
        rig.event({ keys: ['b:body'] }),
        rig.event({ keys: ['k:once'], type: 'OTHER' }),
        { ...named, keys: [] },
      ],
    });
    const first = { id: keyed.id, seq: 1, timestamp: keyed.timestamp };
    assert.deepEqual(events, [
      { outcome: 'duplicate', ...first },
      { outcome: 'duplicate', ...first },
      { outcome: 'conflict', ...first },
      { outcome: 'duplicate', id: named.id, seq: 2, timestamp: named.timestamp },
    ]);
  },

  'takes deliveries, attempts and results along': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases, refs } = await a.deliver(reactor, rig.events(1));
    const lease = at(leases, 0);
    await a.commit({ once: [{ lease, run: 0, key: 'k', result: '1' }] });
    await a.settle(lease, retry(0));
    await a.settle((await a.claimOne(reactor)).lease, succeeded);
    assert.equal((await prune(rig, a, 1)).removed, 1);
    assert.deepEqual(await a.attempts(at(refs, 0)), []);
    assert.equal(await a.storage.read.once({ reactor: reactor.key, seq: 1, run: 0, key: 'k' }), undefined);
    assert.equal((await a.storage.read.counts()).succeeded, 0);
  },

  'lets no position go into it; the beginning is where it ends': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(4));
    await prune(rig, a, 3);
    await fails('NEXUS_POSITION_PRUNED', () => a.register('r', { from: 2 }));
    assert.equal((await a.register('first', { from: 'beginning' })).position, 3);
    assert.equal((await a.register('zero', { from: 0 })).position, 3);
    assert.equal((await a.register('base', { from: 3 })).position, 3);
    await fails('NEXUS_POSITION_PRUNED', () => a.storage.edit({ edit: 'seek', reactor: 'first', to: 2 }));
  },

  'remembers the highest checkpoint that was handed out': async (rig) => {
    const a = await rig.open();
    assert.equal((await a.storage.read.origin()).checkpointed, 0);
    assert.deepEqual(await a.storage.edit({ edit: 'checkpointed', seq: 5 }), { changed: 1 });
    assert.deepEqual(await a.storage.edit({ edit: 'checkpointed', seq: 4 }), { changed: 0 });
    assert.equal((await a.storage.read.origin()).checkpointed, 5);
  },

  'outlasts a close': reopening(async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    await prune(rig, a, 3);
    await a.storage.close();
    const b = await rig.open();
    assert.deepEqual(await b.append(rig.event()), [5]);
    assert.deepEqual(await verify(b), [4, 5]);
  }),
});
