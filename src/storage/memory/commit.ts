/** Settle → append → fan out → head, in one synchronous step. */
import { hashEvent, sameContent, type Sha256 } from '../../core/chain.js';
import { placeInLog } from '../../core/event.js';
import type {
  Appended,
  Batch,
  Committed,
  FanOut,
  FannedOut,
  Match,
  NewEvent,
  OnceRecord,
  Settlement,
} from '../storage.js';
import {
  become,
  eventAt,
  find,
  headOf,
  isUnblocked,
  oncePlace,
  placeOf,
  recordAttempt,
  type MemoryDatabase,
  type MemoryDelivery,
  type MemoryReactor,
} from './database.js';
import { moveSchedule } from './schedules.js';

export function commit(
  database: MemoryDatabase,
  batch: Batch,
  context: { now: number; instance: string; sha256: Sha256 },
): Committed {
  const once = (batch.once ?? []).map((record) => remember(database, record));
  const settlements = batch.settlements.map((settlement) => settle(database, settlement, context.now));
  const lost = database.instances.get(context.instance)?.lost !== false;
  const headBefore = headOf(database).seq;
  const events = batch.events.map((event) =>
    event.onlyIf !== undefined && settlements[event.onlyIf] !== 'settled'
      ? ({ outcome: 'skipped' } as const)
      : append(database, event, context.sha256),
  );
  const fanOuts = batch.fanOuts.map((each) =>
    fanOut(database, each, { ...context, events, headBefore, lost }),
  );
  const { seq: head } = headOf(database);
  return { once, settlements, events, fanOuts, head, instance: lost ? 'lost' : 'held' };
}

function remember(database: MemoryDatabase, { lease, run, key, result }: OnceRecord): 'saved' | 'lease_lost' {
  const delivery = find(database, lease);
  if (delivery?.state !== 'running' || delivery.token !== lease.token) return 'lease_lost';
  const place = oncePlace({ reactor: lease.reactor, seq: lease.seq, run, key });
  if (!database.once.has(place)) database.once.set(place, result);
  return 'saved';
}

function settle(database: MemoryDatabase, settlement: Settlement, now: number): 'settled' | 'lease_lost' {
  const { lease, outcome, attempt, postponed } = settlement;
  const delivery = find(database, lease);
  if (delivery?.state !== 'running' || delivery.token !== lease.token) return 'lease_lost';
  const ms = Math.round(settlement.ms);
  const error = 'error' in outcome ? outcome.error : undefined;
  const common = { attempt, postponed, ms, ...(error && { error }) };
  if (outcome.to === 'pending')
    become(database, delivery, 'pending', { ...common, dueAt: now + Math.ceil(outcome.delayMs) });
  else
    become(database, delivery, outcome.to, {
      ...common,
      finishedAt: now,
      reason: outcome.to === 'succeeded' ? delivery.reason : outcome.reason,
    });
  if (error) {
    const how =
      outcome.to === 'dead' ? 'dead' : outcome.to === 'pending' && outcome.counted ? 'retry' : 'postponed';
    recordAttempt(delivery, { attempt, outcome: how, at: now, ms, error });
  }
  return 'settled';
}

export function append(
  database: MemoryDatabase,
  event: NewEvent,
  sha256: Sha256,
  head = headOf(database),
): Appended {
  const [strongest] = event.keys;
  const known = strongest === undefined ? undefined : database.dedupe.get(`${event.source}\n${strongest}`);
  const before =
    known ?? (event.idGiven ? (database.byId.get(event.id) ?? database.pruned.get(event.id)) : undefined);
  if (before) {
    const outcome = sameContent(sha256, before, event) ? 'duplicate' : event.onOther;
    return { outcome, id: before.id, seq: before.seq, timestamp: before.timestamp };
  }
  const moved = event.tick === undefined ? 'moved' : moveSchedule(database, event.tick);
  if (moved !== 'moved') return moved;
  const seq = head.seq + 1;
  const stored = placeInLog(event, seq, hashEvent(sha256, head.hash, event, seq));
  database.events.push(stored);
  database.byId.set(stored.id, stored);
  for (const key of event.keys) {
    const place = `${event.source}\n${key}`;
    if (!database.dedupe.has(place)) database.dedupe.set(place, stored);
  }
  database.marked = { seq, hash: stored.hash };
  return { outcome: 'appended', seq, hash: stored.hash };
}

