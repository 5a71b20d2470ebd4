/** Cases: every event is linked to the one before it. */
import assert from 'node:assert/strict';
import { GENESIS_HASH, hashEvent, hashPayload } from '../../core/chain.js';
import { chapter, erasing, reopening, several } from './chapter.js';
import type { Instance } from './instance.js';
import { at } from './instance.js';
import { sha256 } from './rig.js';

/** Recomputes the whole chain from what is stored. */
async function verify(instance: Instance, count: number): Promise<void> {
  const { events } = await instance.storage.read.log({ after: 0, limit: 1_000 });
  assert.equal(events.length, count);
  let previous = GENESIS_HASH;
  for (const event of events) {
    if (event.salt !== null && event.payload !== null)
      assert.equal(hashPayload(sha256, event.salt, event.payload), event.payloadHash);
    assert.equal(event.hash, hashEvent(sha256, previous, event, event.seq), `the link of event ${event.seq}`);
    previous = event.hash;
  }
  assert.equal((await instance.storage.read.head()).hash, previous);
}

export const chainCases = chapter('the hash chain', {
  'begins with the genesis hash': async (rig) => {
    const a = await rig.open();
    assert.deepEqual(await a.storage.read.head(), { seq: 0, hash: GENESIS_HASH });
  },

  'can be recomputed from what is stored': async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(3));
    const cause = rig.event({ headers: '{"a":"ß"}', notBefore: 5 });
    await a.append(cause, rig.event({ correlationId: cause.id, causationId: cause.id }));
    await verify(a, 5);
  },

  'is what commit tells of each event': async (rig) => {
    const a = await rig.open();
    const events = rig.events(2);
    const { events: appended } = await a.commit({ events });
    const first = hashEvent(sha256, GENESIS_HASH, at(events, 0), 1);
    assert.deepEqual(appended, [
      { outcome: 'appended', seq: 1, hash: first },
      { outcome: 'appended', seq: 2, hash: hashEvent(sha256, first, at(events, 1), 2) },
    ]);
  },

  'is one chain though several instances write it': several(async (rig) => {
    const a = await rig.open();
    const b = await rig.open();
    for (let i = 0; i < 3; i++) {
      await a.append(...rig.events(2));
      await b.append(rig.event());
    }
    await Promise.all([a.append(rig.event()), b.append(rig.event()), a.append(rig.event())]);
    await verify(a, 12);
    await verify(b, 12);
  }),

  'does not count duplicates, conflicts and skipped events': async (rig) => {
    const a = await rig.open();
    const keys = ['k'];
    const payload = '{"first":true}';
    const lost = { reactor: 1, run: 0, seq: 1, token: 1 };
    await a.commit({
      settlements: [{ lease: lost, outcome: { to: 'succeeded' }, attempt: 1, postponed: 0, ms: 0 }],
      events: [
        rig.event({ keys, payload }),
        rig.event({ keys, payload }),
        rig.event({ keys }),
        rig.event({ onlyIf: 0 }),
        rig.event(),
      ],
    });
    await verify(a, 2);
  },

  'goes on after a close': reopening(async (rig) => {
    const a = await rig.open();
    await a.append(...rig.events(2));
    await a.storage.close();
    await a.storage.open({ instance: '7c0e9f5e-0a8e-4f4f-9d5a-3b8f0e2d1c6b', leaseMs: 1_000, mode: 'run' });
    await a.append(rig.event());
    await verify(a, 3);
  }),

  'still verifies once the content of an event is erased': erasing(async (rig) => {
    const a = await rig.open();
    const events = rig.events(3);
    await a.append(...events);
    await rig.erase(at(events, 1).id);
    const erased = await a.storage.read.event(at(events, 1).id);
    assert.equal(erased?.payload, null);
    assert.equal(erased.salt, null);
    assert.equal(erased.payloadHash, at(events, 1).payloadHash);
    await a.append(rig.event());
    await verify(a, 4);
  }),
});
