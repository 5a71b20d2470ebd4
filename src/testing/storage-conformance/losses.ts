/** Cases: acknowledged events that are gone when the log is opened again. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { hashEvent } from '../../core/chain.js';
import type { Opened, OpenOptions } from '../../storage/storage.js';
import { chapter, losing, reopening } from './chapter.js';
import { fails } from './expectations.js';
import { at, createInstance, type Instance } from './instance.js';
import { LEASE_MS, sha256, type Rig } from './rig.js';

const asNew = (rig: Rig): OpenOptions => ({
  instance: randomUUID(),
  leaseMs: LEASE_MS,
  mode: 'run',
  gap: ({ from, to }) => rig.event({ type: 'nexus.log.gap', payload: JSON.stringify({ from, to }) }),
});

/** A log of so many events, the last of which are lost; opened again. */
async function withLoss(
  rig: Rig,
  { events, lost }: { events: number; lost: number },
): Promise<Opened & { a: Instance }> {
  const first = await rig.open();
  await first.append(...rig.events(events));
  await first.storage.close();
  await rig.lose(lost);
  const a = createInstance(rig.storage());
  return { ...(await a.storage.open(asNew(rig))), a };
}

export const lossCases = chapter('acknowledged events that are lost', {
  'are told with their number and their places, and the last of them by how its hash begins': losing(
    async (rig) => {
      const first = await rig.open();
      await first.append(...rig.events(5));
      const { hash } = await first.storage.read.head();
      await first.storage.close();
      await rig.lose(2);
      const { lost, head } = await rig.storage().open(asNew(rig));
      assert.equal(head, 6);
      assert.ok(lost && lost.hash.length >= 16 && hash.startsWith(lost.hash));
      assert.deepEqual([lost.events, lost.from, lost.to], [2, 4, 5]);
    },
  ),

  'are told once': losing(async (rig) => {
    const { a } = await withLoss(rig, { events: 3, lost: 1 });
    await a.storage.close();
    assert.equal((await a.storage.open(asNew(rig))).lost, undefined);
    assert.equal((await a.storage.read.events({ types: ['nexus.log.gap'], limit: 10 })).items.length, 1);
  }),

  'may be all there were': losing(async (rig) => {
    const { lost, head } = await withLoss(rig, { events: 3, lost: 3 });
    assert.deepEqual([lost?.events, lost?.from, lost?.to, head], [3, 1, 3, 4]);
  }),

  'may be lost again': losing(async (rig) => {
    const { a } = await withLoss(rig, { events: 3, lost: 1 });
    await a.append(...rig.events(2));
    await a.storage.close();
    await rig.lose(1);
    const { lost, head } = await a.storage.open(asNew(rig));
    assert.deepEqual([lost?.events, lost?.from, lost?.to, head], [1, 6, 6, 7]);
  }),

  'leave their numbers unused, and the chain goes on from what is left': losing(async (rig) => {
    const { a } = await withLoss(rig, { events: 4, lost: 2 });
    assert.deepEqual(await a.append(rig.event()), [6]);
    const { items } = await a.storage.read.events({ after: 0, limit: 10 });
    assert.deepEqual(
      items.map(({ seq }) => seq),
      [1, 2, 5, 6],
    );
    const [, last, gap, next] = items;
    assert.ok(last && gap && next);
    assert.equal(hashEvent(sha256, last.hash, gap, 5), gap.hash);
    assert.equal(hashEvent(sha256, gap.hash, next, 6), next.hash);
  }),

  'are stepped over by whoever reads on, from before them or from among them': losing(async (rig) => {
    const { a } = await withLoss(rig, { events: 6, lost: 3 });
    await a.append(rig.event());
    for (const after of [3, 4, 5, 6]) {
      const { events, to, head } = await a.storage.read.log({ after, limit: 10 });
      assert.deepEqual([events.map(({ seq }) => seq), to, head], [[7, 8], 8, 8]);
      const page = await a.storage.read.events({ after, limit: 10 });
      assert.deepEqual(
        page.items.map(({ seq }) => seq),
        [7, 8],
      );
    }
  }),

  'hold up no reactor': losing(async (rig) => {
    const first = await rig.open();
    await first.register('r');
    await first.append(...rig.events(2));
    await first.storage.close();
    await rig.lose(2);
    const a = createInstance(rig.storage());
    await a.storage.open(asNew(rig));
    const [seq = 0] = await a.append(rig.event());
    const reactor = await a.register('r');
    assert.deepEqual([reactor.position, seq], [0, 4]);
    const { fanOuts } = await a.commit({
      fanOuts: [
        { reactor: reactor.key, generation: 1, over: { after: 0, to: 4 }, matches: [{ event: 4 }], lease: 0 },
      ],
    });
    assert.deepEqual(fanOuts, [{ outcome: 'done', leased: [], pending: 1 }]);
    const { leased } = await a.claim(reactor);
    assert.equal(at(leased, 0).event.seq, 4);
    assert.equal((await a.row(at(leased, 0).lease)).eventType, 'T');
  }),

  'may be where a position is, but nothing may be above the head': losing(async (rig) => {
    const { a, head } = await withLoss(rig, { events: 4, lost: 2 });
    const { position } = await a.storage.register({ name: 'r', types: ['T'], ordered: false, from: 3 });
    assert.equal(position, 3);
    await fails('NEXUS_POSITION_AHEAD', () =>
      a.storage.register({ name: 's', types: ['T'], ordered: false, from: head + 1 }),
    );
  }),

  'keep the log from being opened to run without an event that records them': losing(async (rig) => {
    const first = await rig.open();
    await first.append(...rig.events(2));
    await first.storage.close();
    await rig.lose(1);
    const storage = rig.storage();
    const { instance, leaseMs, mode } = asNew(rig);
    await fails('NEXUS_STORAGE_CORRUPT', () => storage.open({ instance, leaseMs, mode }));
    assert.equal((await storage.open(asNew(rig))).lost?.events, 1);
  }),

  'are not made up: a log that was closed in order lacks nothing': reopening(async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    await a.storage.close();
    const opened = await a.storage.open(asNew(rig));
    assert.deepEqual([opened.head, opened.lost], [3, undefined]);
  }),
});
