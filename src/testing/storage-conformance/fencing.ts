/** Cases: only the holder of the lease may say how it ended. */
import assert from 'node:assert/strict';
import { chapter, several } from './chapter.js';
import { dead, release, retry, succeeded } from './expectations.js';
import { at, settlement } from './instance.js';
import { LEASE_MS } from './rig.js';

export const fencingCases = chapter('leases and fencing', {
  'settles once': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
    const row = await a.row(at(leases, 0));
    assert.equal(await a.settle(at(leases, 0), dead()), 'lease_lost');
    assert.deepEqual(await a.row(at(leases, 0)), row);
    assert.deepEqual(await a.attempts(at(leases, 0)), []);
  },

  'settles once within one batch': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    const { settlements } = await a.commit({
      settlements: [settlement(at(leases, 0), dead()), settlement(at(leases, 0), succeeded)],
    });
    assert.deepEqual(settlements, ['settled', 'lease_lost']);
    assert.equal((await a.row(at(leases, 0))).state, 'dead');
  },

  'refuses another token, and changes nothing': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    const lease = at(leases, 0);
    const row = await a.row(lease);
    for (const token of [lease.token + 1, lease.token - 1]) {
      assert.equal(await a.settle({ ...lease, token }, retry(0)), 'lease_lost');
    }
    assert.deepEqual(await a.row(lease), row);
    assert.deepEqual(await a.attempts(lease), []);
  },

  'refuses a delivery that does not exist': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    assert.equal(await a.settle({ ...at(leases, 0), seq: 2 }, succeeded), 'lease_lost');
    assert.equal(await a.settle({ ...at(leases, 0), run: 1 }, succeeded), 'lease_lost');
    assert.equal(await a.settle({ ...at(leases, 0), reactor: 999 }, succeeded), 'lease_lost');
  },

  'refuses a delivery that is not leased': async (rig) => {
    const a = await rig.open();
    const { refs } = await a.deliver(await a.register('r'), rig.events(1), { lease: 0 });
    for (const token of [0, 1]) {
      assert.equal(await a.settle({ ...at(refs, 0), token }, succeeded), 'lease_lost');
    }
    assert.equal((await a.row(at(refs, 0))).state, 'pending');
  },

  'gives every claim of a delivery another token': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    const tokens = [at(leases, 0).token];
    await a.settle(at(leases, 0), release());
    for (let i = 0; i < 4; i++) {
      const { lease } = await a.claimOne(reactor);
      tokens.push(lease.token);
      await a.settle(lease, i % 2 === 0 ? retry(0) : release());
    }
    assert.equal(new Set(tokens).size, 5);
  },

  'gives another token after a redrive too': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), dead());
    await a.storage.edit({ edit: 'redrive', which: { limit: 1 } });
    const { lease } = await a.claimOne(reactor);
    assert.notEqual(lease.token, at(leases, 0).token);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'lease_lost');
    assert.equal(await a.settle(lease, succeeded), 'settled');
  },

  'refuses the token of before a release once it is claimed again': async (rig) => {
    const a = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    await a.settle(at(leases, 0), release());
    const { lease } = await a.claimOne(reactor);
    assert.equal(await a.settle(at(leases, 0), dead()), 'lease_lost');
    assert.equal(await a.settle(lease, succeeded), 'settled');
  },

  'still takes the word of a lease that ran out while nobody took over': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(1));
    await rig.clock.advance(LEASE_MS * 10);
    assert.equal(await a.settle(at(leases, 0), succeeded), 'settled');
  },

  'refuses a stale owner after recovery, and after another has claimed': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    const reactor = await a.register('r');
    const { leases } = await a.deliver(reactor, rig.events(1));
    const stale = at(leases, 0);
    await rig.clock.advance(LEASE_MS + 1);
    await b.storage.recover({ limit: 10 });
    assert.equal(await a.settle(stale, succeeded), 'lease_lost');
    const { lease } = await b.claimOne(reactor, { suspects: 1 });
    assert.equal(await a.settle(stale, succeeded), 'lease_lost');
    assert.equal((await b.row(lease)).state, 'running');
    assert.equal(await b.settle(lease, succeeded), 'settled');
    assert.equal(await a.settle(stale, dead()), 'lease_lost');
    assert.equal((await b.row(lease)).state, 'succeeded');
  }),

  'settles many neighbours at once, each by its own lease': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(12));
    await a.storage.edit({ edit: 'cancel', delivery: at(leases, 4) });
    await a.settle(at(leases, 9), dead());
    const { settlements } = await a.commit({
      settlements: leases.map((lease, i) =>
        settlement(lease, succeeded, { ms: i === 6 ? 9 : 5, attempt: i === 7 ? 2 : 1 }),
      ),
    });
    assert.deepEqual(
      settlements.map((outcome, i) => (outcome === 'lease_lost' ? i : -1)).filter((i) => i >= 0),
      [4, 9],
    );
    const rows = await Promise.all(leases.map((lease) => a.row(lease)));
    const said = rows.map(({ state, ms, attempt }) => `${state} ${ms} ${attempt}`);
    assert.deepEqual(said, [
      ...new Array<string>(4).fill('succeeded 5 1'),
      'cancelled null 0',
      'succeeded 5 1',
      'succeeded 9 1',
      'succeeded 5 2',
      'succeeded 5 1',
      'dead 5 1',
      ...new Array<string>(2).fill('succeeded 5 1'),
    ]);
  },

  'settles neighbours whose leases all hold, and leaves the next alone': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(8));
    const { settlements } = await a.commit({
      settlements: leases.slice(1, 7).map((lease) => settlement(lease, succeeded)),
    });
    assert.deepEqual(settlements, new Array<string>(6).fill('settled'));
    const rows = await Promise.all(leases.map((lease) => a.row(lease)));
    assert.deepEqual(
      rows.map(({ state }) => state),
      ['running', ...new Array<string>(6).fill('succeeded'), 'running'],
    );
  },

  'appends what depends on a settlement only where it held': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(2));
    const lost = { ...at(leases, 1), token: 99 };
    const { settlements, events, head } = await a.commit({
      settlements: [settlement(at(leases, 0), succeeded), settlement(lost, succeeded)],
      events: [rig.event({ onlyIf: 1 }), rig.event({ onlyIf: 0 }), rig.event(), rig.event({ onlyIf: 1 })],
    });
    assert.deepEqual(settlements, ['settled', 'lease_lost']);
    assert.deepEqual(
      events.map((each) => (each.outcome === 'appended' ? each.seq : each.outcome)),
      ['skipped', 3, 4, 'skipped'],
    );
    assert.equal(head, 4);
  },

  'marks the start of what is held, and says where the lease is lost': async (rig) => {
    const a = await rig.open();
    const { leases } = await a.deliver(await a.register('r'), rig.events(3));
    await a.settle(at(leases, 1), succeeded);
    const stale = { ...at(leases, 2), token: 99 };
    assert.deepEqual(await a.storage.markStarted([at(leases, 0), at(leases, 1), stale]), [
      true,
      false,
      false,
    ]);
    assert.deepEqual(await a.storage.markStarted([]), []);
  },
});
