/** What a memory storage keeps. Several storages over one database are several instances on one log. */
import { randomUUID } from 'node:crypto';
import { GENESIS_HASH } from '../../core/chain.js';
import type { DeliveryState, EndReason } from '../../core/delivery.js';
import type { Failure } from '../../core/errors.js';
import type { StoredEvent } from '../../core/event.js';
import type {
  DeliveryRef,
  OncePlace,
  ReactorRow,
  ReactorReplayRow,
  ReplayRow,
  ScheduleRow,
  StoredAttempt,
} from '../storage.js';

export type MemoryDelivery = {
  readonly reactor: number;
  readonly run: number;
  readonly seq: number;
  state: DeliveryState;
  token: number;
  instance: string | undefined;
  attempt: number;
  postponed: number;
  crashes: number;
  suspect: boolean;
  started: boolean;
  dueAt: number | null;
  readonly orderKey: string | null;
  reason: EndReason | null;
  finishedAt: number | null;
  ms: number | null;
  error: Failure | null;
  readonly attempts: StoredAttempt[];
};

export type MemoryReactor = {
  row: ReactorRow;
  removed: boolean;
  removedAt: number;
  readonly deliveries: Map<string, MemoryDelivery>;
  readonly open: Set<MemoryDelivery>;
  /** The open ones with an ordering key, by run and key. */
  readonly openByKey: Map<string, Set<MemoryDelivery>>;
};

export type MemoryInstance = { leaseUntil: number; leaseMs: number; lost: boolean; dead: boolean };

/** With its reactors by key. */
export type MemoryReplay = Omit<ReplayRow, 'reactors'> & {
  readonly reactors: Map<
    number,
    { -readonly [K in 'position' | 'created' | 'skipped']: ReactorReplayRow[K] }
  >;
};

export interface MemoryDatabase {
  readonly logId: string;
  readonly events: StoredEvent[];
  readonly byId: Map<string, StoredEvent>;
  /** The last event that was pruned. */
  base: { seq: number; hash: string };
  /** What was pruned, by id: without payload. */
  readonly pruned: Map<string, StoredEvent>;
  /** The highest checkpoint that was handed out. */
  checkpointed: number;
  /** `source\nkey` → the event that used it first. */
  readonly dedupe: Map<string, StoredEvent>;
  readonly reactors: Map<number, MemoryReactor>;
  /** The key given last. */
  lastReactor: number;
  lastReplay: number;
  readonly instances: Map<string, MemoryInstance>;
  /** Remembered results, by {@link oncePlace}. */
  readonly once: Map<string, string>;
  readonly replays: Map<number, MemoryReplay>;
  /** By name. */
  readonly schedules: Map<string, ScheduleRow & { readonly definition: string }>;
  /** The highest that was acknowledged. */
  marked: { seq: number; hash: string };
  readonly hints: Set<(from: string) => void>;
  /** As if the process of this instance had been killed: its storage answers nothing any more. */
  kill(instance: string): void;
  /** As if the commits of the last events had not reached a disk, though they were acknowledged. */
  lose(events: number): void;
}

/** The data of one or more memory storages. */
export function createMemoryDatabase(): MemoryDatabase {
  const instances = new Map<string, MemoryInstance>();
  const database: MemoryDatabase = {
    logId: randomUUID(),
    events: [],
    byId: new Map(),
    base: { seq: 0, hash: GENESIS_HASH },
    pruned: new Map(),
    checkpointed: 0,
    dedupe: new Map(),
    reactors: new Map(),
    lastReactor: 0,
    lastReplay: 0,
    once: new Map(),
    replays: new Map(),
    schedules: new Map(),
    instances,
    marked: { seq: 0, hash: GENESIS_HASH },
    hints: new Set(),
    kill: (id) => {
      const instance = instances.get(id);
      if (instance) instance.dead = true;
    },
    lose: (events) => lose(database, events),
  };
  return database;
}

export function headOf(database: MemoryDatabase): { seq: number; hash: string } {
  const last = database.events.at(-1);
  return last ? { seq: last.seq, hash: last.hash } : database.base;
}

