/** Cases: deliveries whose instance died, and how many times they may kill one. */
import assert from 'node:assert/strict';
import { MAX_CRASHES } from '../../core/delivery.js';
import type { Claimed, Lease, ReactorRow } from '../../storage/storage.js';
import { chapter, several } from './chapter.js';
import { like, release, retry, succeeded } from './expectations.js';
import { at, type Instance } from './instance.js';
import { LEASE_MS, type Rig } from './rig.js';

const seqs = ({ leased }: Claimed): number[] => leased.map(({ lease }) => lease.seq);

/** An instance beside which another died holding `count` deliveries, its starts marked or not. */
async function aftermath(
  rig: Rig,
  count: number,
  started = false,
): Promise<{ b: Instance; reactor: ReactorRow; leases: readonly Lease[] }> {
  const a = await rig.open();
  const b = await rig.open({ leaseMs: LEASE_MS * 100 });
  const reactor = await a.register('r');
  const { leases } = await a.deliver(reactor, rig.events(count));
  if (started) await a.storage.markStarted(leases);
  await rig.crash(a);
  await b.storage.recover({ limit: 1_000 });
  return { b, reactor, leases };
}

/** A further instance claims the delivery, marks its start and dies; `b` takes it back. */
async function crashOnce(rig: Rig, b: Instance, reactor: ReactorRow, crashed: boolean): Promise<void> {
  const victim = await rig.open();
  const { lease } = await victim.claimOne(reactor, { suspects: 1, crashed });
  assert.deepEqual(await victim.storage.markStarted([lease]), [true]);
  await rig.crash(victim);
  await b.storage.recover({ limit: 10 });
}

