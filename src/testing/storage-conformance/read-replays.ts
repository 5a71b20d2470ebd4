/** Cases: what is known of replays, and what they would find. */
import assert from 'node:assert/strict';
import { chapter } from './chapter.js';
import { retry, succeeded } from './expectations.js';
import { at } from './instance.js';
import { begin, matching, page } from './replays.js';

export const replayReadCases = chapter('reading replays', {
  'gives a replay back as it was begun': async (rig) => {
    const a = await rig.open();
    const [r, s] = [await a.register('r'), await a.register('s')];
    const scope = { after: 4, until: 9, fromAt: 100, toAt: 200, types: ['T', 'U'], fresh: true };
    const row = await begin(a, [s, r], scope);
    const progress = { removed: false, position: 4, created: 0, skipped: 0, open: 0 };
    assert.deepEqual(row, {
      ...scope,
      run: row.run,
      state: 'running',
      createdAt: rig.clock.now(),
      finishedAt: null,
      reactors: [
        { reactor: r.key, reactorName: 'r', ...progress },
        { reactor: s.key, reactorName: 's', ...progress },
      ],
    });
    assert.deepEqual(await a.storage.read.replay(row.run), row);
    assert.equal(await a.storage.read.replay(99), undefined);
  },

  'lists the newest first, by state, page by page': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    for (let i = 0; i < 4; i++) await begin(a, [r]);
    await a.storage.edit({ edit: 'cancel-replay', run: 2 });
    const runs = async (query: Parameters<typeof a.storage.read.replays>[0]): Promise<number[]> =>
      (await a.storage.read.replays(query)).map(({ run }) => run);
    assert.deepEqual(await runs({ limit: 10 }), [4, 3, 2, 1]);
    assert.deepEqual(await runs({ limit: 2 }), [4, 3]);
    assert.deepEqual(await runs({ limit: 2, before: 3 }), [2, 1]);
    assert.deepEqual(await runs({ limit: 10, state: 'running' }), [4, 3, 1]);
    assert.deepEqual(await runs({ limit: 10, state: 'running', before: 3 }), [1]);
    assert.deepEqual(await runs({ limit: 10, state: 'cancelled' }), [2]);
  },

  'finds the deliveries of an event in every run, or in one': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    const event = rig.event();
    const { leases } = await a.deliver(r, [event]);
    await a.settle(at(leases, 0), succeeded);
    const { run } = await begin(a, [r], { until: 1 });
    await page(a, run, r, { to: 1, matches: matching(1) });
    const runs = async (query: { run?: number; eventId?: string }): Promise<number[]> =>
      (await a.storage.read.deliveries({ ...query, limit: 10 })).items.map((each) => each.run);
    assert.deepEqual(await runs({ eventId: event.id }), [0, run]);
    assert.deepEqual(await runs({ eventId: event.id, run: 0 }), [0]);
    assert.deepEqual(await runs({ eventId: event.id, run }), [run]);
    assert.deepEqual(await runs({ run }), [run]);
    assert.deepEqual(await runs({ run: 99 }), []);
  },

  'tells what a reactor has to do with events already': async (rig) => {
    const a = await rig.open();
    const r = await a.register('r');
    const events = rig.events(4);
    const { leases } = await a.deliver(r, events);
    for (const lease of leases.slice(0, 3))
      await a.commit({ once: [{ lease, run: 0, key: 'k', result: '1' }] });
    const child = (parent: number, key: string, type = 'C'): ReturnType<typeof rig.event> => {
      const id = events[parent]?.id ?? '';
      return rig.event({ type, causationId: id, keys: [key.replace('ID', id)] });
    };
    await a.append(
      child(0, 'child:r:ID:C:0'),
      child(0, 'child:r:ID:C:1'),
      child(1, 'child:r:ID:D:0', 'D'),
      child(1, 'child:r2:ID:C:0'),
      child(1, 'fresh:1:r:ID:C:0'),
      child(1, 'k:own'),
      child(2, 'child:r:ID:C:0'),
    );
    await a.settle(at(leases, 0), succeeded);
    await a.settle(at(leases, 1), succeeded);
    await a.settle(at(leases, 2), retry(1_000));
    const places = events.map(({ id }, i) => ({ seq: i + 1, id }));
    const query = { reactor: r.key, events: places.slice(0, 3), childKey: 'child:r:' };
    assert.deepEqual(await a.storage.read.footprint(query), {
      inProgress: [3],
      children: [
        { type: 'C', count: 2 },
        { type: 'D', count: 1 },
      ],
      once: 2,
    });
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 1 });
    assert.deepEqual((await a.storage.read.footprint(query)).inProgress, [2, 3]);
    await a.storage.edit({ edit: 'seek', reactor: 'r', to: 4 });
    const { run } = await begin(a, [r], { until: 1 });
    await page(a, run, r, { to: 1, matches: matching(1) });
    assert.deepEqual(await a.storage.read.footprint(query), {
      inProgress: [1, 3],
      children: [{ type: 'D', count: 1 }],
      once: 1,
    });
    assert.deepEqual(await a.storage.read.footprint({ ...query, events: [] }), {
      inProgress: [],
      children: [],
      once: 0,
    });
  },
});
