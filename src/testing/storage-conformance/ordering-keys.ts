/** Cases: one delivery of a key at a time, in the order of the log. */
import assert from 'node:assert/strict';
import type { Claimed, Match } from '../../storage/storage.js';
import { chapter, several } from './chapter.js';
import { boom, dead, release, retry, succeeded } from './expectations.js';
import { at, overRange, type Instance } from './instance.js';
import type { ReactorRow } from '../../storage/storage.js';
import { MAX_CRASHES } from '../../core/delivery.js';
import { LEASE_MS } from './rig.js';

const seqs = ({ leased }: Claimed): number[] => leased.map(({ lease }) => lease.seq);
const keys =
  (...names: readonly (string | undefined)[]) =>
  (index: number): Omit<Match, 'event'> => {
    const orderKey = names[index];
    return orderKey === undefined ? {} : { orderKey };
  };
const ordered = (instance: Instance): Promise<ReactorRow> => instance.register('r', { ordered: true });

export const orderingCases = chapter('ordering keys', {
  'leases the first of each key, and what has none': async (rig) => {
    const a = await rig.open();
    const { leases, refs } = await a.deliver(await ordered(a), rig.events(6), {
      match: keys('x', 'x', 'y', undefined, 'y', undefined),
    });
    assert.deepEqual(
      leases.map(({ seq }) => seq),
      [1, 3, 4, 6],
    );
    assert.equal((await a.row(at(refs, 1))).state, 'pending');
    assert.equal((await a.row(at(refs, 1))).orderKey, 'x');
  },

  'does not spend leases on those held up': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await ordered(a), rig.events(4), {
      lease: 2,
      match: keys('x', 'x', 'x', 'y'),
    });
    assert.deepEqual(
      leases.map(({ seq }) => seq),
      [1, 4],
    );
  },

  'does not lease a new one while an earlier one of its key is unfinished': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    await a.deliver(reactor, rig.events(1), { match: keys('x') });
    const { leases } = await a.deliver(reactor, rig.events(2), { match: keys('x', 'y') });
    assert.deepEqual(
      leases.map(({ seq }) => seq),
      [3],
    );
  },

  'holds to it for stored events': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    await a.append(...rig.events(2));
    const matches = [1, 2].map((event) => ({ event, orderKey: 'x' }));
    const { fanOuts } = await a.commit({ fanOuts: [overRange(reactor, { after: 0, to: 2 }, matches, 2)] });
    assert.ok(fanOuts[0]?.outcome === 'done');
    assert.deepEqual([fanOuts[0].leased.length, fanOuts[0].pending], [1, 1]);
  },

  'claims one of a key at a time, in the order of the log': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    await a.deliver(reactor, rig.events(5), { lease: 0, match: keys('x', 'x', 'y', 'x', 'y') });
    const first = await a.claim(reactor);
    assert.deepEqual(seqs(first), [1, 3]);
    assert.deepEqual(first.reactors, [{ more: false, superseded: false }], 'what is held up is not due');
    assert.deepEqual(seqs(await a.claim(reactor)), []);
    await a.settle(at(first.leased, 0).lease, succeeded);
    const second = await a.claim(reactor);
    assert.deepEqual(seqs(second), [2]);
    await a.settle(at(second.leased, 0).lease, succeeded);
    await a.settle(at(first.leased, 1).lease, succeeded);
    assert.deepEqual(seqs(await a.claim(reactor)).sort(), [4, 5]);
  },

  'finds the free ones behind many that are held up': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    await a.deliver(reactor, rig.events(200), {
      lease: 0,
      match: (index) => ({ orderKey: index < 199 ? 'busy' : 'free' }),
    });
    const { leased, reactors } = await a.claim(reactor, { limit: 2 });
    assert.deepEqual(
      leased.map(({ lease }) => lease.seq),
      [1, 200],
    );
    assert.deepEqual(reactors, [{ more: false, superseded: false }]);
  },

  'lets a head that waits for its retry block its key, and no other': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const { leases } = await a.deliver(reactor, rig.events(3), { lease: 1, match: keys('x', 'x', 'y') });
    await a.settle(at(leases, 0), retry(1_000));
    assert.deepEqual(seqs(await a.claim(reactor)), [3]);
    await rig.clock.advance(1_000);
    assert.deepEqual(seqs(await a.claim(reactor)), [1]);
  },

  'lets a head that is not yet due block its key': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const notBefore = rig.clock.now() + 1_000;
    const { leases } = await a.deliver(reactor, rig.events(2), {
      match: (index) => ({ orderKey: 'x', ...(index === 0 ? { notBefore } : {}) }),
    });
    assert.deepEqual(leases, []);
    assert.deepEqual(seqs(await a.claim(reactor)), []);
    await rig.clock.advance(1_000);
    assert.deepEqual(seqs(await a.claim(reactor)), [1]);
  },

  'gives what is held up a due time only once it is its turn': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const notBefore = rig.clock.now() + 5_000;
    const { refs } = await a.deliver(reactor, rig.events(4, { notBefore: null }), {
      lease: 0,
      match: keys('x', 'x', 'x', 'y'),
    });
    const later = await a.deliver(reactor, rig.events(1, { notBefore }), {
      match: () => ({ orderKey: 'y', notBefore }),
    });
    const dueAt = async (): Promise<(number | null)[]> =>
      Promise.all([...refs, ...later.refs].map(async (ref) => (await a.row(ref)).dueAt));
    const start = rig.clock.now();
    assert.deepEqual(await dueAt(), [start, null, null, start, null]);
    await rig.clock.advance(1_000);
    const { leased } = await a.claim(reactor);
    await a.settle(at(leased, 0).lease, succeeded);
    await a.settle(at(leased, 1).lease, dead());
    assert.deepEqual(await dueAt(), [null, start + 1_000, null, null, notBefore]);
    await a.storage.edit({ edit: 'cancel', delivery: at(refs, 1) });
    assert.deepEqual(await dueAt(), [null, null, start + 1_000, null, notBefore]);
  },

  'names the keys that a failing head holds up': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const { leases } = await a.deliver(reactor, rig.events(6), { match: keys('x', 'x', 'y', 'z', 'x', 'y') });
    const [x, y, z] = [at(leases, 0), at(leases, 1), at(leases, 2)];
    assert.deepEqual(await a.storage.read.blockedKeys(reactor.key, 10), [], 'the heads are running');
    await a.settle(x, retry(3_000), { attempt: 2 });
    await a.settle(y, retry(1_000), { attempt: 1 });
    await a.settle(z, retry(1_000));
    const dueAt = rig.clock.now();
    const heads = [
      { orderKey: 'y', seq: 3, attempt: 1, dueAt: dueAt + 1_000, waiting: 1 },
      { orderKey: 'x', seq: 1, attempt: 2, dueAt: dueAt + 3_000, waiting: 2 },
    ];
    assert.deepEqual(await a.storage.read.blockedKeys(reactor.key, 10), heads);
    assert.deepEqual(await a.storage.read.blockedKeys(reactor.key, 1), heads.slice(0, 1));
    assert.deepEqual(await a.storage.read.blockedKeys(999, 10), []);
  },

  'parks a redriven one behind an earlier one of its key': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const { leases, refs } = await a.deliver(reactor, rig.events(2), { match: keys('x', 'x') });
    await a.settle(at(leases, 0), dead());
    await a.settle((await a.claimOne(reactor)).lease, dead());
    await a.storage.edit({ edit: 'redrive', which: { limit: 10 } });
    assert.equal((await a.row(at(refs, 1))).dueAt, null);
    await a.settle((await a.claimOne(reactor)).lease, succeeded);
    assert.equal((await a.claimOne(reactor)).lease.seq, 2);
  },

  'lets the next of a key go when the head crashed for good': several(async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    await a.deliver(reactor, rig.events(2), { match: keys('x', 'x') });
    let last = a;
    for (let crash = 0; crash <= MAX_CRASHES; crash++) {
      if (crash > 0) {
        const { lease } = await last.claimOne(reactor, { suspects: 1, crashed: crash > 1 });
        await last.storage.markStarted([lease]);
      }
      await rig.clock.advance(LEASE_MS + 1);
      last = await rig.open();
      await last.storage.recover({ limit: 10 });
    }
    assert.deepEqual(seqs(await last.claim(reactor)), [2]);
  }),

  'lets a dead head go': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const { leases } = await a.deliver(reactor, rig.events(2), { match: keys('x', 'x') });
    await a.settle(at(leases, 0), dead());
    assert.deepEqual(seqs(await a.claim(reactor)), [2]);
  },

  'lets a cancelled head go': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const { leases } = await a.deliver(reactor, rig.events(2), { match: keys('x', 'x') });
    await a.storage.edit({ edit: 'cancel', delivery: at(leases, 0) });
    assert.deepEqual(seqs(await a.claim(reactor)), [2]);
  },

  'is not held up by one that was born dead': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await ordered(a), rig.events(2), {
      match: (index) =>
        index === 0 ? { orderKey: 'x', dead: { reason: 'order_key', error: boom } } : { orderKey: 'x' },
    });
    assert.deepEqual(
      leases.map(({ seq }) => seq),
      [2],
    );
  },

  'blocks again behind an earlier one that was redriven': async (rig) => {
    const a = await rig.open();
    const reactor = await ordered(a);
    const { leases } = await a.deliver(reactor, rig.events(3), { match: keys('x', 'x', 'x') });
    await a.settle(at(leases, 0), dead());
    const { lease } = await a.claimOne(reactor);
    await a.storage.edit({ edit: 'redrive', which: { limit: 10 } });
    await a.settle(lease, release());
    assert.deepEqual(seqs(await a.claim(reactor)), [1]);
  },

  'keeps the keys of different reactors apart': async (rig) => {
    const a = await rig.open();
    const r = await ordered(a);
    await a.deliver(r, rig.events(1), { match: keys('x') });
    const s = await a.register('s', { ordered: true });
    const { leases } = await a.deliver(s, rig.events(1), { match: keys('x') });
    assert.equal(leases.length, 1);
  },

  'takes the empty key for a key': async (rig) => {
    const a = await rig.open();
    const { leases, refs } = await a.deliver(await ordered(a), rig.events(2), { match: keys('', '') });
    assert.equal(leases.length, 1);
    assert.equal((await a.row(at(refs, 1))).orderKey, '');
  },

  'holds to it across instances': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await ordered(a);
    await a.deliver(reactor, rig.events(4), { lease: 0, match: keys('x', 'x', 'y', 'y') });
    const both = await Promise.all([a.claim(reactor), b.claim(reactor)]);
    assert.deepEqual(both.flatMap(seqs).sort(), [1, 3]);
  }),

  'lets an earlier suspect block its key, and keeps a blocked suspect back': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await ordered(a);
    const { leases } = await a.deliver(reactor, rig.events(2), { match: keys('x', 'x') });
    await rig.clock.advance(LEASE_MS + 1);
    await b.storage.recover({ limit: 10 });
    assert.deepEqual(seqs(await b.claim(reactor)), [], 'the suspect comes first');
    const { lease } = await b.claimOne(reactor, { suspects: 5 });
    assert.equal(lease.seq, 1);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
    await b.settle(lease, succeeded);
    assert.deepEqual(seqs(await b.claim(reactor)), [2]);
  }),
});
