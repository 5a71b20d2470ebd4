/** Retention: what has been final for long enough goes. */
import type { Sweep, Swept } from '../storage.js';
import {
  oncePlace,
  placeOf,
  type MemoryDatabase,
  type MemoryDelivery,
  type MemoryReactor,
} from './database.js';

/** Stops at the number of rows alone: each is looked at in no time. */
export function sweep(database: MemoryDatabase, options: Sweep, now: number): Swept {
  let removed = 0;
  let next = now + Math.min(options.succeededMs, options.deadMs);
  for (const reactor of database.reactors.values()) {
    const due: MemoryDelivery[] = [];
    for (const delivery of reactor.deliveries.values()) {
      const goesAt = goneAt(delivery, options);
      if (goesAt === undefined || (!reactor.removed && delivery.seq > reactor.row.position)) continue;
      if (goesAt <= now && !isReplayed(database, reactor)) due.push(delivery);
      else next = Math.min(next, goesAt);
    }
    due.sort((a, b) => a.seq - b.seq);
    for (const delivery of due) {
      if (removed >= options.rows) return { removed, more: true, nextInMs: 0 };
      forget(database, reactor, delivery);
      removed += 1;
    }
  }
  sweepLeftovers(database, now - options.succeededMs);
  return { removed, more: false, nextInMs: Math.max(0, next - now) };
}

function goneAt({ state, finishedAt }: MemoryDelivery, { succeededMs, deadMs }: Sweep): number | undefined {
  if (finishedAt === null || state === 'pending' || state === 'running') return undefined;
  return finishedAt + (state === 'dead' ? deadMs : succeededMs);
}

function isReplayed(database: MemoryDatabase, { row }: MemoryReactor): boolean {
  for (const { state, reactors } of database.replays.values())
    if (state === 'running' && reactors.has(row.key)) return true;
  return false;
}

function forget(database: MemoryDatabase, reactor: MemoryReactor, delivery: MemoryDelivery): void {
  reactor.deliveries.delete(placeOf(delivery));
  const { seq, run } = delivery;
  if (run === 0) reactor.row = { ...reactor.row, prunedTo: Math.max(reactor.row.prunedTo, seq) };
  const runs = [0, ...database.replays.keys()];
  if (runs.some((other) => reactor.deliveries.has(placeOf({ reactor: reactor.row.key, run: other, seq }))))
    return;
  const prefix = oncePlace({ reactor: reactor.row.key, seq, run: 0, key: '' }).slice(0, -2);
  for (const place of [...database.once.keys()]) if (place.startsWith(prefix)) database.once.delete(place);
}

function sweepLeftovers(database: MemoryDatabase, cutoff: number): void {
  const hasRun = (key: number, run: number): boolean => {
    const deliveries = database.reactors.get(key)?.deliveries.values() ?? [];
    return [...deliveries].some((delivery) => delivery.run === run);
  };
  for (const [run, { state, finishedAt, reactors }] of database.replays) {
    if (state === 'running' || finishedAt === null || finishedAt > cutoff) continue;
    if (![...reactors.keys()].some((reactor) => hasRun(reactor, run))) database.replays.delete(run);
  }
  const replayed = new Set([...database.replays.values()].flatMap(({ reactors }) => [...reactors.keys()]));
  for (const [key, reactor] of database.reactors) {
    const { removed, removedAt, deliveries } = reactor;
    if (removed && removedAt <= cutoff && deliveries.size === 0 && !replayed.has(key))
      database.reactors.delete(key);
  }
}
