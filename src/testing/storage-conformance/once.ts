/** Cases: what effects leave behind for later attempts. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { retry, succeeded } from './expectations.js';
import { at, type Instance } from './instance.js';
import type { OnceRecord } from '../../storage/storage.js';
import { LEASE_MS } from './rig.js';

const save = async (on: Instance, record: OnceRecord): Promise<string | undefined> =>
  (await on.commit({ once: [record] })).once[0];

export const onceCases = chapter('remembered results', {
  'keeps a result for a reactor, an event, a run and a key': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(2));
    const lease = at(leases, 0);
    const place = { reactor: lease.reactor, seq: lease.seq, run: 0, key: 'k' };
    assert.equal(await a.storage.read.once(place), undefined);
    assert.equal(await save(a, { lease, run: 0, key: 'k', result: '{"id":1}' }), 'saved');
    assert.equal(await a.storage.read.once(place), '{"id":1}');
    for (const other of [{ key: 'K' }, { run: 1 }, { seq: 2 }, { reactor: 999 }])
      assert.equal(await a.storage.read.once({ ...place, ...other }), undefined);
    assert.equal((await a.row(lease)).state, 'running', 'the delivery is as it was');
  },

  'keeps the first result': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    const lease = at(leases, 0);
    await save(a, { lease, run: 0, key: 'k', result: '' });
    await save(a, { lease, run: 0, key: 'k', result: '2' });
    assert.equal(await a.storage.read.once({ reactor: lease.reactor, seq: 1, run: 0, key: 'k' }), '');
  },

  'keeps it over the attempts of a delivery': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await save(a, { lease: at(leases, 0), run: 0, key: 'k', result: '1' });
    await a.settle(at(leases, 0), retry(0));
    const { lease } = await a.claimOne(reactor);
    assert.equal(await a.storage.read.once({ ...lease, run: 0, key: 'k' }), '1');
  },

  'takes nothing from one whose lease is over': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(2));
    await a.settle(at(leases, 0), succeeded);
    const stale = { ...at(leases, 1), token: 99 };
    for (const lease of [at(leases, 0), stale]) {
      assert.equal(await save(a, { lease, run: 0, key: 'k', result: '1' }), 'lease_lost');
      assert.equal(await a.storage.read.once({ ...lease, run: 0, key: 'k' }), undefined);
    }
  },

  'takes nothing from a stale owner after another has claimed': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await rig.clock.advance(LEASE_MS + 1);
    await b.storage.recover({ limit: 10 });
    const { lease } = await b.claimOne(reactor, { suspects: 1 });
    assert.equal(await save(a, { lease: at(leases, 0), run: 0, key: 'k', result: '1' }), 'lease_lost');
    assert.equal(await save(b, { lease, run: 0, key: 'k', result: '2' }), 'saved');
    assert.equal(await a.storage.read.once({ ...lease, run: 0, key: 'k' }), '2');
  }),
});
