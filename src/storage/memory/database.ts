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
  ReplayProgress,
  ReplayRow,
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
  readonly reactors: Map<number, { -readonly [K in 'position' | 'created' | 'skipped']: ReplayProgress[K] }>;
};

export interface MemoryDatabase {
  readonly logId: string;
  readonly events: StoredEvent[];
  readonly byId: Map<string, StoredEvent>;
  /** `source\nkey` → the event that used it first. */
  readonly dedupe: Map<string, StoredEvent>;
  readonly reactors: Map<number, MemoryReactor>;
  /** The key given last. */
  lastReactor: number;
  readonly instances: Map<string, MemoryInstance>;
  /** Remembered results, by {@link oncePlace}. */
  readonly once: Map<string, string>;
  readonly replays: Map<number, MemoryReplay>;
  /** The number given last. */
  lastReplay: number;
  readonly hints: Set<(from: string) => void>;
  /** As if the process of this instance had been killed: its storage answers nothing any more. */
  kill(instance: string): void;
}

/** The data of one or more memory storages. */
export function createMemoryDatabase(): MemoryDatabase {
  const instances = new Map<string, MemoryInstance>();
  return {
    logId: randomUUID(),
    events: [],
    byId: new Map(),
    dedupe: new Map(),
    reactors: new Map(),
    lastReactor: 0,
    once: new Map(),
    replays: new Map(),
    lastReplay: 0,
    instances,
    hints: new Set(),
    kill: (id) => {
      const instance = instances.get(id);
      if (instance) instance.dead = true;
    },
  };
}

export function headOf(database: MemoryDatabase): { seq: number; hash: string } {
  const last = database.events.at(-1);
  return last ? { seq: last.seq, hash: last.hash } : { seq: 0, hash: GENESIS_HASH };
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
  next.dueAt = Math.max(now, database.events[next.seq - 1]?.notBefore ?? 0);
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
