/** Erasing the payload of an event, and removing the beginning of the log. */
import type { Sha256 } from '../../core/chain.js';
import type { Failure } from '../../core/errors.js';
import type { StoredEvent } from '../../core/event.js';
import type { DeliveryRef, Prune, Pruned, Redact, Redacted } from '../storage.js';
import { append } from './commit.js';
import {
  become,
  countUpTo,
  oncePlace,
  placeOf,
  type MemoryDatabase,
  type MemoryDelivery,
} from './database.js';

const ERASED_MESSAGE = 'erased with the payload of the event';

export function redact(
  database: MemoryDatabase,
  { id, note }: Redact,
  { now, sha256 }: { now: number; sha256: Sha256 },
): Redacted {
  const event = database.byId.get(id);
  if (!event) return { outcome: 'not_found', cancelled: [], complete: true };
  if (event.payload === null) return { outcome: 'already', cancelled: [], complete: true };
  Object.assign(event, { salt: null, payload: null });
  const cancelled: DeliveryRef[] = [];
  for (const reactor of database.reactors.values()) {
    for (const delivery of [...reactor.deliveries.values()]) {
      if (delivery.seq !== event.seq) continue;
      if (isNeeded(delivery)) {
        become(database, delivery, 'cancelled', { reason: 'redacted', finishedAt: now });
        cancelled.push({ reactor: delivery.reactor, run: delivery.run, seq: delivery.seq });
      }
      forget(delivery);
    }
    forgetOnce(database, reactor.row.key, event.seq);
  }
  append(database, note, sha256);
  return { outcome: 'redacted', cancelled, complete: true };
}

export function prune(database: MemoryDatabase, { to, rows, note }: Prune, sha256: Sha256): Pruned {
  const { base, events } = database;
  let bound: { seq: number; by: Pruned['heldBy'] } = { seq: to, by: undefined };
  const lower = (seq: number, by: Pruned['heldBy']): void => {
    if (seq < bound.seq) bound = { seq, by };
  };
  for (const { row, removed } of database.reactors.values()) if (!removed) lower(row.position, 'position');
  for (const { state, until, reactors } of database.replays.values()) {
    if (state !== 'running') continue;
    for (const [key, { position }] of reactors)
      if (database.reactors.get(key)?.removed === false && position < until) lower(position, 'replay');
  }
  lower(events[rows - 1]?.seq ?? Infinity, undefined);
  const deliveries = [...database.reactors.values()].flatMap((reactor) => [...reactor.deliveries.values()]);
  for (const delivery of deliveries) {
    if (isNeeded(delivery)) lower(delivery.seq - 1, delivery.state === 'dead' ? 'dead_letter' : 'delivery');
  }
  const count = countUpTo(events, bound.seq);
  const last = events[count - 1];
  if (!last) return { removed: 0, base: base.seq, heldBy: bound.by };
  if (note) append(database, note, sha256);
  database.base = { seq: last.seq, hash: last.hash };
  for (const event of events.splice(0, count)) tombstone(database, event);
  for (const reactor of database.reactors.values()) {
    for (const delivery of [...reactor.deliveries.values()])
      if (delivery.seq <= last.seq) reactor.deliveries.delete(placeOf(delivery));
  }
  for (const place of [...database.once.keys()])
    if (Number(place.split('-')[1]) <= last.seq) database.once.delete(place);
  return { removed: count, base: last.seq, heldBy: bound.by };
}

/** What is left says only that it was there. The same object is what its dedupe keys lead to. */
function tombstone(database: MemoryDatabase, event: StoredEvent): void {
  Object.assign(event, { salt: null, payload: null, headers: null, causationId: null });
  database.byId.delete(event.id);
  database.pruned.set(event.id, event);
}

function isNeeded({ state }: MemoryDelivery): boolean {
  return state === 'pending' || state === 'running' || state === 'dead';
}

function forget(delivery: MemoryDelivery): void {
  const erased = ({ code }: Failure): Failure => ({ code, message: ERASED_MESSAGE });
  if (delivery.error) delivery.error = erased(delivery.error);
  Object.assign(delivery, { orderKey: null });
  delivery.attempts.forEach((attempt, i) => {
    delivery.attempts[i] = { ...attempt, error: erased(attempt.error) };
  });
}

function forgetOnce(database: MemoryDatabase, reactor: number, seq: number): void {
  const prefix = oncePlace({ reactor, seq, run: 0, key: '' }).slice(0, -2);
  for (const place of [...database.once.keys()]) if (place.startsWith(prefix)) database.once.delete(place);
}
