/** The memory adapter: the contract in its plainest form, and the storage of tests. */
import { hash } from 'node:crypto';
import type { Sha256 } from '../../core/chain.js';
import type { Clock } from '../../core/clock.js';
import { NexusError } from '../../core/errors.js';
import type { Lost, NewEvent, Storage } from '../storage.js';
import { claim, nextDueAt, recover } from './claims.js';
import { append, commit } from './commit.js';
import { createMemoryDatabase, find, headOf, type MemoryDatabase, type MemoryInstance } from './database.js';
import { editRows, register } from './edits.js';
import { prune, redact } from './keeping.js';
import { createReaders } from './readers.js';
import { sweep } from './sweep.js';
import { registerSchedule } from './schedules.js';
import { fanOutReplay, startReplay } from './replays.js';

/** For `memoryStorage`. */
export interface MemoryStorageOptions {
  /** @internal Share one to be several instances on one log. @default a new one */
  database?: MemoryDatabase;
  /** Decides leases and due times. @default the system's */
  clock?: Pick<Clock, 'now'>;
}

const sha256: Sha256 = (text) => hash('sha256', text, 'hex');

/**
 * A storage that forgets everything with its process.
 *
 * @example const nexus = createNexus({ storage: memoryStorage() });
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  const database = options.database ?? createMemoryDatabase();
  const now = (): number => options.clock?.now() ?? Date.now();
  const readers = createReaders(database);
  let self: { id: string; instance: MemoryInstance } | undefined;
  let reading = false;

  const alive = (): string => {
    if (self && !self.instance.dead) return self.id;
    throw new NexusError('NEXUS_CLOSED', 'the memory storage is not open');
  };
  const wrote = (): void => {
    const from = self?.id ?? '';
    if (database.hints.size > 0) queueMicrotask(() => database.hints.forEach((hint) => hint(from)));
  };

  return {
    capabilities: { durability: 'none', processes: 'one', chain: true, outbox: true, backup: false },
    open: async ({ instance: id, leaseMs, mode, gap }) => {
      const lost = findLost(database);
      if (lost && mode === 'run') fill(database, lost, gap);
      if (mode === 'run') {
        if (self) self.instance.dead = true;
        self = { id, instance: { leaseUntil: now() + leaseMs, leaseMs, lost: false, dead: false } };
        database.instances.set(id, self.instance);
      } else reading = true;
      return { logId: database.logId, head: headOf(database).seq, ...(lost && { lost }) };
    },
    register: async (registration) => {
      alive();
      const row = register(database, registration);
      wrote();
      return row;
    },
    schedule: async (registration) => {
      alive();
      return registerSchedule(database, registration);
    },
    commit: async (batch) => {
      const committed = commit(database, batch, { now: now(), instance: alive(), sha256 });
      wrote();
      return committed;
    },
    claim: async (wants) => {
      const claimed = claim(database, wants, { now: now(), instance: alive() });
      if (claimed.leased.length > 0) wrote();
      return claimed;
    },
    markStarted: async (leases) => {
      alive();
      return leases.map((lease) => {
        const delivery = find(database, lease);
        if (delivery?.state !== 'running' || delivery.token !== lease.token) return false;
        delivery.started = true;
        return true;
      });
    },
    renew: async () => {
      alive();
      if (!self || self.instance.lost) return 'lost';
      self.instance.leaseUntil = now() + self.instance.leaseMs;
      return 'held';
    },
    recover: async ({ limit }) => {
      const recovered = recover(database, alive(), now(), limit);
      if (recovered.recovered.length > 0) wrote();
      return recovered;
    },
    nextDueInMs: async (reactors, lane = 'live') => {
      alive();
      const due = reactors.flatMap((key) => nextDueAt(database.reactors.get(key), lane) ?? []);
      return due.length > 0 ? due.reduce((first, each) => Math.min(first, each)) - now() : undefined;
    },
    startReplay: async (replay) => {
      alive();
      const row = startReplay(database, replay, now());
      wrote();
      return row;
    },
    fanOutReplay: async (page) => {
      alive();
      const result = fanOutReplay(database, page, now());
      if (result.outcome === 'done') wrote();
      return result;
    },
    get read() {
      if (!reading) alive();
      return readers;
    },
    sweep: async (options) => {
      alive();
      return sweep(database, options, now());
    },
    edit: async (edit) => {
      alive();
      const changed = editRows(database, edit, now());
      if (changed > 0) wrote();
      return { changed };
    },
    redact: async (redaction) => {
      alive();
      const redacted = redact(database, redaction, { now: now(), sha256 });
      if (redacted.outcome === 'redacted') wrote();
      return redacted;
    },
    prune: async (step) => {
      alive();
      const pruned = prune(database, step, sha256);
      if (pruned.removed > 0) wrote();
      return pruned;
    },
    backup: async () => {
      throw new NexusError('NEXUS_NOT_SUPPORTED', 'the memory storage has no file that could be copied');
    },
    onChange: (hint) => {
      const listener = (from: string): void => {
        if (self && !self.instance.dead && from !== self.id) hint();
      };
      database.hints.add(listener);
      return () => void database.hints.delete(listener);
    },
    onTrouble: () => () => undefined,
    close: async () => {
      if (self) self.instance.dead = true;
      self = undefined;
      reading = false;
    },
  };
}

function findLost(database: MemoryDatabase): Lost | undefined {
  const { marked } = database;
  const head = headOf(database).seq;
  if (marked.seq <= head) return undefined;
  return { events: marked.seq - head, from: head + 1, to: marked.seq, hash: marked.hash.slice(0, 28) };
}

function fill(database: MemoryDatabase, lost: Lost, gap: ((lost: Lost) => NewEvent) | undefined): void {
  if (!gap) {
    throw new NexusError(
      'NEXUS_STORAGE_CORRUPT',
      `${lost.events} acknowledged events are missing from the log; open it with an event to record that`,
      { details: { ...lost } },
    );
  }
  append(database, gap(lost), sha256, { seq: lost.to, hash: headOf(database).hash });
}
