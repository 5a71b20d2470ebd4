/** Replays: their rows, and the deliveries that they create. */
import type { Match, ReplayFannedOut, ReplayPage } from '../storage.js';
import type { NewReplay } from '../replays.js';
import type { HeadCache } from './head-cache.js';
import type { Attempts } from './settle.js';
import type { SqliteLike } from './sqlite-like.js';
import { createErased } from './erased.js';
import { CANCELLED, DEAD, PENDING, RUNNING } from './states.js';

/** Each inside a write transaction. */
export interface Replays {
  /** Returns its number. */
  start(replay: NewReplay, now: number): number;
  fanOut(page: ReplayPage, now: number): ReplayFannedOut;
  /** Returns how many replays changed: 1 or 0. */
  cancel(run: number, now: number): number;
  finish(run: number, now: number): number;
}

/** The open deliveries of replays: they are few, and found by an index of their own. */
export const OPEN_REPLAYED = `nexus_deliveries d INDEXED BY nexus_deliveries_replayed
  WHERE d.run > 0 AND d.state IN (${PENDING}, ${RUNNING})`;

export function createReplays(db: SqliteLike, cache: HeadCache, attempts: Attempts): Replays {
  const insert =
    db.prepare(`INSERT INTO nexus_replays (after, until, from_at, to_at, types, fresh, state, created_at)
    VALUES (?, ?, ?, ?, ?, ?, 'running', ?)`);
  const include = db.prepare('INSERT INTO nexus_replay_reactors (run, reactor, position) VALUES (?, ?, ?)');
  const progress = db.prepare(`SELECT p.position, r.state FROM nexus_replays r
    JOIN nexus_replay_reactors p ON p.run = r.run AND p.reactor = ? WHERE r.run = ?`);
  const move =
    db.prepare(`UPDATE nexus_replay_reactors SET position = ?, created = created + ?, skipped = skipped + ?
    WHERE run = ? AND reactor = ?`);
  const running = db.prepare(`SELECT run FROM nexus_replays WHERE state = 'running' AND run <> ?`);
  const open = db.prepare(
    `SELECT 1 FROM nexus_deliveries WHERE reactor = ? AND run = ? AND seq = ? AND state IN (${PENDING}, ${RUNNING})`,
  );
  const earlier = db.prepare(`SELECT 1 FROM nexus_deliveries WHERE reactor = ? AND run = ? AND order_key = ?
    AND order_key IS NOT NULL AND state IN (${PENDING}, ${RUNNING}) AND seq < ? LIMIT 1`);
  const pending = db.prepare(`INSERT INTO nexus_deliveries (reactor, run, seq, state, due_at, order_key)
    VALUES (?, ?, ?, ${PENDING}, ?, ?)`);
  const bornDead =
    db.prepare(`INSERT INTO nexus_deliveries (reactor, run, seq, state, reason, finished_at, error_code, error_message)
    VALUES (?, ?, ?, ${DEAD}, ?, ?, ?, ?)`);
  const bornCancelled =
    db.prepare(`INSERT INTO nexus_deliveries (reactor, run, seq, state, reason, finished_at)
    VALUES (?, ?, ?, ${CANCELLED}, 'redacted', ?)`);
  const erasedIn = createErased(db);
  const end = db.prepare(
    `UPDATE nexus_replays SET state = ?, finished_at = ? WHERE run = ? AND state = 'running'`,
  );
  const cancelOpen =
    db.prepare(`UPDATE nexus_deliveries SET state = ${CANCELLED}, reason = 'replay_cancelled', instance = NULL,
      suspect = 0, started = 0, due_at = NULL, finished_at = ?
    WHERE (reactor, run, seq) IN (SELECT d.reactor, d.run, d.seq FROM nexus_replay_reactors p CROSS JOIN ${OPEN_REPLAYED}
      AND p.run = ? AND d.reactor = p.reactor AND d.run = p.run)`);
  const unfinished =
    db.prepare(`SELECT 1 FROM nexus_replay_reactors p JOIN nexus_replays r ON r.run = p.run WHERE p.run = ? AND (
    (p.position < r.until AND NOT EXISTS (SELECT 1 FROM nexus_reactors x WHERE x.key = p.reactor AND x.removed_at IS NOT NULL))
    OR EXISTS (SELECT 1 FROM ${OPEN_REPLAYED} AND d.reactor = p.reactor AND d.run = p.run)) LIMIT 1`);

  const create = (of: { reactor: number; run: number }, match: Match, now: number): void => {
    const { reactor, run } = of;
    const seq = match.event;
    if (match.dead) {
      const { reason, error } = match.dead;
      bornDead.run(reactor, run, seq, reason, now, error.code, error.message);
      attempts.add({ reactor, run, seq }, { attempt: 0, outcome: 'dead', at: now, ms: 0, error });
      return;
    }
    const key = match.orderKey ?? null;
    const heldUp = key !== null && earlier.get(reactor, run, key, seq) !== undefined;
    pending.run(reactor, run, seq, heldUp ? null : Math.max(now, match.notBefore ?? 0), key);
  };

  return {
    start: ({ reactors, after, until, fromAt, toAt, types, fresh }, now) => {
      const listed = types && JSON.stringify(types);
      const run = Number(insert.run(after, until, fromAt, toAt, listed, Number(fresh), now).lastInsertRowid);
      for (const reactor of reactors) include.run(run, reactor, after);
      return run;
    },
    fanOut: ({ run, reactor, generation, after, to, matches }, now) => {
      const state = cache.reactor(reactor);
      if (!state || state.removed || state.generation !== generation) return { outcome: 'superseded' };
      const row = progress.get(reactor, run) as { position: number; state: string } | undefined;
      if (row?.state !== 'running') return { outcome: 'over' };
      if (row.position !== after) return { outcome: 'moved', position: row.position };
      const others = [0, ...(running.all(run) as { run: number }[]).map((other) => other.run)];
      const erased = erasedIn({ after, to });
      let created = 0;
      for (const match of matches) {
        const seq = match.event;
        if (seq > state.position || others.some((other) => open.get(reactor, other, seq) !== undefined))
          continue;
        if (match.orderKey !== undefined) state.keyed = true;
        if (erased?.has(seq)) bornCancelled.run(reactor, run, seq, now);
        else create({ reactor, run }, match, now);
        created += 1;
      }
      const skipped = matches.length - created;
      move.run(to, created, skipped, run, reactor);
      return { outcome: 'done', created, skipped };
    },
    cancel: (run, now) => {
      const changed = Number(end.run('cancelled', now, run).changes);
      if (changed > 0) cancelOpen.run(now, run);
      return changed;
    },
    finish: (run, now) => (unfinished.get(run) === undefined ? Number(end.run('done', now, run).changes) : 0),
  };
}
