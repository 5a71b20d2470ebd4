/** Cases: opening, renewing, closing. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chapter, reopening, several } from './chapter.js';
import { fails, inTime, release, succeeded } from './expectations.js';
import { at } from './instance.js';
import { LEASE_MS } from './rig.js';

const asNew = (): { instance: string; leaseMs: number; mode: 'run' } => ({
  instance: randomUUID(),
  leaseMs: LEASE_MS,
  mode: 'run',
});

export const lifecycleCases = chapter('opening and closing', {
  'opens empty data at head 0 with an id of its own': async (rig) => {
    const opened = await rig.storage().open(asNew());
    assert.equal(opened.head, 0);
    assert.ok(opened.logId.length > 0);
  },

  'opens the same log for every instance': several(async (rig) => {
    const first = rig.storage();
    const { logId } = await first.open(asNew());
    const a = await rig.open();
    await a.append(rig.event());
    assert.deepEqual(await rig.storage().open(asNew()), { logId, head: 1 });
  }),

  'keeps log, reactors and deliveries over a close': reopening(async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { refs } = await a.deliver(reactor, rig.events(2), { lease: 0 });
    const events = await a.storage.read.events({ limit: 10 });
    await a.storage.close();
    assert.equal((await a.storage.open(asNew())).head, 2);
    assert.deepEqual(await a.storage.read.events({ limit: 10 }), events);
    assert.equal((await a.reactor('r')).position, 2);
    assert.equal((await a.row(at(refs, 1))).state, 'pending');
  }),

  'closes twice without complaint': async (rig) => {
    const a = await rig.open();
    await a.storage.close();
    await a.storage.close();
  },

  'closes without having been opened': async (rig) => {
    await rig.storage().close();
  },

  'refuses work after close with NEXUS_CLOSED': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.storage.close();
    await fails('NEXUS_CLOSED', () => a.commit({ events: [rig.event()] }));
    await fails('NEXUS_CLOSED', () => a.claim(reactor));
    await fails('NEXUS_CLOSED', () => a.storage.renew());
    await fails('NEXUS_CLOSED', () => a.storage.read.head());
  },

  'refuses work before open with NEXUS_CLOSED': async (rig) => {
    const storage = rig.storage();
    await fails('NEXUS_CLOSED', () =>
      storage.commit({ settlements: [], events: [rig.event()], fanOuts: [] }),
    );
  },

  'lets the next to open recover what was still leased at close': reopening(async (rig) => {
    const a = await rig.open();
    const { refs, leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.storage.close();
    await a.storage.open(asNew());
    const { recovered } = await a.storage.recover({ limit: 10 });
    assert.deepEqual(recovered, [{ delivery: at(refs, 0), state: 'pending' }]);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
  }),

  'leaves nothing to recover when everything was settled before close': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    assert.equal(await a.settle(at(leases, 0), release()), 'settled');
    await a.storage.close();
    assert.deepEqual(await b.storage.recover({ limit: 10 }), { recovered: [], more: false });
  }),

  'opened again while open, takes a new identity and leaves the old one its deliveries until recovered':
    async (rig) => {
      const a = await rig.open();
      const { refs, leases } = await a.deliver(await a.register('r'), rig.events(2));
      await a.storage.open(asNew());
      assert.equal((await a.row(at(refs, 0))).state, 'running');
      assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
      const { recovered } = await a.storage.recover({ limit: 10 });
      assert.deepEqual(recovered, [{ delivery: at(refs, 1), state: 'pending' }]);
      assert.equal(await a.settle(at(leases, 1), succeeded), 'lease_lost');
      assert.equal(await a.storage.renew(), 'held');
    },

  'in read mode sees the log, writes nothing and holds nothing': several(async (rig) => {
    const a = await rig.open();
    await a.append(rig.event());
    const reader = await rig.open({ mode: 'read' });
    assert.equal((await reader.storage.read.head()).seq, 1);
    await assert.rejects(() => reader.commit({ events: [rig.event()] }));
    assert.equal((await a.storage.read.head()).seq, 1);
    await a.append(rig.event());
    assert.equal((await reader.storage.read.head()).seq, 2);
  }),

  'renews a lease that nobody has taken over, even one that ran out': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(LEASE_MS + 1);
    assert.equal(await a.storage.renew(), 'held');
    assert.deepEqual((await b.storage.recover({ limit: 10 })).recovered, []);
  }),

  'renewed in time, keeps its deliveries for as long as it likes': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    for (let i = 0; i < 5; i++) {
      await rig.clock.advance(LEASE_MS - 1);
      assert.equal(await a.storage.renew(), 'held');
      assert.deepEqual((await b.storage.recover({ limit: 10 })).recovered, []);
    }
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  }),

  'leases nothing to an instance that is lost, and says so': several(async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1));
    await rig.clock.advance(LEASE_MS + 1);
    const b = await rig.open();
    await b.storage.recover({ limit: 10 });
    const { fanOuts, instance, events } = await a.commit({
      events: rig.events(1),
      fanOuts: [
        { reactor: reactor.key, generation: 1, over: 'this-batch', matches: [{ event: 0 }], lease: 1 },
      ],
    });
    assert.equal(events[0]?.outcome, 'appended');
    assert.deepEqual([fanOuts, instance], [[{ outcome: 'done', leased: [], pending: 1 }], 'lost']);
    const claimed = await a.claim(reactor);
    assert.deepEqual([claimed.leased, claimed.instance], [[], 'lost']);
    assert.equal((await b.claim(reactor)).leased.length, 1);
  }),

  'says lost once another instance took over what it held, until it opens again': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(LEASE_MS + 1);
    assert.equal((await b.storage.recover({ limit: 10 })).recovered.length, 1);
    assert.equal(await a.storage.renew(), 'lost');
    assert.equal(await a.storage.renew(), 'lost');
    await a.storage.open(asNew());
    assert.equal(await a.storage.renew(), 'held');
  }),

  'takes calls at the same time, each whole': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(4), { lease: 0 });
    const [one, claimed, held, two, , , recovered, other] = await Promise.all([
      a.append(...rig.events(2)),
      a.claim(reactor, { limit: 2 }),
      a.storage.renew(),
      a.append(...rig.events(2)),
      a.register('s'),
      a.storage.edit({ edit: 'pause', reactor: 's' }),
      a.storage.recover({ limit: 10 }),
      a.claim(reactor, { limit: 2 }),
    ]);
    assert.deepEqual([...one, ...two].sort(), [5, 6, 7, 8]);
    assert.equal(held, 'held');
    assert.deepEqual(recovered, { recovered: [], more: false });
    const seqs = [claimed, other].flatMap(({ leased }) => leased.map(({ lease }) => lease.seq));
    assert.deepEqual(seqs.sort(), [1, 2, 3, 4]);
  },

  'hints when another instance has committed': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const hinted = new Promise<void>((resolve) => void b.storage.onChange(resolve));
    await a.append(rig.event());
    await inTime(hinted, 'a hint');
  }),

  'hints no more once its end was called': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const c = await rig.open();
    let hints = 0;
    const end = b.storage.onChange(() => {
      hints += 1;
    });
    end();
    const hinted = new Promise<void>((resolve) => void c.storage.onChange(resolve));
    await a.append(rig.event());
    await inTime(hinted, 'a hint');
    assert.equal(hints, 0);
  }),
});
