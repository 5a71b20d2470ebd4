/** Leases what is due. */
import type { Claimed, DeliveryRef, Lane, Leased, Wants } from '../storage.js';
import type { HeadCache } from './head-cache.js';
import { HELD_UP } from './key-queue.js';
import { EVENT_COLUMNS, toEvent, type EventRow } from './rows.js';
import type { SqliteLike } from './sqlite-like.js';
import { PENDING, RUNNING } from './states.js';

/** Held up though not parked: an earlier one was made open again (redriven, or created by a seek backward). */
const UNBLOCKED = `NOT ${HELD_UP}`;

/** Live claims pass over what replays have open, which is bounded; replays have an index of their own. */
const lanes: Readonly<Record<Lane, { from: string; where: string }>> = {
  live: { from: 'nexus_deliveries d', where: 'd.run = 0' },
  replays: {
    from: 'nexus_deliveries d INDEXED BY nexus_deliveries_replayed',
    where: `d.run > 0 AND d.state IN (${PENDING}, ${RUNNING})`,
  },
};

type DueRow = EventRow & {
  reactor: number;
  run: number;
  d_seq: number;
  token: number;
  attempt: number;
  postponed: number;
  due_at: number;
  fresh: number;
};

export interface Claims {
  /** Inside a write transaction. */
  claim(wants: Wants, now: number, instance: number): Claimed;
  /** Whether a claim would find something, or a reactor superseded: a read that costs no commit. */
  worthIt(wants: Wants, now: number): boolean;
  /** What to say of the reactors when it is not. */
  unclaimed(wants: Wants, now: number): Claimed['reactors'];
  nextDueAt(reactor: number, lane: Lane): number | undefined;
}

