/** Cases: what operators do to deliveries. */
import assert from 'node:assert/strict';
import type { DeliveryRef, ReactorRow } from '../../storage/storage.js';
import { chapter } from './chapter.js';
import { boom, dead, like, retry, succeeded } from './expectations.js';
import { at, type Instance } from './instance.js';
import type { Rig } from './rig.js';

const other = { code: 'OTHER', message: 'something else' };

/** A reactor with dead deliveries: types A and B in turn, the first half with BOOM. */
async function withDead(
  rig: Rig,
  instance: Instance,
  name: string,
  count: number,
): Promise<{ reactor: ReactorRow; refs: readonly DeliveryRef[] }> {
  const reactor = await instance.register(name);
  const events = Array.from({ length: count }, (_, index) =>
    rig.event({ type: index % 2 === 0 ? 'A' : 'B' }),
  );
  const { leases, refs } = await instance.deliver(reactor, events);
  for (const [index, lease] of leases.entries())
    await instance.settle(lease, dead(index < count / 2 ? boom : other), { attempt: 8, postponed: 2 });
  return { reactor, refs };
}

export const deliveryEditCases = chapter('steering deliveries', {
  'redrives the dead: pending, due now, with all attempts before them': async (rig) => {
    const a = await rig.open();
    const { reactor, refs } = await withDead(rig, a, 'r', 1);
    await rig.clock.advance(5_000);
    assert.deepEqual(await a.storage.edit({ edit: 'redrive', which: { limit: 10 } }), { changed: 1 });
    like(await a.row(at(refs, 0)), {
      state: 'pending',
      reason: null,
      attempt: 0,
      postponed: 0,
      crashes: 0,
      suspect: false,
      dueAt: rig.clock.now(),
      finishedAt: null,
    });
    assert.equal((await a.attempts(at(refs, 0))).length, 1, 'what was recorded stays');
    const leased = await a.claimOne(reactor);
    assert.deepEqual([leased.attempt, leased.postponed, leased.suspect], [0, 0, false]);
    await a.settle(leased.lease, dead(), { attempt: 1 });
    assert.deepEqual(
      (await a.attempts(at(refs, 0))).map(({ index, attempt }) => [index, attempt]),
      [
        [1, 8],
        [2, 1],
      ],
    );
  },

  'redrives only the dead': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(4));
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), retry(1_000));
    await a.settle(at(leases, 2), { to: 'cancelled', reason: 'too_old' });
    assert.deepEqual(await a.storage.edit({ edit: 'redrive', which: { limit: 10 } }), { changed: 0 });
    assert.deepEqual(await a.storage.edit({ edit: 'redrive', which: { refs: leases, limit: 10 } }), {
      changed: 0,
    });
    const states = await Promise.all(leases.map(async (lease) => (await a.row(lease)).state));
    assert.deepEqual(states, ['succeeded', 'pending', 'cancelled', 'running']);
  },

  'redrives those that are named': async (rig) => {
    const a = await rig.open();
    const { refs } = await withDead(rig, a, 'r', 3);
    const which = { refs: [at(refs, 0), at(refs, 2), { ...at(refs, 0), seq: 99 }], limit: 10 };
    assert.deepEqual(await a.storage.edit({ edit: 'redrive', which }), { changed: 2 });
    assert.equal((await a.row(at(refs, 1))).state, 'dead');
  },

  'redrives those of a reactor, of a type, with an error, or all that hold at once': async (rig) => {
    const a = await rig.open();
    await withDead(rig, a, 'r', 4);
    await withDead(rig, a, 's', 4);
    const redriven = async (which: object): Promise<string[]> => {
      await a.storage.edit({ edit: 'redrive', which: { ...which, limit: 100 } });
      const { items } = await a.storage.read.deliveries({ states: ['pending'], limit: 100 });
      return items.map(({ reactorName, seq }) => `${reactorName}${seq}`);
    };
    assert.deepEqual(await redriven({ reactor: 'r', eventType: 'A', errorCode: 'BOOM' }), ['r1']);
    assert.deepEqual(await redriven({ reactor: 'r', eventType: 'B' }), ['r1', 'r2', 'r4']);
    assert.deepEqual(await redriven({ errorCode: 'OTHER' }), ['r1', 'r2', 'r3', 'r4', 's7', 's8']);
    assert.deepEqual(await redriven({ reactor: 'nobody' }), ['r1', 'r2', 'r3', 'r4', 's7', 's8']);
    assert.equal((await redriven({ eventType: 'A' })).length, 7);
    assert.equal((await redriven({})).length, 8);
  },

  'applies further conditions to those that are named': async (rig) => {
    const a = await rig.open();
    const { refs } = await withDead(rig, a, 'r', 4);
    const which = { refs, eventType: 'A', limit: 10 };
    assert.deepEqual(await a.storage.edit({ edit: 'redrive', which }), { changed: 2 });
  },

  'redrives up to its limit': async (rig) => {
    const a = await rig.open();
    await withDead(rig, a, 'r', 5);
    const redrive = { edit: 'redrive', which: { limit: 2 } } as const;
    assert.deepEqual(await a.storage.edit(redrive), { changed: 2 });
    assert.deepEqual(await a.storage.edit(redrive), { changed: 2 });
    assert.deepEqual(await a.storage.edit(redrive), { changed: 1 });
    assert.deepEqual(await a.storage.edit(redrive), { changed: 0 });
  },

  'discards the dead: cancelled, with that reason': async (rig) => {
    const a = await rig.open();
    const { refs } = await withDead(rig, a, 'r', 2);
    await rig.clock.advance(10);
    const which = { errorCode: 'OTHER', limit: 10 };
    assert.deepEqual(await a.storage.edit({ edit: 'discard', which }), { changed: 1 });
    like(await a.row(at(refs, 1)), {
      state: 'cancelled',
      reason: 'discarded',
      finishedAt: rig.clock.now(),
      error: other,
      attempt: 8,
    });
    assert.equal((await a.row(at(refs, 0))).state, 'dead');
  },

  'discards only the dead': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(2));
    await a.settle(at(leases, 0), succeeded);
    assert.deepEqual(await a.storage.edit({ edit: 'discard', which: { refs: leases, limit: 10 } }), {
      changed: 0,
    });
  },

  'retries what is final, due now and as if it were new': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(3));
    await a.settle(at(leases, 0), succeeded, { attempt: 4 });
    await a.settle(at(leases, 1), dead(), { attempt: 4 });
    await a.settle(at(leases, 2), { to: 'cancelled', reason: 'too_old' });
    await rig.clock.advance(100);
    for (const delivery of leases) {
      assert.deepEqual(await a.storage.edit({ edit: 'retry', delivery }), { changed: 1 });
      like(await a.row(delivery), {
        state: 'pending',
        reason: null,
        attempt: 0,
        dueAt: rig.clock.now(),
        finishedAt: null,
      });
    }
    assert.equal((await a.claim(reactor)).leased.length, 3);
  },

  'retries what waits at once': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), retry(60_000));
    assert.deepEqual(await a.storage.edit({ edit: 'retry', delivery: at(leases, 0) }), { changed: 1 });
    assert.equal(await a.storage.nextDueInMs([reactor.key]), 0);
    await a.claimOne(reactor);
    assert.deepEqual((await a.claim(reactor)).leased, [], 'it is there once');
  },

  'does not retry what is running or unknown': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    assert.deepEqual(await a.storage.edit({ edit: 'retry', delivery: at(leases, 0) }), { changed: 0 });
    const unknown = { ...at(leases, 0), seq: 99 };
    assert.deepEqual(await a.storage.edit({ edit: 'retry', delivery: unknown }), { changed: 0 });
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  },

  'cancels what waits': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { refs } = await a.deliver(reactor, rig.events(1), { lease: 0 });
    assert.deepEqual(await a.storage.edit({ edit: 'cancel', delivery: at(refs, 0) }), { changed: 1 });
    like(await a.row(at(refs, 0)), {
      state: 'cancelled',
      reason: 'cancelled',
      dueAt: null,
      finishedAt: rig.clock.now(),
    });
    assert.deepEqual((await a.claim(reactor)).leased, []);
    assert.equal(await a.storage.nextDueInMs([reactor.key]), undefined);
  },

  'cancels what is running: its lease is lost': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    assert.deepEqual(await a.storage.edit({ edit: 'cancel', delivery: at(leases, 0) }), { changed: 1 });
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
    assert.equal((await a.row(at(leases, 0))).state, 'cancelled');
  },

  'does not cancel what is final or unknown': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(2));
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), dead());
    for (const delivery of [...leases, { ...at(leases, 0), run: 5 }])
      assert.deepEqual(await a.storage.edit({ edit: 'cancel', delivery }), { changed: 0 });
    assert.equal((await a.row(at(leases, 0))).state, 'succeeded');
  },

  'gives a cancelled and retried delivery another token than the one it was running under': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.storage.edit({ edit: 'cancel', delivery: at(leases, 0) });
    await a.storage.edit({ edit: 'retry', delivery: at(leases, 0) });
    const { lease } = await a.claimOne(reactor);
    assert.notEqual(lease.token, at(leases, 0).token);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
  },
});
