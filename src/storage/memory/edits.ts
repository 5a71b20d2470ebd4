/** Registering reactors, and what operators do. */
import { NexusError } from '../../core/errors.js';
import { refuseBelowBase, refusePruned } from '../../core/retention.js';
import { activeTypes, resubscribe, subscribe } from '../../core/subscription.js';
import type { DeliverySelection, Edit, ReactorRow, Registration } from '../storage.js';
import {
  become,
  eventAt,
  find,
  headOf,
  isUnblocked,
  reactorNamed,
  type MemoryDatabase,
  type MemoryDelivery,
} from './database.js';
import { cancelReplay, finishReplay } from './replays.js';

export function register(database: MemoryDatabase, { name, types, ordered, from }: Registration): ReactorRow {
  const head = headOf(database).seq;
  const reactor = reactorNamed(database, name);
  if (!reactor) {
    const base = database.base.seq;
    const position = from === 'now' ? head : from === 'beginning' || from === 0 ? base : from;
    refuseAhead('from', position, head);
    refuseBelowBase('from', position, base);
    const key = (database.lastReactor += 1);
    const row = {
      key,
      name,
      generation: 1,
      subscription: subscribe(types, position),
      ordered,
      position,
      paused: false,
      prunedTo: 0,
    };
    database.reactors.set(key, {
      row,
      removed: false,
      removedAt: 0,
      deliveries: new Map(),
      open: new Set(),
      openByKey: new Map(),
    });
    return row;
  }
  const { row } = reactor;
  const same = activeTypes(row.subscription).join('\n') === types.join('\n') && row.ordered === ordered;
  if (!same) {
    const subscription = resubscribe(row.subscription, types, head);
    reactor.row = { ...row, subscription, ordered, generation: row.generation + 1 };
  }
  return reactor.row;
}

/** Returns how many rows changed. */
export function editRows(database: MemoryDatabase, edit: Edit, now: number): number {
  switch (edit.edit) {
    case 'pause':
    case 'resume': {
      const reactor = reactorNamed(database, edit.reactor);
      const paused = edit.edit === 'pause';
      if (!reactor || reactor.row.paused === paused) return 0;
      reactor.row = { ...reactor.row, paused };
      return 1;
    }
    case 'seek': {
      const head = headOf(database).seq;
      const position = edit.to === 'now' ? head : edit.to;
      refuseAhead('to', position, head);
      refuseBelowBase('to', position, database.base.seq);
      const reactor = reactorNamed(database, edit.reactor);
      if (reactor) refusePruned(position, reactor.row.prunedTo);
      if (!reactor || reactor.row.position === position) return 0;
      reactor.row = { ...reactor.row, position };
      return 1;
    }
    case 'remove':
      return remove(database, edit.reactor, now, edit.limit);
    case 'redrive':
      return each(dead(database, edit.which), (delivery) => startAfresh(database, delivery, now));
    case 'discard':
      return each(dead(database, edit.which), (delivery) => {
        become(database, delivery, 'cancelled', { reason: 'discarded', finishedAt: now });
        return true;
      });
    case 'retry': {
      const delivery = find(database, edit.delivery);
      return delivery && delivery.state !== 'running' && startAfresh(database, delivery, now) ? 1 : 0;
    }
    case 'cancel': {
      const delivery = find(database, edit.delivery);
      if (delivery?.state !== 'pending' && delivery?.state !== 'running') return 0;
      become(database, delivery, 'cancelled', { reason: 'cancelled', finishedAt: now });
      return 1;
    }
    case 'cancel-replay':
      return cancelReplay(database, edit.run, now);
    case 'finish-replay':
      return finishReplay(database, edit.run, now);
    case 'checkpointed':
      if (edit.seq <= database.checkpointed) return 0;
      database.checkpointed = edit.seq;
      return 1;
  }
}

function startAfresh(database: MemoryDatabase, delivery: MemoryDelivery, now: number): boolean {
  const reactor = database.reactors.get(delivery.reactor);
  if (reactor?.removed !== false || eventAt(database, delivery.seq)?.payload === null) return false;
  become(database, delivery, 'pending', {
    attempt: 0,
    postponed: 0,
    crashes: 0,
    dueAt: isUnblocked(reactor, delivery) ? now : null,
    reason: null,
    finishedAt: null,
  });
  return true;
}

function remove(database: MemoryDatabase, name: string, now: number, limit: number): number {
  const live = reactorNamed(database, name);
  if (live) Object.assign(live, { removed: true, removedAt: now });
  let cancelled = 0;
  for (const reactor of database.reactors.values()) {
    if (!reactor.removed || reactor.row.name !== name) continue;
    for (const delivery of [...reactor.open]) {
      if (cancelled >= limit) return cancelled;
      become(database, delivery, 'cancelled', { reason: 'reactor_removed', finishedAt: now });
      cancelled += 1;
    }
  }
  return cancelled;
}

function dead(database: MemoryDatabase, which: DeliverySelection): MemoryDelivery[] {
  const among = which.refs
    ? which.refs.slice(0, which.limit).flatMap((ref) => find(database, ref) ?? [])
    : [...database.reactors.values()].flatMap((reactor) =>
        [...reactor.deliveries.values()].sort((a, b) => a.run - b.run || a.seq - b.seq),
      );
  const chosen = among.filter(
    (delivery) =>
      delivery.state === 'dead' &&
      (which.reactor === undefined || database.reactors.get(delivery.reactor)?.row.name === which.reactor) &&
      (which.eventType === undefined || eventAt(database, delivery.seq)?.type === which.eventType) &&
      (which.errorCode === undefined || delivery.error?.code === which.errorCode),
  );
  return chosen.slice(0, which.limit);
}

function each(deliveries: readonly MemoryDelivery[], change: (delivery: MemoryDelivery) => boolean): number {
  return deliveries.reduce((changed, delivery) => changed + (change(delivery) ? 1 : 0), 0);
}

function refuseAhead(option: string, seq: number, head: number): void {
  if (seq <= head) return;
  throw new NexusError(
    'NEXUS_POSITION_AHEAD',
    `${option} must not be above the head of the log, ${head}; got ${seq}`,
    { details: { [option]: seq, head } },
  );
}