export const suspectCases = chapter('suspects', {
  'are claimed only where suspects are asked for': several(async (rig) => {
    const { b, reactor } = await aftermath(rig, 2);
    assert.deepEqual(seqs(await b.claim(reactor)), []);
    const { leased } = await b.claim(reactor, { suspects: 5 });
    assert.deepEqual(
      leased.map(({ lease, suspect }) => [lease.seq, suspect]),
      [
        [1, true],
        [2, true],
      ],
    );
  }),

  'are claimed a few at a time, the oldest first, beside the ordinary ones': several(async (rig) => {
    const { b, reactor } = await aftermath(rig, 5);
    await b.deliver(reactor, rig.events(2), { lease: 0 });
    const { leased } = await b.claim(reactor, { suspects: 2 });
    const of = (suspect: boolean): number[] =>
      leased.filter((each) => each.suspect === suspect).map(({ lease }) => lease.seq);
    assert.deepEqual(of(true), [1, 2]);
    assert.deepEqual(of(false), [6, 7]);
    assert.deepEqual(seqs(await b.claim(reactor, { suspects: 2 })), [3, 4]);
  }),

  'do not count against the limit of their reactor': several(async (rig) => {
    const { b, reactor } = await aftermath(rig, 1);
    assert.deepEqual(seqs(await b.claim(reactor, { limit: 0, suspects: 1 })), [1]);
  }),

  'are limited over all reactors together': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open({ leaseMs: LEASE_MS * 100 });
    const r = await a.register('r');
    await a.deliver(r, rig.events(2));
    const s = await a.register('s');
    await a.deliver(s, rig.events(2));
    await rig.crash(a);
    await b.storage.recover({ limit: 10 });
    assert.deepEqual(seqs(await b.claim([s, r], { suspects: 3 })), [1, 2, 3]);
    assert.deepEqual(seqs(await b.claim([s, r], { suspects: 3 })), [4]);
  }),

  'of a paused or superseded reactor are not claimed': several(async (rig) => {
    const { b, reactor } = await aftermath(rig, 1);
    await b.storage.edit({ edit: 'pause', reactor: 'r' });
    assert.deepEqual(seqs(await b.claim(reactor, { suspects: 1 })), []);
    await b.storage.edit({ edit: 'resume', reactor: 'r' });
    await b.register('r', { types: ['OTHER'] });
    assert.deepEqual(await b.claim(reactor, { suspects: 1 }), {
      leased: [],
      reactors: [{ more: false, superseded: true }],
      instance: 'held',
    });
  }),

  'that this instance holds in memory are not claimed': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 2);
    assert.deepEqual(seqs(await b.claim(reactor, { suspects: 1, except: [at(leases, 0)] })), [2]);
  }),

  'get another token': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 1);
    const { lease } = await b.claimOne(reactor, { suspects: 1 });
    assert.notEqual(lease.token, at(leases, 0).token);
    assert.deepEqual(await b.storage.markStarted([at(leases, 0), lease]), [false, true]);
  }),

  'that succeed are suspects no longer': several(async (rig) => {
    const { b, reactor } = await aftermath(rig, 1);
    const { lease } = await b.claimOne(reactor, { suspects: 1 });
    await b.storage.markStarted([lease]);
    await b.settle(lease, succeeded);
    like(await b.row(lease), { state: 'succeeded', suspect: false, crashes: 0, attempt: 1 });
  }),

  'that fail in an orderly way are ordinary again': several(async (rig) => {
    const { b, reactor } = await aftermath(rig, 2);
    const { leased } = await b.claim(reactor, { suspects: 2 });
    await b.settle(at(leased, 0).lease, retry(0));
    await b.settle(at(leased, 1).lease, release());
    assert.equal((await b.row(at(leased, 0).lease)).suspect, false);
    const again = await b.claim(reactor);
    assert.deepEqual(
      again.leased.map(({ suspect }) => suspect),
      [false, false],
    );
  }),

  'count a crash when their start was marked, and tell it as an attempt': several(async (rig) => {
    const { b, leases } = await aftermath(rig, 1, true);
    like(await b.row(at(leases, 0)), { state: 'pending', suspect: true, crashes: 1, attempt: 0 });
    const [attempt, ...more] = await b.attempts(at(leases, 0));
    assert.ok(attempt);
    like(attempt, { index: 1, outcome: 'crashed', at: rig.clock.now() });
    assert.deepEqual(more, []);
  }),

  'that crashed are claimed apart from those that did not': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open({ leaseMs: LEASE_MS * 100 });
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(3));
    await a.storage.markStarted([at(leases, 1)]);
    await rig.crash(a);
    await b.storage.recover({ limit: 10 });
    assert.deepEqual(seqs(await b.claim(reactor, { suspects: 5 })), [1, 3]);
    assert.deepEqual(seqs(await b.claim(reactor, { suspects: 5, crashed: true })), [2]);
  }),

  'whose start was not marked never count a crash': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 1);
    for (let i = 0; i < MAX_CRASHES + 1; i++) {
      const victim = await rig.open();
      await victim.claimOne(reactor, { suspects: 1 });
      await rig.crash(victim);
      assert.deepEqual(
        (await b.storage.recover({ limit: 10 })).recovered.map(({ state }) => state),
        ['pending'],
      );
    }
    like(await b.row(at(leases, 0)), { state: 'pending', crashes: 0 });
    assert.deepEqual(await b.attempts(at(leases, 0)), []);
  }),

  'need their start marked anew after every claim': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 1, true);
    const victim = await rig.open();
    await victim.claimOne(reactor, { suspects: 1, crashed: true });
    await rig.crash(victim);
    await b.storage.recover({ limit: 10 });
    assert.equal((await b.row(at(leases, 0))).crashes, 1);
  }),

  'are dead with reason crashed after so many crashes, each with its start marked': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 1, true);
    for (let crashes = 1; crashes < MAX_CRASHES; crashes++) {
      assert.equal((await b.row(at(leases, 0))).crashes, crashes);
      await crashOnce(rig, b, reactor, true);
    }
    like(await b.row(at(leases, 0)), {
      state: 'dead',
      reason: 'crashed',
      crashes: MAX_CRASHES,
      suspect: false,
      dueAt: null,
      finishedAt: rig.clock.now(),
    });
    assert.ok((await b.row(at(leases, 0))).error, 'an error says what happened');
    assert.deepEqual(
      (await b.attempts(at(leases, 0))).map(({ index, outcome }) => [index, outcome]),
      Array.from({ length: MAX_CRASHES }, (_, index) => [index + 1, 'crashed']),
    );
  }),

  'are told dead by the recovery that ends them': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 1, true);
    for (let crashes = 1; crashes < MAX_CRASHES - 1; crashes++) await crashOnce(rig, b, reactor, true);
    const victim = await rig.open();
    const { lease } = await victim.claimOne(reactor, { suspects: 1, crashed: true });
    await victim.storage.markStarted([lease]);
    await rig.crash(victim);
    const { reactor: key, run, seq } = at(leases, 0);
    assert.deepEqual((await b.storage.recover({ limit: 10 })).recovered, [
      { delivery: { reactor: key, run, seq }, state: 'dead' },
    ]);
  }),

  'redriven, may crash anew': several(async (rig) => {
    const { b, reactor, leases } = await aftermath(rig, 1, true);
    for (let crashes = 1; crashes < MAX_CRASHES; crashes++) await crashOnce(rig, b, reactor, true);
    assert.deepEqual(await b.storage.edit({ edit: 'redrive', which: { limit: 10 } }), { changed: 1 });
    like(await b.row(at(leases, 0)), { state: 'pending', crashes: 0, suspect: false });
    assert.equal((await b.claimOne(reactor)).suspect, false);
  }),
});
