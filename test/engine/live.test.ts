/** The readers' loop: what a sink is handed, from memory and from the log, and what it is not. */
import { describe, expect, it } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import {
  ingress,
  type Follower,
  type Live,
  type LiveEvent,
  type Nexus,
  type NexusWithIngress,
} from '../../src/nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { createBus } from '../support/bus.js';
import { turns } from '../support/test-clock.js';

const liveOf = (nexus: Nexus): Live => (nexus as unknown as NexusWithIngress)[ingress].live;

/** A sink with room for so many events, until it is given more. */
function follow(nexus: Nexus, options: { room: number; wants?: (type: string) => boolean }) {
  const taken: LiveEvent[] = [];
  let { room } = options;
  const follower: Follower = liveOf(nexus).follow(
    {
      wants: options.wants ?? (() => true),
      room: () => room > 0,
      take: (events) => {
        taken.push(...events);
        room -= events.length;
      },
      failed: (error) => {
        throw error;
      },
    },
    0,
  );
  return {
    taken,
    follower,
    more: async (count: number) => {
      room = Math.max(0, room) + count;
      follower.pump();
      await turns();
    },
  };
}
const seqs = (events: readonly LiveEvent[]): number[] => events.map(({ seq }) => seq);
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const tick = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ type: n % 10 === 0 ? 'TENTH' : 'TICK', payload: { n } }));

describe('a reader of the log', () => {
  it('is handed from the log no more than it has room for, and the rest later', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(tick(500));
    const reader = follow(nexus, { room: 3 });
    await turns();
    expect(seqs(reader.taken)).toEqual([1, 2, 3]);
    expect(reader.follower.position).toBe(3);
    while (reader.taken.length < 500) await reader.more(7);
    expect(seqs(reader.taken)).toEqual(range(500));
    reader.follower.close();
  });

  it('is handed what is recent in steps, and shares it with the others', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const one = follow(nexus, { room: Infinity });
    const other = follow(nexus, { room: Infinity });
    await turns();
    await nexus.dispatchMany(tick(300));
    await turns();
    expect(seqs(one.taken)).toEqual(range(300));
    expect(other.taken.every((event, i) => event === one.taken[i])).toBe(true);
    expect(one.taken[0]?.text()).toBe(other.taken[0]?.text());
    for (const { follower } of [one, other]) follower.close();
  });

  it('passes what it does not want, and goes on from another place when it is moved', async () => {
    const { nexus } = createBus();
    await nexus.dispatchMany(tick(100));
    const reader = follow(nexus, { room: Infinity, wants: (type) => type === 'TENTH' });
    await turns();
    expect(seqs(reader.taken)).toEqual([1, 11, 21, 31, 41, 51, 61, 71, 81, 91]);
    expect(reader.follower.position).toBe(100);
    reader.follower.seek(80);
    await turns();
    expect(seqs(reader.taken.slice(10))).toEqual([81, 91]);
    reader.follower.close();
  });

  it('misses nothing of what others wrote before this process did, though nobody said so', async () => {
    const first = createBus();
    const { clock, database } = first;
    const told = memoryStorage({ database, clock });
    const storage = Object.create(told, { onChange: { value: () => () => undefined } }) as Storage;
    const deaf = createNexus({ logger: false, clock, storage });
    await deaf.start();
    const reader = follow(deaf, { room: Infinity });
    await turns();
    await first.nexus.dispatchMany(tick(5));
    await deaf.dispatch('TICK', {});
    await turns();
    expect(seqs(reader.taken)).toEqual(range(6));
    reader.follower.close();
    const closing = deaf.close({ timeoutMs: 0 });
    for (let i = 0; i < 20; i++) await clock.advance(1_000);
    await closing;
  });

  it('is told nothing once it is closed, and takes nothing of a Nexus that has closed', async () => {
    const { nexus } = createBus();
    await nexus.start();
    const reader = follow(nexus, { room: Infinity });
    reader.follower.close();
    await nexus.dispatchMany(tick(5));
    await turns();
    expect(reader.taken).toEqual([]);
    await nexus.close();
    follow(nexus, { room: Infinity }).follower.pump();
    await turns();
  });
});
