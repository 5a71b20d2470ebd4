/** Removes the beginning of the log, a step at a time; what is left of it says only that it was there. */
import type { Prune, Pruned } from '../storage.js';
import type { Append } from './append.js';
import type { HeadCache } from './head-cache.js';
import type { SqliteLike } from './sqlite-like.js';
import { DEAD, PENDING, RUNNING } from './states.js';

/** Inside a write transaction. */
export type PruneRows = (prune: Prune) => Pruned;

type Group = { readonly reactor: number; readonly run: number };
type Bound = { readonly seq: number; readonly by: Pruned['heldBy'] };

export function createPrune(db: SqliteLike, append: Append, cache: HeadCache): PruneRows {
  const base = db.prepare(`SELECT CAST(value AS INTEGER) AS seq FROM nexus_meta WHERE key = 'base_seq'`);
  const setBase = db.prepare(`UPDATE nexus_meta SET value = CASE key WHEN 'base_seq' THEN ? ELSE ? END
    WHERE key IN ('base_seq', 'base_hash')`);
  const positions = db.prepare('SELECT min(position) AS seq FROM nexus_reactors WHERE removed_at IS NULL');
  const replays = db.prepare(`SELECT min(p.position) AS seq FROM nexus_replays r
    JOIN nexus_replay_reactors p ON p.run = r.run JOIN nexus_reactors x ON x.key = p.reactor
    WHERE r.state = 'running' AND x.removed_at IS NULL AND p.position < r.until`);
  const nth = db.prepare('SELECT seq FROM nexus_events WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?');
  const lastUpTo = db.prepare('SELECT seq, hash FROM nexus_events WHERE seq <= ? ORDER BY seq DESC LIMIT 1');
  const nextGroup = db.prepare(
    'SELECT reactor, run FROM nexus_deliveries WHERE (reactor, run) > (?, ?) ORDER BY reactor, run LIMIT 1',
  );
  const within = 'reactor = ? AND run = ? AND seq > ? AND seq <= ?';
  const needed = db.prepare(`SELECT seq, state FROM nexus_deliveries WHERE ${within}
    AND state IN (${PENDING}, ${RUNNING}, ${DEAD}) ORDER BY seq LIMIT 1`);
  const attempts = db.prepare(`DELETE FROM nexus_attempts WHERE ${within}`);
  const deliveries = db.prepare(`DELETE FROM nexus_deliveries WHERE ${within}`);
  const once = db.prepare('DELETE FROM nexus_once WHERE reactor = ? AND seq > ? AND seq <= ?');
  const keep = db.prepare(`INSERT OR IGNORE INTO nexus_pruned (seq, id, type, timestamp)
    SELECT seq, id, type, timestamp FROM nexus_events WHERE seq <= ?`);
  const remove = db.prepare('DELETE FROM nexus_events WHERE seq <= ?');

  const groups = (): Group[] => {
    const found: Group[] = [];
    for (let group = nextGroup.get(0, -1); group;) {
      const { reactor, run } = group as Group;
      found.push({ reactor, run });
      group = nextGroup.get(reactor, run);
    }
    return found;
  };
  const lower = (bound: Bound, seq: number | null, by: Pruned['heldBy']): Bound =>
    seq !== null && seq < bound.seq ? { seq, by } : bound;

  return ({ to, rows, note }) => {
    const from = (base.get() as { seq: number }).seq;
    let bound: Bound = { seq: to, by: undefined };
    bound = lower(bound, (positions.get() as { seq: number | null }).seq, 'position');
    bound = lower(bound, (replays.get() as { seq: number | null }).seq, 'replay');
    const step = nth.get(from, rows - 1) as { seq: number } | undefined;
    bound = lower(bound, step?.seq ?? null, undefined);
    const all = groups();
    for (const { reactor, run } of all) {
      const row = needed.get(reactor, run, from, bound.seq) as { seq: number; state: number } | undefined;
      if (row) bound = { seq: row.seq - 1, by: row.state === DEAD ? 'dead_letter' : 'delivery' };
    }
    const last = lastUpTo.get(bound.seq) as { seq: number; hash: string } | undefined;
    if (!last || last.seq <= from) return { removed: 0, base: from, heldBy: bound.by };
    if (note) append([note], () => true);
    setBase.run(String(last.seq), last.hash);
    keep.run(last.seq);
    for (const { reactor, run } of all) {
      attempts.run(reactor, run, from, last.seq);
      once.run(reactor, from, last.seq);
      deliveries.run(reactor, run, from, last.seq);
    }
    const removed = Number(remove.run(last.seq).changes);
    cache.drop();
    return { removed, base: last.seq, heldBy: bound.by };
  };
}
