/** Leasing what is due, and taking back what the dead held. */
import { MAX_CRASHES } from '../../core/delivery.js';
import type { Claimed, DeliveryRef, Lane, Leased, Recovered, Wants } from '../storage.js';
import {
  become,
  eventAt,
  isUnblocked,
  recordAttempt,
  type MemoryDatabase,
  type MemoryDelivery,
  type MemoryInstance,
  type MemoryReactor,
} from './database.js';

export function claim(
  database: MemoryDatabase,
  wants: Wants,
  context: { now: number; instance: string },
): Claimed {
  if (database.instances.get(context.instance)?.lost !== false) {
    return {
      leased: [],
      reactors: wants.reactors.map(() => ({ more: false, superseded: false })),
      instance: 'lost',
    };
  }
  const leased: Leased[] = [];
  const suspects: MemoryDelivery[] = [];
  const reactors = wants.reactors.map(({ reactor: key, generation, limit }) => {
    const reactor = database.reactors.get(key);
    if (!reactor || reactor.removed || reactor.row.generation !== generation)
      return { more: false, superseded: true };
    if (reactor.row.paused) return { more: false, superseded: false };
    const due = dueOf(reactor, context.now).filter(
      (delivery) => !wants.except.some((ref) => same(ref, delivery)),
    );
    suspects.push(
      ...due.filter((delivery) => delivery.suspect && delivery.crashes > 0 === wants.suspects.crashed),
    );
    const normal = due.filter((delivery) => !delivery.suspect && isIn(wants.lane ?? 'live', delivery));
    for (const delivery of normal.slice(0, Math.max(0, limit)))
      leased.push(take(database, delivery, context));
    return { more: normal.length > Math.max(0, limit), superseded: false };
  });
  suspects.sort(oldestFirst);
  for (const delivery of suspects.slice(0, wants.suspects.limit))
    leased.push(take(database, delivery, context));
  return { leased, reactors, instance: 'held' };
}

export function nextDueAt(reactor: MemoryReactor | undefined, lane: Lane): number | undefined {
  if (!reactor || reactor.removed || reactor.row.paused) return undefined;
  let earliest: number | undefined;
  for (const delivery of reactor.open) {
    if (
      delivery.state !== 'pending' ||
      delivery.suspect ||
      !isIn(lane, delivery) ||
      delivery.dueAt === null ||
      !isUnblocked(reactor, delivery)
    )
      continue;
    if (earliest === undefined || delivery.dueAt < earliest) earliest = delivery.dueAt;
  }
  return earliest;
}

export function recover(database: MemoryDatabase, self: string, now: number, limit: number): Recovered {
  const recovered: { delivery: DeliveryRef; state: 'pending' | 'dead' }[] = [];
  for (const [id, instance] of database.instances) {
    if (id === self || !isDead(instance, now)) continue;
    instance.lost = true;
    for (const delivery of heldBy(database, id)) {
      if (recovered.length >= limit) return { recovered, more: true };
      const { reactor, run, seq } = delivery;
      recovered.push({ delivery: { reactor, run, seq }, state: takeBack(database, delivery, now) });
    }
    if (!instance.dead) continue;
    database.instances.delete(id);
  }
  return { recovered, more: false };
}

function isDead(instance: MemoryInstance, now: number): boolean {
  return instance.dead || instance.lost || instance.leaseUntil < now;
}

function heldBy(database: MemoryDatabase, instance: string): MemoryDelivery[] {
  const held: MemoryDelivery[] = [];
  for (const reactor of database.reactors.values()) {
    for (const delivery of reactor.open)
      if (delivery.instance === instance && delivery.state === 'running') held.push(delivery);
  }
  return held.sort((a, b) => a.seq - b.seq);
}

function takeBack(database: MemoryDatabase, delivery: MemoryDelivery, now: number): 'pending' | 'dead' {
  const crashes = delivery.crashes + (delivery.started ? 1 : 0);
  const error = {
    code: 'CRASHED',
    message: `the process died while this handler ran (crash ${crashes} of ${MAX_CRASHES})`,
  };
  if (delivery.started)
    recordAttempt(delivery, { attempt: delivery.attempt, outcome: 'crashed', at: now, ms: 0, error });
  if (crashes >= MAX_CRASHES) {
    become(database, delivery, 'dead', { crashes, reason: 'crashed', finishedAt: now, error });
    return 'dead';
  }
  become(database, delivery, 'pending', { crashes, suspect: true, dueAt: now });
  return 'pending';
}

function take(
  database: MemoryDatabase,
  delivery: MemoryDelivery,
  { now, instance }: { now: number; instance: string },
): Leased {
  const { reactor, run, seq, suspect, attempt, postponed, dueAt } = delivery;
  const event = eventAt(database, seq);
  if (!event) throw new Error(`delivery ${reactor}-${run}-${seq} has no event`);
  const token = delivery.token + 1;
  become(database, delivery, 'running', { token, instance, suspect });
  const fresh = database.replays.get(run)?.fresh ?? false;
  return {
    lease: { reactor, run, seq, token },
    event,
    suspect,
    fresh,
    attempt,
    postponed,
    dueAt: dueAt ?? now,
  };
}

function dueOf(reactor: MemoryReactor, now: number): MemoryDelivery[] {
  const due: MemoryDelivery[] = [];
  for (const delivery of reactor.open) {
    if (
      delivery.state === 'pending' &&
      delivery.dueAt !== null &&
      delivery.dueAt <= now &&
      isUnblocked(reactor, delivery)
    )
      due.push(delivery);
  }
  return due.sort(oldestFirst);
}

function isIn(lane: Lane, { run }: DeliveryRef): boolean {
  return (lane === 'live') === (run === 0);
}

function oldestFirst(a: MemoryDelivery, b: MemoryDelivery): number {
  return (a.dueAt ?? 0) - (b.dueAt ?? 0) || a.seq - b.seq;
}

function same(a: DeliveryRef, b: DeliveryRef): boolean {
  return a.reactor === b.reactor && a.run === b.run && a.seq === b.seq;
}
