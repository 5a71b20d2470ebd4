/** Instances, their leases, and what becomes of the deliveries of dead ones. */
import { MAX_CRASHES } from '../../core/delivery.js';
import type { DeliveryRef, Recovered } from '../storage.js';
import { BORN_LEASED } from './lease-floor.js';
import type { WakeNext } from './key-queue.js';
import type { Liveness } from './liveness.js';
import { SLOTS } from './marks.js';
import type { Attempts } from './settle.js';
import type { SqliteLike } from './sqlite-like.js';
import { DEAD, PENDING, RUNNING } from './states.js';

type InstanceRow = { key: number; id: string; lease_until: number; lost: number };
type HeldRow = DeliveryRef & { started: number; crashes: number; attempt: number };

export interface Instances {
  /** In a write transaction; returns the instance's number, and its slot for marks while there is a free one. */
  enter(
    id: string,
    leaseMs: number,
    now: number,
    floor: number,
  ): { readonly key: number; readonly slot: number | undefined };
  /** In a write transaction; false when another instance has taken over. */
  renew(key: number, leaseMs: number, now: number, floor: number): boolean;
  /** In a write transaction: none of those born leased to it is open below. */
  raise(key: number, floor: number): void;
  /** The dead among the others. Only reads. */
  dead(self: number, now: number): readonly InstanceRow[];
  /** In a write transaction. */
  takeBack(dead: readonly InstanceRow[], limit: number, now: number): Recovered;
  /** In a write transaction: forgets an instance that holds nothing. */
  leave(key: number): void;
  /** Deliveries that are leased to anyone. */
  running(): number;
}

export function createInstances(
  db: SqliteLike,
  liveness: Liveness,
  attempts: Attempts,
  wakeNext: WakeNext,
): Instances {
  const insert = db.prepare(
    'INSERT INTO nexus_instances (key, id, lease_ms, lease_until, started_at, floor) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const lastKey = db.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'nexus_instances'`);
  const extend = db.prepare(
    'UPDATE nexus_instances SET lease_until = ?, floor = ? WHERE key = ? AND lost = 0',
  );
  const others = db.prepare('SELECT key, id, lease_until, lost FROM nexus_instances WHERE key <> ?');
  const markLost = db.prepare('UPDATE nexus_instances SET lost = 1 WHERE key = ?');
  const claimed = db.prepare(`SELECT reactor, run, seq, started, crashes, attempt FROM nexus_deliveries
    WHERE instance = ? AND state = ${RUNNING} AND token > ${BORN_LEASED} LIMIT ?`);
  const born = db.prepare(`SELECT d.reactor, d.run, d.seq, d.started, d.crashes, d.attempt
    FROM nexus_reactors r CROSS JOIN nexus_deliveries d ON d.reactor = r.key AND d.run = 0 AND d.seq >= ?
    WHERE d.state = ${RUNNING} AND d.token = ${BORN_LEASED} AND d.instance = ? LIMIT ?`);
  const raise = db.prepare('UPDATE nexus_instances SET floor = ? WHERE key = ?');
  const back =
    db.prepare(`UPDATE nexus_deliveries SET state = ${PENDING}, suspect = 1, started = 0, instance = NULL, due_at = ?, crashes = ?
    WHERE reactor = ? AND run = ? AND seq = ?`);
  const kill =
    db.prepare(`UPDATE nexus_deliveries SET state = ${DEAD}, suspect = 0, started = 0, instance = NULL, reason = 'crashed', finished_at = ?,
    crashes = ?, error_code = ?, error_message = ? WHERE reactor = ? AND run = ? AND seq = ?`);
  const forget = db.prepare('DELETE FROM nexus_instances WHERE key = ?');
  const floorOf = db.prepare('SELECT floor FROM nexus_instances WHERE key = ?');
  const all = db.prepare('SELECT key FROM nexus_instances');

  const heldBy = (key: number, limit: number): HeldRow[] => {
    const floor = (floorOf.get(key) as { floor: number } | undefined)?.floor ?? 0;
    const held = claimed.all(key, limit) as HeldRow[];
    return [...held, ...(born.all(floor, key, limit - held.length) as HeldRow[])];
  };

  const takeOne = (row: HeldRow, now: number): 'pending' | 'dead' => {
    const { reactor, run, seq } = row;
    const crashes = row.crashes + row.started;
    const error = {
      code: 'CRASHED',
      message: `the process died while this handler ran (crash ${crashes} of ${MAX_CRASHES})`,
    };
    if (row.started === 1)
      attempts.add(row, { attempt: row.attempt, outcome: 'crashed', at: now, ms: 0, error });
    if (crashes >= MAX_CRASHES) {
      kill.run(now, crashes, error.code, error.message, reactor, run, seq);
      wakeNext(row, now);
      return 'dead';
    }
    back.run(now, crashes, reactor, run, seq);
    return 'pending';
  };

  return {
    enter: (id, leaseMs, now, floor) => {
      // The number tells the slot, so nothing else needs to be kept: numbers whose slot is in use are left out.
      const used = new Set((all.all() as { key: number }[]).map(({ key }) => key % SLOTS));
      const next = ((lastKey.get() as { seq: number } | undefined)?.seq ?? 0) + 1;
      let key = next;
      while (used.has(key % SLOTS) && key < next + SLOTS) key += 1;
      insert.run(key, id, leaseMs, now + leaseMs, now, floor);
      return { key, slot: used.has(key % SLOTS) ? undefined : key % SLOTS };
    },
    // An expired lease that nobody took over is still good: each settlement proves itself by its own token.
    renew: (key, leaseMs, now, floor) => extend.run(now + leaseMs, floor, key).changes === 1,
    raise: (key, floor) => void raise.run(floor, key),
    dead: (self, now) =>
      (others.all(self) as InstanceRow[]).filter(
        (row) => row.lost === 1 || row.lease_until < now || liveness.isDead(row.id),
      ),
    takeBack: (dead, limit, now) => {
      const recovered: { delivery: DeliveryRef; state: 'pending' | 'dead' }[] = [];
      for (const instance of dead) {
        markLost.run(instance.key);
        const rows = heldBy(instance.key, limit - recovered.length);
        for (const row of rows) {
          const { reactor, run, seq } = row;
          recovered.push({ delivery: { reactor, run, seq }, state: takeOne(row, now) });
        }
        if (recovered.length >= limit) return { recovered, more: true };
        forget.run(instance.key);
        liveness.forget(instance.id);
      }
      return { recovered, more: false };
    },
    leave: (key) => {
      if (heldBy(key, 1).length === 0) forget.run(key);
    },
    running: () =>
      (all.all() as { key: number }[]).reduce(
        (sum, { key }) => sum + heldBy(key, Number.MAX_SAFE_INTEGER).length,
        0,
      ),
  };
}