export function createClaims(db: SqliteLike, cache: HeadCache): Claims {
  const columns = `d.reactor, d.run, d.seq AS d_seq, d.token, d.attempt, d.postponed, d.due_at,
    (d.run > 0 AND (SELECT p.fresh FROM nexus_replays p WHERE p.run = d.run)) AS fresh, ${EVENT_COLUMNS}`;
  const select = (extra: string, from = 'nexus_deliveries d'): ReturnType<SqliteLike['prepare']> =>
    db.prepare(`SELECT ${columns} FROM ${from} JOIN nexus_events e ON e.seq = d.seq
      WHERE d.reactor = ? AND d.state = ${PENDING} AND ${extra} AND d.due_at <= ? AND ${UNBLOCKED}
      ORDER BY d.due_at, d.seq LIMIT ?`);
  const inLanes = <T>(make: (lane: { from: string; where: string }) => T): Record<Lane, T> => ({
    live: make(lanes.live),
    replays: make(lanes.replays),
  });
  const due = inLanes(({ from, where }) => select(`d.suspect = 0 AND ${where}`, from));
  const suspects = select('d.suspect = 1 AND d.crashes = 0');
  const crashed = select('d.suspect = 1 AND d.crashes > 0');
  const lease =
    db.prepare(`UPDATE nexus_deliveries SET state = ${RUNNING}, token = token + 1, instance = ?, due_at = NULL, started = 0
    WHERE reactor = ? AND run = ? AND seq BETWEEN ? AND ?`);
  const next = inLanes(({ from, where }) =>
    db.prepare(`SELECT d.due_at FROM ${from} WHERE d.reactor = ? AND d.state = ${PENDING} AND d.suspect = 0 AND ${where}
    AND d.due_at IS NOT NULL AND ${UNBLOCKED} ORDER BY d.due_at LIMIT 1`),
  );
  const anyDue = inLanes(({ from, where }) =>
    db.prepare(
      `SELECT 1 FROM ${from} WHERE d.reactor = ? AND d.state = ${PENDING} AND d.suspect = 0 AND ${where} AND d.due_at <= ? LIMIT 1`,
    ),
  );
  const anySuspect = db.prepare(
    `SELECT 1 FROM nexus_deliveries WHERE reactor = ? AND state = ${PENDING} AND suspect = 1 AND due_at <= ? LIMIT 1`,
  );
  const reactorNow = db.prepare(
    'SELECT generation, paused FROM nexus_reactors WHERE key = ? AND removed_at IS NULL',
  );

  const isPaused = (reactor: number): boolean =>
    (reactorNow.get(reactor) as { paused: number } | undefined)?.paused === 1;

  const take = (rows: readonly DueRow[], suspect: boolean, instance: number): Leased[] => {
    // A backlog is made of neighbours: a statement for all of a stretch costs little more than one for its first.
    for (let first = 0; first < rows.length;) {
      let next = first + 1;
      while (follows(rows[next - 1], rows[next])) next += 1;
      const [one, last] = [rows[first], rows[next - 1]];
      if (one && last) lease.run(instance, one.reactor, one.run, one.d_seq, last.d_seq);
      first = next;
    }
    return rows.map((row) => ({
      lease: { reactor: row.reactor, run: row.run, seq: row.d_seq, token: row.token + 1 },
      event: toEvent(row),
      suspect,
      fresh: row.fresh === 1,
      attempt: row.attempt,
      postponed: row.postponed,
      dueAt: row.due_at,
    }));
  };

  return {
    claim: (wants, now, instance) => {
      const lane = wants.lane ?? 'live';
      if (cache.isLost(instance)) {
        return {
          leased: [],
          reactors: wants.reactors.map(() => ({ more: false, superseded: false })),
          instance: 'lost',
        };
      }
      const leased: Leased[] = [];
      const candidates: DueRow[] = [];
      const few = wants.suspects;
      const reactors = wants.reactors.map(({ reactor, generation, limit }) => {
        const state = cache.reactor(reactor);
        if (!state || state.removed || state.generation !== generation)
          return { more: false, superseded: true };
        if (state.paused) return { more: false, superseded: false };
        if (few.limit > 0) {
          const rows = (few.crashed ? crashed : suspects).all(
            reactor,
            now,
            few.limit + wants.except.length,
          ) as DueRow[];
          candidates.push(...rows.filter((row) => !excepted(wants.except, row)));
        }
        if (limit <= 0) return { more: anyDue[lane].get(reactor, now) !== undefined, superseded: false };
        const rows = (due[lane].all(reactor, now, limit + 1 + wants.except.length) as DueRow[]).filter(
          (row) => !excepted(wants.except, row),
        );
        leased.push(...take(rows.slice(0, limit), false, instance));
        return { more: rows.length > limit, superseded: false };
      });
      candidates.sort((a, b) => a.due_at - b.due_at || a.d_seq - b.d_seq);
      leased.push(...take(candidates.slice(0, few.limit), true, instance));
      return { leased, reactors, instance: 'held' };
    },
    worthIt: (wants, now) =>
      wants.reactors.some(({ reactor, generation, limit }) => {
        const row = reactorNow.get(reactor) as { generation: number; paused: number } | undefined;
        if (row?.generation !== generation) return true;
        if (row.paused === 1) return false;
        return (
          (limit > 0 && anyDue[wants.lane ?? 'live'].get(reactor, now) !== undefined) ||
          (wants.suspects.limit > 0 && anySuspect.get(reactor, now) !== undefined)
        );
      }),
    unclaimed: (wants, now) =>
      wants.reactors.map(({ reactor, limit }) => ({
        more:
          limit <= 0 && !isPaused(reactor) && anyDue[wants.lane ?? 'live'].get(reactor, now) !== undefined,
        superseded: false,
      })),
    nextDueAt: (reactor, lane) => {
      const row = reactorNow.get(reactor) as { paused: number } | undefined;
      if (row?.paused !== 0) return undefined;
      return (next[lane].get(reactor) as { due_at: number } | undefined)?.due_at;
    },
  };
}

function follows(before: DueRow | undefined, row: DueRow | undefined): boolean {
  return (
    before?.reactor === row?.reactor && before?.run === row?.run && before?.d_seq === (row?.d_seq ?? 0) - 1
  );
}

function excepted(except: readonly DeliveryRef[], row: DueRow): boolean {
  return except.some(
    ({ reactor, run, seq }) => reactor === row.reactor && run === row.run && seq === row.d_seq,
  );
}
