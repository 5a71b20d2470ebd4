/** Bounded reads. In WAL mode they neither wait for writers nor hold them up. */
import type { BlockedKey, Readers, StorageSizes } from '../storage.js';
import { createCounts } from './counts.js';
import type { DedupeKeys } from './dedupe.js';
import { reading } from './failure.js';
import { BEHIND, HELD_UP } from './key-queue.js';
import type { OnceRows } from './once.js';
import { readDeliveries } from './read-deliveries.js';
import { readEvents, readLog } from './read-events.js';
import { createChainReaders } from './read-chain.js';
import { createReplayReaders } from './read-replays.js';
import {
  DELIVERY_COLUMNS,
  EVENT_COLUMNS,
  toAttempt,
  toDelivery,
  toEvent,
  toReactor,
  type AttemptRow,
  type DeliveryRow,
  type EventRow,
  type ReactorTableRow,
} from './rows.js';
import type { SqliteLike } from './sqlite-like.js';
import { DEAD, PENDING } from './states.js';

export function createReaders(
  db: SqliteLike,
  {
    path,
    running,
    once,
    dedupe,
    sizes,
  }: {
    path: string;
    running: () => number;
    once: OnceRows;
    dedupe: Pick<DedupeKeys, 'owner'>;
    sizes: () => StorageSizes;
  },
): Readers {
  const head = db.prepare(`SELECT coalesce((SELECT seq FROM nexus_events ORDER BY seq DESC LIMIT 1),
      (SELECT CAST(value AS INTEGER) FROM nexus_meta WHERE key = 'base_seq')) AS seq,
    coalesce((SELECT hash FROM nexus_events ORDER BY seq DESC LIMIT 1), (SELECT value FROM nexus_meta WHERE key = 'base_hash')) AS hash`);
  const event = db.prepare(`SELECT ${EVENT_COLUMNS} FROM nexus_events e WHERE e.id = ?`);
  const eventsById = db.prepare(
    `SELECT ${EVENT_COLUMNS} FROM nexus_events e WHERE e.id IN (SELECT value FROM json_each(?))`,
  );
  const eventBySeq = db.prepare(`SELECT ${EVENT_COLUMNS} FROM nexus_events e WHERE e.seq = ?`);
  const delivery =
    db.prepare(`SELECT ${DELIVERY_COLUMNS} FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor
    JOIN nexus_events e ON e.seq = d.seq WHERE d.reactor = ? AND d.run = ? AND d.seq = ?`);
  const attempts = db.prepare(
    'SELECT * FROM nexus_attempts WHERE reactor = ? AND run = ? AND seq = ? ORDER BY n LIMIT 1000',
  );
  const reactors = db.prepare('SELECT * FROM nexus_reactors WHERE removed_at IS NULL ORDER BY name');
  const blocked =
    db.prepare(`SELECT d.order_key AS orderKey, d.seq, d.attempt, d.due_at AS dueAt, (${BEHIND}) AS waiting
    FROM nexus_deliveries d WHERE d.reactor = ? AND d.run = 0 AND d.state = ${PENDING} AND d.attempt > 0
    AND d.due_at IS NOT NULL AND d.order_key IS NOT NULL AND NOT ${HELD_UP} AND waiting > 0 ORDER BY d.due_at, d.seq LIMIT ?`);
  const waiting =
    db.prepare(`SELECT count(*) AS pending, coalesce(sum(attempt > 0), 0) AS retrying, min(due_at) AS due
    FROM nexus_deliveries WHERE state = ${PENDING}`);
  const dead = db.prepare(`SELECT count(*) AS n FROM nexus_deliveries WHERE state = ${DEAD}`);
  const headSeq = (): { seq: number; hash: string } => head.get() as { seq: number; hash: string };
  const log = readLog(db, () => headSeq().seq);
  const events = readEvents(db);
  const deliveries = readDeliveries(db);
  const counts = createCounts(db);

  return {
    ...createReplayReaders(db),
    ...createChainReaders(db, path),
    head: async () => reading(path, headSeq),
    event: async (id) => {
      const row = event.get(id) as EventRow | undefined;
      return row && toEvent(row);
    },
    eventsById: async (ids) => (eventsById.all(JSON.stringify(ids)) as EventRow[]).map(toEvent),
    eventByKey: async (source, key) => {
      const seq = dedupe.owner(source, key);
      const row = seq === undefined ? undefined : (eventBySeq.get(seq) as EventRow | undefined);
      return row && toEvent(row);
    },
    events: async (query) => reading(path, () => events(query)),
    log: async (range) => log(range),
    delivery: async ({ reactor, run, seq }) => {
      const row = delivery.get(reactor, run, seq) as DeliveryRow | undefined;
      return row && toDelivery(row);
    },
    deliveries: async (query) => deliveries(query),
    attempts: async ({ reactor, run, seq }) =>
      (attempts.all(reactor, run, seq) as AttemptRow[]).map(toAttempt),
    reactors: async () => (reactors.all() as ReactorTableRow[]).map(toReactor),
    counts: (reactor) => counts(reactor),
    once: async (place) => once.read(place),
    blockedKeys: async (reactor, limit) => blocked.all(reactor, limit) as BlockedKey[],
    sizes: async () => sizes(),
    backlog: async () => {
      const { pending, retrying, due } = waiting.get() as {
        pending: number;
        retrying: number;
        due: number | null;
      };
      return {
        pending,
        retrying,
        running: running(),
        dead: (dead.get() as { n: number }).n,
        oldestDueAt: due ?? undefined,
      };
    },
  };
}
