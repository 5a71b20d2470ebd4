/** Cases: when to wake up. */
import assert from 'node:assert/strict';
import { chapter } from './chapter.js';
import { release, retry, succeeded } from './expectations.js';
import { at } from './instance.js';
import { LEASE_MS } from './rig.js';

export const nextDueCases = chapter('the next due instant', {
  'is none when nothing is pending': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    assert.equal(await a.storage.nextDueInMs([reactor.key]), undefined);
    const { leases } = await a.deliver(reactor, rig.events(2));
    await a.settle(at(leases, 0), succeeded);
    assert.equal(await a.storage.nextDueInMs([reactor.key]), undefined);
    assert.equal(await a.storage.nextDueInMs([]), undefined);
  },

  'is that of the earliest delivery': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(3));
    await a.settle(at(leases, 0), retry(9_000));
    await a.settle(at(leases, 1), retry(4_000));
    await a.settle(at(leases, 2), retry(6_000));
    assert.equal(await a.storage.nextDueInMs([reactor.key]), 4_000);
    await rig.clock.advance(1_500);
    assert.equal(await a.storage.nextDueInMs([reactor.key]), 2_500);
  },

  'is 0 or less when something is due now': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    assert.ok(((await a.storage.nextDueInMs([reactor.key])) ?? 1) <= 0);
    await rig.clock.advance(100);
    assert.ok(((await a.storage.nextDueInMs([reactor.key])) ?? 1) <= 0);
  },

  'looks only at the reactors that were named, and at all of them': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    const one = await a.deliver(r, rig.events(1));
    const s = await a.register('s');
    const two = await a.deliver(s, rig.events(1));
    await a.settle(at(one.leases, 0), retry(1_000));
    await a.settle(at(two.leases, 0), retry(2_000));
    assert.equal(await a.storage.nextDueInMs([s.key]), 2_000);
    assert.equal(await a.storage.nextDueInMs([s.key, r.key]), 1_000);
  },

  'leaves paused reactors out': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1), { lease: 0 });
    await a.storage.edit({ edit: 'pause', reactor: 'r' });
    assert.equal(await a.storage.nextDueInMs([reactor.key]), undefined);
    await a.storage.edit({ edit: 'resume', reactor: 'r' });
    assert.equal(await a.storage.nextDueInMs([reactor.key]), 0);
  },

  'leaves suspects out': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    await a.deliver(reactor, rig.events(1));
    await a.storage.open({
      instance: 'c2f4f7d8-6f0e-4c5f-8f2b-2f6f0c8e9d10',
      leaseMs: LEASE_MS,
      mode: 'run',
    });
    assert.equal((await a.storage.recover({ limit: 10 })).recovered.length, 1);
    assert.equal(await a.storage.nextDueInMs([reactor.key]), undefined);
  },

  'leaves out what an earlier delivery of its key holds up': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r', { ordered: true });
    const { leases } = await a.deliver(reactor, rig.events(2), { match: () => ({ orderKey: 'k' }) });
    assert.equal(await a.storage.nextDueInMs([reactor.key]), undefined, 'the first is running');
    await a.settle(at(leases, 0), retry(3_000));
    assert.equal(await a.storage.nextDueInMs([reactor.key]), 3_000, 'the first waits for its retry');
  },

  'is that of the last one left when the earlier ones are gone': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(3));
    await a.settle(at(leases, 0), release());
    await a.settle(at(leases, 1), release());
    await a.settle(at(leases, 2), retry(700));
    const { leased } = await a.claim(reactor, { limit: 1 });
    await a.settle(at(leased, 0).lease, succeeded);
    await a.storage.edit({ edit: 'cancel', delivery: at(leases, 1) });
    assert.equal(await a.storage.nextDueInMs([reactor.key]), 700);
  },
});
