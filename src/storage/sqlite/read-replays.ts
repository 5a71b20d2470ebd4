/** Bounded reads of replays. */
import type { Footprint, ReactorReplayRow, ReplayReaders, ReplayRow, ReplayState } from '../replays.js';
import { OPEN_REPLAYED } from './replays.js';
import type { SqliteLike, SqliteValue } from './sqlite-like.js';
import { DEAD, PENDING, RUNNING } from './states.js';

type ReplayTableRow = {
  run: number;
  after: number;
  until: number;
  from_at: number | null;
  to_at: number | null;
  types: string | null;
  fresh: number;
  state: string;
  created_at: number;
  finished_at: number | null;
};
type ProgressRow = Omit<ReactorReplayRow, 'removed'> & { removed: number };

export function createReplayReaders(db: SqliteLike): ReplayReaders {
  const one = db.prepare('SELECT * FROM nexus_replays WHERE run = ?');
  const page = (condition: string): ReturnType<SqliteLike['prepare']> =>
    db.prepare(`SELECT * FROM nexus_replays WHERE run < ? ${condition} ORDER BY run DESC LIMIT ?`);
  const all = page('');
  const inState = page('AND state = ?');
  const running = page(`AND state = 'running'`);
  const reactors = db.prepare(`SELECT p.reactor, x.name AS reactorName, x.removed_at IS NOT NULL AS removed,
      p.position, p.created, p.skipped,
      (SELECT count(*) FROM ${OPEN_REPLAYED} AND d.reactor = p.reactor AND d.run = p.run) AS open
    FROM nexus_replay_reactors p JOIN nexus_reactors x ON x.key = p.reactor WHERE p.run = ? ORDER BY p.reactor`);
  const dead = db.prepare(
    `SELECT count(*) AS n FROM nexus_deliveries WHERE reactor = ? AND run = ? AND state = ${DEAD}`,
  );

  const toReplay = (row: ReplayTableRow): ReplayRow => ({
    run: row.run,
    after: row.after,
    until: row.until,
    fromAt: row.from_at,
    toAt: row.to_at,
    types: row.types === null ? null : (JSON.parse(row.types) as string[]),
    fresh: row.fresh === 1,
    state: row.state as ReplayState,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    reactors: (reactors.all(row.run) as ProgressRow[]).map((each) => ({
      ...each,
      removed: each.removed === 1,
    })),
  });
  const select = (state: ReplayState | undefined, before: number, limit: number): unknown[] => {
    if (state === undefined) return all.all(before, limit);
    return state === 'running' ? running.all(before, limit) : inState.all(before, state, limit);
  };

  return {
    replay: async (run) => {
      const row = one.get(run) as ReplayTableRow | undefined;
      return row && toReplay(row);
    },
    replays: async ({ state, before = Number.MAX_SAFE_INTEGER, limit }) =>
      (select(state, before, limit) as ReplayTableRow[]).map(toReplay),
    deadIn: async ({ reactor, run }) => (dead.get(reactor, run) as { n: number }).n,
    footprint: createFootprint(db),
  };
}

function createFootprint(db: SqliteLike): ReplayReaders['footprint'] {
  const inProgress = db.prepare(`SELECT j.value AS seq FROM json_each(?) j WHERE j.value > (
      SELECT position FROM nexus_reactors WHERE key = ?)
    OR EXISTS (SELECT 1 FROM nexus_deliveries d WHERE d.reactor = ? AND d.seq = j.value
      AND d.run IN (SELECT 0 UNION ALL SELECT run FROM nexus_replays WHERE state = 'running')
      AND d.state IN (${PENDING}, ${RUNNING}))`);
  const children = db.prepare(`SELECT c.type, count(*) AS count FROM json_each(?) j
    CROSS JOIN nexus_events c ON c.causation_id = j.value
    WHERE EXISTS (SELECT 1 FROM nexus_dedupe k WHERE k.source = c.source AND k.seq = c.seq
      AND k.key >= ? || j.value || ':' AND k.key < ? || j.value || ';')
    GROUP BY c.type ORDER BY c.type`);
  const once = db.prepare(`SELECT count(*) AS n FROM json_each(?) j
    CROSS JOIN nexus_once o ON o.reactor = ? AND o.seq = j.value AND o.run = 0`);
  const list = (values: readonly SqliteValue[]): string => JSON.stringify(values);

  return async ({ reactor, events, childKey }): Promise<Footprint> => {
    const seqs = events.map(({ seq }) => seq);
    const busy = (inProgress.all(list(seqs), reactor, reactor) as { seq: number }[]).map(({ seq }) => seq);
    const left = new Set(busy);
    const rest = events.filter(({ seq }) => !left.has(seq));
    const ids = list(rest.map(({ id }) => id));
    return {
      inProgress: busy,
      children: children.all(ids, childKey, childKey) as { type: string; count: number }[],
      once: (once.get(list(rest.map(({ seq }) => seq)), reactor) as { n: number }).n,
    };
  };
}