type FanOutContext = {
  readonly now: number;
  readonly instance: string;
  readonly events: readonly Appended[];
  readonly headBefore: number;
  readonly lost: boolean;
};

function fanOut(database: MemoryDatabase, each: FanOut, context: FanOutContext): FannedOut {
  const reactor = database.reactors.get(each.reactor);
  if (!reactor || reactor.removed || reactor.row.generation !== each.generation)
    return { outcome: 'superseded' };
  const { over } = each;
  const expected = over === 'this-batch' ? context.headBefore : over.after;
  if (reactor.row.position !== expected) return { outcome: 'moved', position: reactor.row.position };
  const leased: { match: number; token: number }[] = [];
  let pending = 0;
  const room = reactor.row.paused || context.lost ? 0 : each.lease;
  each.matches.forEach((match, index) => {
    const result = over === 'this-batch' ? context.events[match.event] : undefined;
    const seq =
      over === 'this-batch' ? (result?.outcome === 'appended' ? result.seq : undefined) : match.event;
    if (seq === undefined || reactor.deliveries.has(placeOf({ reactor: each.reactor, run: 0, seq }))) return;
    const created = create(database, reactor, { match, seq, room: leased.length < room }, context);
    if (created === 'running') leased.push({ match: index, token: 1 });
    else if (created === 'pending') pending += 1;
  });
  reactor.row = { ...reactor.row, position: over === 'this-batch' ? headOf(database).seq : over.to };
  return { outcome: 'done', leased, pending };
}

function create(
  database: MemoryDatabase,
  reactor: MemoryReactor,
  { match, seq, room }: { match: Match; seq: number; room: boolean },
  { now, instance }: FanOutContext,
): 'running' | 'pending' | 'final' {
  const delivery = createDelivery(database, reactor, { match, run: 0, seq }, now);
  if (delivery.state === 'dead' || delivery.state === 'cancelled') return 'final';
  if (!room || delivery.dueAt === null || delivery.dueAt > now) return 'pending';
  become(database, delivery, 'running', { token: 1, instance });
  return 'running';
}

/** Pending, and due as far as neither its time nor an earlier one of its key holds it up; or born dead. */
export function createDelivery(
  database: MemoryDatabase,
  reactor: MemoryReactor,
  { match, run, seq }: { match: Match; run: number; seq: number },
  now: number,
): MemoryDelivery {
  const delivery: MemoryDelivery = {
    reactor: reactor.row.key,
    run,
    seq,
    state: 'pending',
    token: 0,
    instance: undefined,
    attempt: 0,
    postponed: 0,
    crashes: 0,
    suspect: false,
    started: false,
    dueAt: null,
    orderKey: match.orderKey ?? null,
    reason: null,
    finishedAt: null,
    ms: null,
    error: null,
    attempts: [],
  };
  const free = isUnblocked(reactor, delivery);
  reactor.deliveries.set(placeOf(delivery), delivery);
  if (eventAt(database, seq)?.payload === null) {
    become(database, delivery, 'cancelled', { reason: 'redacted', finishedAt: now });
    return delivery;
  }
  if (match.dead) {
    const { reason, error } = match.dead;
    become(database, delivery, 'dead', { reason, error, finishedAt: now });
    recordAttempt(delivery, { attempt: 0, outcome: 'dead', at: now, ms: 0, error });
  } else become(database, delivery, 'pending', { dueAt: free ? Math.max(now, match.notBefore ?? 0) : null });
  return delivery;
}
