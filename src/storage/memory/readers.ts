/** Bounded reads of a memory database. */
import type { StoredEvent } from '../../core/event.js';
import type {
  BlockedKey,
  DeliveryCounts,
  DeliveryQuery,
  EventQuery,
  Readers,
  StoredDelivery,
} from '../storage.js';
import {
  countUpTo,
  eventAt,
  find,
  headOf,
  oncePlace,
  type MemoryDatabase,
  type MemoryDelivery,
  type MemoryReactor,
} from './database.js';
import { createReplayReaders } from './replays.js';

const PAGE_BYTES = 4 * 1024 * 1024;

export function createReaders(database: MemoryDatabase): Readers {
  const all = (): MemoryDelivery[] =>
    [...database.reactors.values()].flatMap((reactor) => [...reactor.deliveries.values()]);
  return {
    ...createReplayReaders(database),
    head: async () => headOf(database),
    origin: async () => ({
      logId: database.logId,
      base: { ...database.base },
      checkpointed: database.checkpointed,
    }),
    chain: async ({ after, limit }) => pageOf(database, after, limit),
    event: async (id) => copy(database.byId.get(id)),
    eventsById: async (ids) => ids.flatMap((id) => copy(database.byId.get(id)) ?? []),
    eventByKey: async (source, key) => {
      const event = database.dedupe.get(`${source}\n${key}`);
      return event && copy(database.byId.get(event.id));
    },
    events: async (query) => events(database, query),
    log: async ({ after, limit }) => {
      const head = headOf(database).seq;
      const found = pageOf(database, after, limit);
      const last = found.at(-1)?.seq ?? after;
      return { events: found, to: Math.max(after, last), head };
    },
    delivery: async (ref) => {
      const delivery = find(database, ref);
      return delivery && view(database, delivery);
    },
    deliveries: async (query) => deliveries(database, query),
    attempts: async (ref) => (find(database, ref)?.attempts ?? []).map((attempt) => ({ ...attempt })),
    reactors: async () =>
      [...database.reactors.values()]
        .filter((reactor) => !reactor.removed)
        .map((reactor) => ({ ...reactor.row }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    counts: async (reactor) => {
      const counts: { -readonly [K in keyof DeliveryCounts]: number } = {
        pending: 0,
        running: 0,
        succeeded: 0,
        dead: 0,
        cancelled: 0,
      };
      for (const delivery of all())
        if (reactor === undefined || delivery.reactor === reactor) counts[delivery.state] += 1;
      return counts;
    },
    once: async (place) => database.once.get(oncePlace(place)),
    blockedKeys: async (key, limit) => blockedKeys(database.reactors.get(key)).slice(0, limit),
    sizes: async () => undefined,
    backlog: async () => {
      const deliveries = all();
      const pending = deliveries.filter(({ state }) => state === 'pending');
      const due = pending.flatMap(({ dueAt }) => dueAt ?? []);
      return {
        pending: pending.length,
        retrying: pending.filter(({ attempt }) => attempt > 0).length,
        running: deliveries.filter(({ state }) => state === 'running').length,
        dead: deliveries.filter(({ state }) => state === 'dead').length,
        oldestDueAt: due.length > 0 ? due.reduce((first, each) => Math.min(first, each)) : undefined,
      };
    },
  };
}

function pageOf(database: MemoryDatabase, after: number, limit: number): StoredEvent[] {
  const found: StoredEvent[] = [];
  let bytes = 0;
  const first = countUpTo(database.events, after);
  for (const event of database.events.slice(first, first + limit)) {
    if (bytes >= PAGE_BYTES) break;
    found.push({ ...event });
    bytes += event.payload?.length ?? 0;
  }
  return found;
}

/** A reader's own: what it does to it, nobody else sees. */
function copy<T extends object>(record: T | undefined): T | undefined {
  return record && { ...record };
}

function events(
  database: MemoryDatabase,
  query: EventQuery,
): { items: StoredEvent[]; next: number | undefined } {
  const matching = database.events.filter(
    (event) =>
      (!query.types || query.types.includes(event.type)) &&
      (query.source === undefined || event.source === query.source) &&
      (query.correlationId === undefined || event.correlationId === query.correlationId) &&
      (query.causationId === undefined || event.causationId === query.causationId) &&
      (query.from === undefined || event.timestamp >= query.from) &&
      (query.to === undefined || event.timestamp < query.to) &&
      (query.after === undefined || event.seq > query.after) &&
      (query.before === undefined || event.seq < query.before),
  );
  if (query.after === undefined) matching.reverse();
  const items = matching.slice(0, query.limit).map((event) => ({ ...event }));
  return { items, next: items.length === query.limit ? items.at(-1)?.seq : undefined };
}

function deliveries(
  database: MemoryDatabase,
  query: DeliveryQuery,
): Awaited<ReturnType<Readers['deliveries']>> {
  const found: StoredDelivery[] = [];
  for (const reactor of [...database.reactors.values()].sort((a, b) => a.row.key - b.row.key)) {
    const sorted = [...reactor.deliveries.values()].sort((a, b) => a.run - b.run || a.seq - b.seq);
    for (const delivery of sorted) {
      if (found.length === query.limit) break;
      const stored = view(database, delivery);
      if (stored && matches(stored, query) && isBehind(delivery, query.after)) found.push(stored);
    }
  }
  const last = found.at(-1);
  return {
    items: found,
    next:
      found.length === query.limit && last
        ? { reactor: last.reactor, run: last.run, seq: last.seq }
        : undefined,
  };
}

function matches(delivery: StoredDelivery, query: DeliveryQuery): boolean {
  return (
    (!query.states || query.states.includes(delivery.state)) &&
    (query.reactor === undefined || delivery.reactorName === query.reactor) &&
    (query.eventId === undefined || delivery.eventId === query.eventId) &&
    (query.run === undefined || delivery.run === query.run) &&
    (query.eventType === undefined || delivery.eventType === query.eventType) &&
    (query.errorCode === undefined || delivery.error?.code === query.errorCode)
  );
}

function isBehind(delivery: MemoryDelivery, after: DeliveryQuery['after']): boolean {
  if (!after) return true;
  return (delivery.reactor - after.reactor || delivery.run - after.run || delivery.seq - after.seq) > 0;
}

function view(database: MemoryDatabase, delivery: MemoryDelivery): StoredDelivery | undefined {
  const event = eventAt(database, delivery.seq);
  const reactor = database.reactors.get(delivery.reactor);
  if (!event || !reactor) return undefined;
  const {
    run,
    seq,
    state,
    reason,
    attempt,
    postponed,
    crashes,
    suspect,
    orderKey,
    dueAt,
    finishedAt,
    ms,
    error,
  } = delivery;
  return {
    reactor: delivery.reactor,
    run,
    seq,
    reactorName: reactor.row.name,
    eventId: event.id,
    eventType: event.type,
    state,
    reason,
    attempt,
    postponed,
    crashes,
    suspect,
    orderKey,
    dueAt,
    finishedAt,
    ms,
    error,
  };
}

function blockedKeys(reactor: MemoryReactor | undefined): BlockedKey[] {
  const blocked: BlockedKey[] = [];
  for (const queue of reactor?.openByKey.values() ?? []) {
    const [head, ...behind] = [...queue].sort((a, b) => a.seq - b.seq);
    if (head?.state !== 'pending' || head.run !== 0 || head.attempt === 0 || head.dueAt === null) continue;
    const { seq, attempt, dueAt, orderKey } = head;
    if (behind.length > 0 && orderKey !== null)
      blocked.push({ orderKey, seq, attempt, dueAt, waiting: behind.length });
  }
  return blocked.sort((a, b) => a.dueAt - b.dueAt || a.seq - b.seq);
}
