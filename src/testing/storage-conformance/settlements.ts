/** Cases: how attempts end. */
import assert from 'node:assert/strict';
import { chapter } from './chapter.js';
import { boom, dead, like, release, retry, succeeded } from './expectations.js';
import { at, settlement } from './instance.js';

const late = { code: 'LATE', message: 'too late' };

export const settlementCases = chapter('settling', {
  'finishes what succeeded, and records no attempt for it': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(50);
    assert.equal(await a.settle(at(leases, 0), succeeded, { ms: 42 }), 'settled');
    like(await a.row(at(leases, 0)), {
      state: 'succeeded',
      reason: null,
      attempt: 1,
      postponed: 0,
      dueAt: null,
      finishedAt: rig.clock.now(),
      ms: 42,
      error: null,
    });
    assert.deepEqual(await a.attempts(at(leases, 0)), []);
  },

  'puts a retry back, due after its delay, with its error and its attempt': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.settle(at(leases, 0), retry(2_000), { attempt: 1, ms: 7 });
    const now = rig.clock.now();
    like(await a.row(at(leases, 0)), {
      state: 'pending',
      attempt: 1,
      dueAt: now + 2_000,
      finishedAt: null,
      ms: 7,
      error: boom,
      suspect: false,
      crashes: 0,
    });
    assert.deepEqual(await a.attempts(at(leases, 0)), [
      { index: 1, attempt: 1, outcome: 'retry', at: now, ms: 7, error: boom },
    ]);
  },

  'records a postponement as such': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    const outcome = { to: 'pending', delayMs: 500, counted: false, error: late } as const;
    await a.settle(at(leases, 0), outcome, { attempt: 0, postponed: 1, ms: 3 });
    const now = rig.clock.now();
    like(await a.row(at(leases, 0)), {
      state: 'pending',
      attempt: 0,
      postponed: 1,
      dueAt: now + 500,
      error: late,
    });
    assert.deepEqual(await a.attempts(at(leases, 0)), [
      { index: 1, attempt: 0, outcome: 'postponed', at: now, ms: 3, error: late },
    ]);
  },

  'puts a released one back without an attempt and without an error': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.settle(at(leases, 0), release(), { attempt: 0 });
    like(await a.row(at(leases, 0)), {
      state: 'pending',
      attempt: 0,
      postponed: 0,
      dueAt: rig.clock.now(),
      error: null,
    });
    assert.deepEqual(await a.attempts(at(leases, 0)), []);
  },

  'keeps the error of an earlier attempt over a release': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), retry(0));
    const { lease } = await a.claimOne(reactor);
    await a.settle(lease, release(), { attempt: 1 });
    like(await a.row(lease), { state: 'pending', attempt: 1, error: boom });
  },

  'ends a dead one with reason, error and attempt': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.settle(
      at(leases, 0),
      { to: 'dead', reason: 'not_retryable', error: boom },
      { attempt: 1, ms: 9 },
    );
    const now = rig.clock.now();
    like(await a.row(at(leases, 0)), {
      state: 'dead',
      reason: 'not_retryable',
      attempt: 1,
      dueAt: null,
      finishedAt: now,
      ms: 9,
      error: boom,
    });
    assert.deepEqual(await a.attempts(at(leases, 0)), [
      { index: 1, attempt: 1, outcome: 'dead', at: now, ms: 9, error: boom },
    ]);
  },

  'ends a cancelled one with its reason and no attempt': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await a.settle(at(leases, 0), { to: 'cancelled', reason: 'too_old' }, { attempt: 0 });
    like(await a.row(at(leases, 0)), {
      state: 'cancelled',
      reason: 'too_old',
      attempt: 0,
      dueAt: null,
      finishedAt: rig.clock.now(),
    });
    assert.deepEqual(await a.attempts(at(leases, 0)), []);
  },

  'numbers the attempts in the order they were recorded, and keeps the last error when one succeeds': async (
    rig,
  ) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), retry(0), { attempt: 1 });
    const second = await a.claimOne(reactor);
    assert.equal(second.attempt, 1);
    const postponement = { to: 'pending', delayMs: 0, counted: false, error: late } as const;
    await a.settle(second.lease, postponement, { attempt: 1, postponed: 1 });
    const third = await a.claimOne(reactor);
    assert.deepEqual([third.attempt, third.postponed], [1, 1]);
    await a.settle(third.lease, retry(0, late), { attempt: 2, postponed: 1 });
    const fourth = await a.claimOne(reactor);
    await a.settle(fourth.lease, succeeded, { attempt: 3, postponed: 1 });
    like(await a.row(fourth.lease), {
      state: 'succeeded',
      attempt: 3,
      postponed: 1,
      reason: null,
      error: late,
    });
    assert.deepEqual(
      (await a.attempts(fourth.lease)).map(({ index, attempt, outcome }) => [index, attempt, outcome]),
      [
        [1, 1, 'retry'],
        [2, 1, 'postponed'],
        [3, 2, 'retry'],
      ],
    );
  },

  'settles many in one batch, each in its own way': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(4));
    const { settlements } = await a.commit({
      settlements: [
        settlement(at(leases, 0), succeeded),
        settlement(at(leases, 1), retry(10)),
        settlement(at(leases, 2), dead()),
      ],
    });
    assert.deepEqual(settlements, ['settled', 'settled', 'settled']);
    const states = await Promise.all(leases.map(async (lease) => (await a.row(lease)).state));
    assert.deepEqual(states, ['succeeded', 'pending', 'dead', 'running']);
  },

  'settles before it appends and fans out': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r', { ordered: true });
    const match = (): { orderKey: string } => ({ orderKey: 'k' });
    const { leases } = await a.deliver(reactor, rig.events(1), { match });
    const { settlements, events, fanOuts } = await a.commit({
      settlements: [settlement(at(leases, 0), succeeded)],
      events: [rig.event({ onlyIf: 0 })],
      fanOuts: [
        {
          reactor: reactor.key,
          generation: reactor.generation,
          over: 'this-batch',
          matches: [{ event: 0, orderKey: 'k' }],
          lease: 1,
        },
      ],
    });
    assert.deepEqual(settlements, ['settled']);
    assert.equal(events[0]?.outcome, 'appended');
    assert.ok(fanOuts[0]?.outcome === 'done');
    assert.equal(fanOuts[0].leased.length, 1, 'the key is free: its delivery was settled first');
  },

  'keeps messages and codes of errors as they are': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    const error = { code: 'E "quoted"', message: `línea 1\nline 2 ✓ ${'x'.repeat(1_900)}` };
    await a.settle(at(leases, 0), dead(error));
    assert.deepEqual((await a.row(at(leases, 0))).error, error);
    assert.deepEqual((await a.attempts(at(leases, 0)))[0]?.error, error);
  },
});