/** The event with a number; there may be gaps. */
export function eventAt({ events }: MemoryDatabase, seq: number): StoredEvent | undefined {
  const event = events[countUpTo(events, seq) - 1];
  return event?.seq === seq ? event : undefined;
}

/** How many events there are up to a number. */
export function countUpTo(events: readonly StoredEvent[], seq: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle]?.seq ?? Infinity) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function placeOf(ref: DeliveryRef): string {
  return `${ref.run}-${ref.seq}`;
}

export function oncePlace({ reactor, seq, run, key }: OncePlace): string {
  return `${reactor}-${seq}-${run}-${key}`;
}

export function find(database: MemoryDatabase, ref: DeliveryRef): MemoryDelivery | undefined {
  return database.reactors.get(ref.reactor)?.deliveries.get(placeOf(ref));
}

export function reactorNamed(database: MemoryDatabase, name: string): MemoryReactor | undefined {
  for (const reactor of database.reactors.values())
    if (!reactor.removed && reactor.row.name === name) return reactor;
  return undefined;
}

/** Moves a delivery to a state and keeps the index of open ones. */
export function become(
  database: MemoryDatabase,
  delivery: MemoryDelivery,
  state: DeliveryState,
  change: Partial<MemoryDelivery>,
): void {
  const keepsInstance = state === 'running';
  Object.assign(
    delivery,
    { started: false, suspect: false, dueAt: null, ...(keepsInstance ? {} : { instance: undefined }) },
    change,
    { state },
  );
  const reactor = database.reactors.get(delivery.reactor);
  if (!reactor) return;
  if (state === 'pending' || state === 'running') {
    reactor.open.add(delivery);
    if (delivery.orderKey !== null) queueOf(reactor, delivery).add(delivery);
    return;
  }
  reactor.open.delete(delivery);
  if (delivery.orderKey === null) return;
  queueOf(reactor, delivery).delete(delivery);
  wakeNext(database, queueOf(reactor, delivery), delivery.finishedAt ?? 0);
}

/** The first of a key that waits for others no more gets a due time. */
function wakeNext(database: MemoryDatabase, queue: ReadonlySet<MemoryDelivery>, now: number): void {
  let next: MemoryDelivery | undefined;
  for (const delivery of queue) if (!next || delivery.seq < next.seq) next = delivery;
  if (next?.state !== 'pending' || next.dueAt !== null) return;
  next.dueAt = Math.max(now, eventAt(database, next.seq)?.notBefore ?? 0);
}

function queueOf(
  reactor: MemoryReactor,
  { run, orderKey }: { readonly run: number; readonly orderKey: string | null },
): Set<MemoryDelivery> {
  const name = `${run}\n${orderKey ?? ''}`;
  let queue = reactor.openByKey.get(name);
  if (!queue) reactor.openByKey.set(name, (queue = new Set()));
  return queue;
}

export function recordAttempt(delivery: MemoryDelivery, attempt: Omit<StoredAttempt, 'index'>): void {
  delivery.attempts.push({ ...attempt, index: delivery.attempts.length + 1 });
}

/** True when no earlier unfinished delivery of its key holds it up. */
export function isUnblocked(
  reactor: MemoryReactor,
  delivery: { readonly run: number; readonly seq: number; readonly orderKey: string | null },
): boolean {
  if (delivery.orderKey === null) return true;
  for (const other of queueOf(reactor, delivery)) if (other.seq < delivery.seq) return false;
  return true;
}

function lose(database: MemoryDatabase, events: number): void {
  const gone = database.events.splice(database.events.length - events);
  const seqs = new Set(gone.map(({ seq }) => seq));
  for (const { id } of gone) database.byId.delete(id);
  for (const [key, { seq }] of database.dedupe) if (seqs.has(seq)) database.dedupe.delete(key);
  const { seq: head } = headOf(database);
  for (const reactor of database.reactors.values()) {
    reactor.row = { ...reactor.row, position: Math.min(reactor.row.position, head) };
    for (const delivery of [...reactor.deliveries.values()]) {
      if (!seqs.has(delivery.seq)) continue;
      reactor.deliveries.delete(placeOf(delivery));
      reactor.open.delete(delivery);
      queueOf(reactor, delivery).delete(delivery);
    }
  }
}
