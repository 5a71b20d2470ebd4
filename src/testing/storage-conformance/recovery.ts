/** Cases: what the dead held is taken back. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { like, release, retry, succeeded } from './expectations.js';
import { at, overRange, settlement } from './instance.js';
import { LEASE_MS } from './rig.js';

export const recoveryCases = chapter('recovering', {
  'makes the deliveries of a dead instance pending suspects, due now': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    const { refs } = await a.deliver(reactor, rig.events(2), { lease: 1 });
    await a.claim(reactor);
    await rig.crash(a);
    const { recovered, more } = await b.storage.recover({ limit: 10 });
    assert.deepEqual(
      [...recovered].sort((x, y) => x.delivery.seq - y.delivery.seq),
      refs.map((delivery) => ({ delivery, state: 'pending' })),
    );
    assert.equal(more, false);
    like(await b.row(at(refs, 0)), {
      state: 'pending',
      suspect: true,
      attempt: 0,
      crashes: 0,
      dueAt: rig.clock.now(),
      error: null,
    });
    assert.deepEqual(await b.attempts(at(refs, 0)), []);
  }),

  'takes nothing from the living': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(LEASE_MS - 1);
    assert.deepEqual(await b.storage.recover({ limit: 10 }), { recovered: [], more: false });
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  }),

  'takes nothing from itself, though its lease ran out': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(LEASE_MS + 1);
    assert.deepEqual(await a.storage.recover({ limit: 10 }), { recovered: [], more: false });
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  },

  'takes back from one whose lease ran out': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { refs } = await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(LEASE_MS + 1);
    assert.deepEqual((await b.storage.recover({ limit: 10 })).recovered, [
      { delivery: at(refs, 0), state: 'pending' },
    ]);
  }),

  'respects the lease time each instance asked for': several(async (rig) => {
    const short = await rig.open({ leaseMs: 1_000 });
    const long = await rig.open({ leaseMs: 100_000 });
    const c = await rig.open({ leaseMs: 100_000 });
    const reactor = await c.register('r');
    const { refs } = await c.deliver(reactor, rig.events(2), { lease: 0 });
    await short.claim(reactor, { limit: 1 });
    await long.claim(reactor, { limit: 1 });
    await rig.clock.advance(1_001);
    const { recovered } = await c.storage.recover({ limit: 10 });
    assert.deepEqual(recovered, [{ delivery: at(refs, 0), state: 'pending' }]);
    assert.equal(await long.storage.renew(), 'held');
  }),

  'leaves alone what was pending or final': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(3));
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), retry(5_000));
    const before = await Promise.all([a.row(at(leases, 0)), a.row(at(leases, 1))]);
    await rig.crash(a);
    assert.equal((await b.storage.recover({ limit: 10 })).recovered.length, 1);
    assert.deepEqual(await Promise.all([b.row(at(leases, 0)), b.row(at(leases, 1))]), before);
  }),

  'takes back up to its limit at a time, and says when there is more': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    await a.deliver(await a.register('r'), rig.events(5));
    await rig.crash(a);
    const first = await b.storage.recover({ limit: 2 });
    assert.equal(first.recovered.length, 2);
    assert.equal(first.more, true);
    const second = await b.storage.recover({ limit: 2 });
    assert.equal(second.recovered.length, 2);
    const third = await b.storage.recover({ limit: 2 });
    assert.equal(third.recovered.length, 1);
    assert.equal(third.more, false);
    const all = [first, second, third].flatMap(({ recovered }) =>
      recovered.map(({ delivery }) => delivery.seq),
    );
    assert.deepEqual(all.sort(), [1, 2, 3, 4, 5]);
  }),

  'takes back from several dead in one call': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const c = await rig.open();
    const reactor = await c.register('r');
    await c.deliver(reactor, rig.events(4), { lease: 0 });
    await a.claim(reactor, { limit: 2 });
    await b.claim(reactor, { limit: 2 });
    await rig.crash(a);
    await rig.crash(b);
    const { recovered, more } = await c.storage.recover({ limit: 10 });
    assert.equal(recovered.length, 4);
    assert.equal(more, false);
  }),

  'takes each delivery back once, though two recover at once': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open({ leaseMs: LEASE_MS * 10 });
    const c = await rig.open({ leaseMs: LEASE_MS * 10 });
    await a.deliver(await a.register('r'), rig.events(6));
    await rig.crash(a);
    const both = await Promise.all([b.storage.recover({ limit: 10 }), c.storage.recover({ limit: 10 })]);
    const all = both.flatMap(({ recovered }) => recovered.map(({ delivery }) => delivery.seq));
    assert.deepEqual(all.sort(), [1, 2, 3, 4, 5, 6]);
  }),

  'takes back what was leased of stored events, however old': several(async (rig) => {
    const early = await rig.open();
    const reactor = await early.register('r');
    await early.append(...rig.events(3));
    const a = await rig.open();
    const b = await rig.open();
    const matches = [1, 2, 3].map((event) => ({ event }));
    const { fanOuts } = await a.commit({ fanOuts: [overRange(reactor, { after: 0, to: 3 }, matches, 2)] });
    assert.ok(fanOuts[0]?.outcome === 'done');
    assert.equal((await b.storage.read.backlog()).running, 2);
    assert.equal((await b.storage.read.counts()).running, 2);
    await rig.crash(a);
    const { recovered } = await b.storage.recover({ limit: 10 });
    assert.deepEqual(recovered.map(({ delivery }) => delivery.seq).sort(), [1, 2]);
  }),

  'takes back the oldest leases of a long life, among many that were settled': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open({ leaseMs: LEASE_MS * 10 });
    const reactor = await a.register('r');
    const open: number[] = [];
    for (let round = 0; round < 6; round++) {
      const { leases } = await a.deliver(reactor, rig.events(500));
      const [kept, ...others] = leases;
      if (kept) open.push(kept.seq);
      await a.commit({ settlements: others.map((lease) => settlement(lease, succeeded)) });
      assert.equal(await a.storage.renew(), 'held');
    }
    await a.commit({});
    await rig.crash(a);
    const { recovered } = await b.storage.recover({ limit: 100 });
    assert.deepEqual(
      recovered.map(({ delivery }) => delivery.seq).sort((x, y) => x - y),
      open,
    );
  }),

  'takes back what was left beside a delivery that was settled more than once': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open({ leaseMs: LEASE_MS * 10 });
    const { leases } = await a.deliver(await a.register('r'), rig.events(3));
    for (let times = 0; times < 4; times++) await a.settle(at(leases, 0), succeeded);
    assert.equal(await a.storage.renew(), 'held');
    assert.equal((await b.storage.read.backlog()).running, 2);
    await rig.crash(a);
    const { recovered } = await b.storage.recover({ limit: 10 });
    assert.deepEqual(recovered.map(({ delivery }) => delivery.seq).sort(), [2, 3]);
  }),

  'takes back what was leased while the lease was being renewed': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open({ leaseMs: LEASE_MS * 10 });
    const reactor = await a.register('r');
    await Promise.all([a.storage.renew(), a.deliver(reactor, rig.events(2)), a.storage.renew()]);
    await rig.crash(a);
    assert.equal((await b.storage.recover({ limit: 10 })).recovered.length, 2);
  }),

  'keeps attempts and postponements of what it takes back': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), retry(0), { attempt: 3, postponed: 2 });
    await a.claimOne(reactor);
    await rig.crash(a);
    await b.storage.recover({ limit: 10 });
    like(await b.row(at(leases, 0)), { attempt: 3, postponed: 2, suspect: true });
    const { attempt, postponed } = await b.claimOne(reactor, { suspects: 1 });
    assert.deepEqual([attempt, postponed], [3, 2]);
  }),

  'lets what the dead had released go on as usual': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), release());
    await rig.crash(a);
    assert.deepEqual((await b.storage.recover({ limit: 10 })).recovered, []);
    assert.equal((await b.claimOne(reactor)).suspect, false);
  }),
});
