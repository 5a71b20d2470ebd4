/** Cases: due deliveries are leased. */
import assert from 'node:assert/strict';
import type { Claimed } from '../../storage/storage.js';
import { chapter, several } from './chapter.js';
import { release, retry, succeeded } from './expectations.js';
import { at } from './instance.js';

const seqs = ({ leased }: Claimed): number[] => leased.map(({ lease }) => lease.seq);
const calm = { more: false, superseded: false };

export const claimCases = chapter('claiming', {
  'leases what is due, with its event': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const event = rig.event({ headers: '{"h":"1"}' });
    const { refs } = await a.deliver(reactor, [event], { lease: 0 });
    const { leased, reactors } = await a.claim(reactor);
    const one = at(leased, 0);
    assert.deepEqual(leased, [
      {
        lease: { ...at(refs, 0), token: one.lease.token },
        event: await a.storage.read.event(event.id),
        suspect: false,
        fresh: false,
        attempt: 0,
        postponed: 0,
        dueAt: rig.clock.now(),
      },
    ]);
    assert.deepEqual(reactors, [calm]);
    assert.equal((await a.row(one.lease)).state, 'running');
    assert.equal(await a.settle(one.lease, succeeded), 'settled');
  },

  'leases nothing twice': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(2), { lease: 1 });
    assert.deepEqual(seqs(await a.claim(reactor)), [2]);
    assert.deepEqual(await a.claim(reactor), { leased: [], reactors: [calm], instance: 'held' });
  },

  'leases the oldest due first, and by seq what became due together': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await rig.clock.advance(10);
    await a.deliver(reactor, rig.events(2), { lease: 0 });
    await a.settle(at(leases, 0), retry(5));
    await rig.clock.advance(1);
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    await rig.clock.advance(20);
    assert.deepEqual(seqs(await a.claim(reactor)), [2, 3, 4, 1]);
  },

  'takes at most the limit, the oldest, and says whether more is due': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(5), { lease: 0 });
    const first = await a.claim(reactor, { limit: 2 });
    assert.deepEqual(seqs(first), [1, 2]);
    assert.deepEqual(first.reactors, [{ more: true, superseded: false }]);
    const second = await a.claim(reactor, { limit: 3 });
    assert.deepEqual(seqs(second), [3, 4, 5]);
    assert.deepEqual(second.reactors, [calm]);
  },

  'with limit 0 leases nothing and still says that more is due': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    assert.deepEqual(await a.claim(reactor, { limit: 0 }), {
      leased: [],
      reactors: [{ more: true, superseded: false }],
      instance: 'held',
    });
  },

  'leases nothing before it is due, and at that very instant it does': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), retry(1_000));
    await rig.clock.advance(999);
    assert.deepEqual(await a.claim(reactor), { leased: [], reactors: [calm], instance: 'held' });
    await rig.clock.advance(1);
    const one = await a.claimOne(reactor);
    assert.equal(one.attempt, 1);
    assert.equal(one.dueAt, rig.clock.now());
  },

  'does not count what is due later as more': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(2));
    await a.settle(at(leases, 0), release());
    await a.settle(at(leases, 1), retry(1_000));
    assert.deepEqual((await a.claim(reactor, { limit: 1 })).reactors, [calm]);
  },

  'serves several reactors in one call, each with its own limit': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    await a.deliver(r, rig.events(3), { lease: 0 });
    const s = await a.register('s');
    await a.deliver(s, rig.events(1), { lease: 0 });
    const { leased, reactors } = await a.storage.claim({
      reactors: [
        { reactor: s.key, generation: s.generation, limit: 5 },
        { reactor: r.key, generation: r.generation, limit: 2 },
      ],
      suspects: { limit: 0, crashed: false },
      except: [],
    });
    const of = (key: number): number[] =>
      leased.filter(({ lease }) => lease.reactor === key).map(({ lease }) => lease.seq);
    assert.deepEqual(of(s.key), [4]);
    assert.deepEqual(of(r.key), [1, 2]);
    assert.deepEqual(reactors, [calm, { more: true, superseded: false }]);
  },

  'leases only for the reactors that were named': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    await a.deliver(r, rig.events(1), { lease: 0 });
    const s = await a.register('s');
    assert.deepEqual(await a.claim(s), { leased: [], reactors: [calm], instance: 'held' });
    assert.deepEqual(await a.claim([]), { leased: [], reactors: [], instance: 'held' });
  },

  'leases nothing of a paused reactor until it is resumed': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    await a.storage.edit({ edit: 'pause', reactor: 'r' });
    assert.deepEqual(await a.claim(reactor), { leased: [], reactors: [calm], instance: 'held' });
    await a.storage.edit({ edit: 'resume', reactor: 'r' });
    assert.equal((await a.claim(reactor)).leased.length, 1);
  },

  'tells a superseded registration so, and leases nothing to it': async (rig) => {
    const a = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    await a.deliver(old, rig.events(1), { lease: 0 });
    const now = await a.register('r', { types: ['B'] });
    assert.deepEqual(await a.claim(old), {
      leased: [],
      reactors: [{ more: false, superseded: true }],
      instance: 'held',
    });
    assert.equal((await a.claim(now)).leased.length, 1);
  },

  'tells a superseded registration so even when nothing is due': async (rig) => {
    const a = await rig.open();
    const old = await a.register('r', { types: ['A'] });
    await a.register('r', { types: ['B'] });
    assert.deepEqual((await a.claim(old)).reactors, [{ more: false, superseded: true }]);
  },

  'tells so of a removed reactor, and of one that never was': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.storage.edit({ edit: 'remove', reactor: 'r', limit: 10 });
    const gone = { more: false, superseded: true };
    assert.deepEqual(await a.claim([reactor, { ...reactor, key: 999 }]), {
      leased: [],
      reactors: [gone, gone],
      instance: 'held',
    });
  },

  'never leases what this instance still holds in memory': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { refs } = await a.deliver(reactor, rig.events(4), { lease: 0 });
    const except = [at(refs, 0), at(refs, 1)];
    assert.deepEqual(seqs(await a.claim(reactor, { except, limit: 1 })), [3], 'the limit is for the others');
    assert.deepEqual(seqs(await a.claim(reactor, { except })), [4]);
    assert.deepEqual(seqs(await a.claim(reactor)), [1, 2]);
  },

  'leases a delivery to one of two instances': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(20), { lease: 0 });
    const both = await Promise.all([a.claim(reactor, { limit: 15 }), b.claim(reactor, { limit: 15 })]);
    const all = both.flatMap(seqs).sort((x, y) => x - y);
    assert.deepEqual(
      all,
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  }),

  'leases what another instance has appended': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await b.register('r');
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    const { lease } = await b.claimOne(reactor);
    assert.equal(await b.settle(lease, succeeded), 'settled');
  }),

  'leases thousands in the right order, however they became pending': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(500));
    const delay = (index: number): number => (index * 7_919) % 499;
    await a.commit({
      settlements: leases.map((lease, index) => ({
        lease,
        outcome: retry(delay(index)),
        attempt: 1,
        postponed: 0,
        ms: 1,
      })),
    });
    await rig.clock.advance(1_000);
    const expected = leases
      .map(({ seq }, index) => ({ seq, due: delay(index) }))
      .sort((x, y) => x.due - y.due || x.seq - y.seq)
      .map(({ seq }) => seq);
    const claimed: number[] = [];
    for (let i = 0; i < 5; i++) claimed.push(...seqs(await a.claim(reactor, { limit: 100 })));
    assert.deepEqual(claimed, expected);
  },
});
