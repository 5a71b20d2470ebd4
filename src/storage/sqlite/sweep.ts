/**
 * Retention, a step at a time and without an index of its own. A pass walks each reactor's deliveries upward by their
 * key. What became final long ago belongs to events that are at least as old, so the walk ends at the last event that
 * is old enough: it meets what is due, and what was left behind below (dead letters that are kept, late finishers,
 * redriven ones), which each pass looks at again. A clock that was wrong for a while delays, and removes nothing early,
 * for each delivery is judged by its own instant.
 */
import type { Sweep, Swept } from '../storage.js';
import type { HeadCache } from './head-cache.js';
import type { SqliteLike } from './sqlite-like.js';
import { createLeftovers, sweptKinds, type Seen, type SweptKind } from './sweep-rows.js';
import type { Write } from './transaction.js';

export type SweepStep = (sweep: Sweep, now: number) => Promise<Swept>;

/** One walk over the deliveries of one kind. */
type Walk = {
  readonly kind: SweptKind;
  readonly keepMs: number;
  readonly cutoff: number;
  /** The last event that is old enough. */
  readonly oldEnough: number;
  reactor: number;
  run: number;
  after: number;
};

type Pass = {
  readonly walks: Walk[];
  /** The earliest instant at which a later pass can find something. */
  next: number;
};

/** While another instance removes, this one does not: one is enough. */
const TAKES_TURNS_MS = 30_000;
const NOTHING: Seen = { rows: 0, last: 0, due: 0, lastDue: 0, keptSince: null };

export function createSweep(
  db: SqliteLike,
  { write, cache, instance }: { write: Write; cache: HeadCache; instance: () => number },
): SweepStep {
  const kinds = sweptKinds(db);
  const leftovers = createLeftovers(db);
  const eventAt = db.prepare(
    'SELECT seq, timestamp FROM nexus_events WHERE seq <= ? ORDER BY seq DESC LIMIT 1',
  );
  const eventAfter = db.prepare('SELECT timestamp FROM nexus_events WHERE seq > ? ORDER BY seq LIMIT 1');
  const lastEvent = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM nexus_events');
  const nextGroup = db.prepare(
    'SELECT reactor, run FROM nexus_deliveries WHERE (reactor, run) > (?, ?) ORDER BY reactor, run LIMIT 1',
  );
  const group = db.prepare(`SELECT r.position, r.removed_at AS removedAt,
      coalesce((SELECT created_at FROM nexus_replays WHERE run = ?), r.created_at) AS since,
      EXISTS (SELECT 1 FROM nexus_replay_reactors p JOIN nexus_replays USING (run)
        WHERE p.reactor = r.key AND state = 'running') AS replayed
    FROM nexus_reactors r WHERE r.key = ?`);
  const raise = db.prepare('UPDATE nexus_reactors SET pruned_to = ? WHERE key = ? AND pruned_to < ?');
  const turn = db.prepare(`SELECT value FROM nexus_meta WHERE key = 'sweep'`);
  const takeTurn = db.prepare(
    `INSERT INTO nexus_meta (key, value) VALUES ('sweep', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  );
  let pass: Pass | undefined;

  const othersTurn = (now: number): boolean => {
    const { value = '' } = (turn.get() ?? {}) as { value?: string };
    const [owner, at] = value.split(' ').map(Number);
    return owner !== instance() && Math.abs(now - (at ?? 0)) < TAKES_TURNS_MS;
  };

  const lastBefore = (cutoff: number): number => {
    let low = 0;
    let high = (lastEvent.get() as { seq: number }).seq;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const event = eventAt.get(middle) as { seq: number; timestamp: number } | undefined;
      if (!event || event.timestamp <= cutoff) low = middle;
      else high = Math.min(middle, event.seq) - 1;
    }
    return low;
  };

  const begin = ({ succeededMs, deadMs }: Sweep, now: number): Pass => {
    const begun: Pass = { walks: [], next: now + Math.min(succeededMs, deadMs) };
    for (const [kind, keepMs] of [
      [kinds.done, succeededMs],
      [kinds.dead, deadMs],
    ] as const) {
      if (keepMs === Infinity) continue;
      const cutoff = now - keepMs;
      const oldEnough = lastBefore(cutoff);
      const young = eventAfter.get(oldEnough) as { timestamp: number } | undefined;
      if (young) begun.next = Math.min(begun.next, young.timestamp + keepMs);
      begun.walks.push({ kind, keepMs, cutoff, oldEnough, reactor: 0, run: -1, after: 0 });
    }
    return begun;
  };

  /** How far up deliveries of the walk's reactor and run may go now. */
  const bound = (walk: Walk, of: Pass): number => {
    const row = group.get(walk.run, walk.reactor) as
      { position: number; removedAt: number | null; since: number; replayed: number } | undefined;
    if (row?.replayed !== 0) {
      // A replay passes over what is in progress and counts what is final: it finds all as it was until it ends.
      if (row) of.next = Math.min(of.next, walk.cutoff + walk.keepMs);
      return 0;
    }
    // All of a reactor, or of a replay, that is younger than what is removed is younger as well.
    if (row.since > walk.cutoff) {
      of.next = Math.min(of.next, row.since + walk.keepMs);
      return 0;
    }
    // Above its position, what is missing would be created again.
    return row.removedAt === null ? Math.min(row.position, walk.oldEnough) : walk.oldEnough;
  };

  /** Goes on to where something is due; undefined at the end of the walk or of the step. */
  const find = (
    walk: Walk,
    of: Pass,
    spent: (rows: number) => boolean,
  ): (Seen & { due: number }) | undefined => {
    for (;;) {
      const upTo = bound(walk, of);
      const seen = upTo > walk.after ? walk.kind.look({ ...walk, upTo }, walk.cutoff) : NOTHING;
      if (seen.keptSince !== null) of.next = Math.min(of.next, seen.keptSince + walk.keepMs);
      const over = spent(seen.rows);
      if (seen.due > 0) return seen;
      if (seen.rows > 0) walk.after = seen.last;
      else {
        const next = nextGroup.get(walk.reactor, walk.run) as { reactor: number; run: number } | undefined;
        if (!next) {
          of.walks.shift();
          return undefined;
        }
        Object.assign(walk, next, { after: 0 });
      }
      if (over) return undefined;
    }
  };

  const remove = (walk: Walk, seen: Seen): number => {
    const { reactor, run } = walk;
    const removed = walk.kind.remove({ ...walk, upTo: seen.last }, walk.cutoff);
    if (run === 0) raise.run(seen.lastDue, reactor, seen.lastDue);
    walk.after = seen.last;
    return removed;
  };

  return async (sweep, now) => {
    if (othersTurn(now)) {
      pass = undefined;
      return { removed: 0, more: false, nextInMs: TAKES_TURNS_MS };
    }
    const current = (pass ??= begin(sweep, now));
    const until = performance.now() + sweep.ms;
    let rows = sweep.rows;
    const spent = (looked: number): boolean => (rows -= looked) <= 0 || performance.now() >= until;
    const [walk] = current.walks;
    let removed = 0;
    // Outside of a transaction first: where nothing is due, nothing is written.
    if (walk && find(walk, current, spent)) {
      const removing = write(() => {
        takeTurn.run(`${instance()} ${now}`);
        let gone = 0;
        do {
          const seen = find(walk, current, spent);
          if (seen) gone += remove(walk, seen);
        } while (!spent(0) && current.walks[0] === walk);
        return gone;
      });
      removed = await removing.catch((error: unknown) => {
        // What was rolled back is behind the walk.
        pass = undefined;
        throw error;
      });
    }
    if (current.walks.length > 0) return { removed, more: true, nextInMs: 0 };
    pass = undefined;
    const cutoff = now - sweep.succeededMs;
    if (leftovers.exist(cutoff)) {
      await write(() => {
        leftovers.remove(cutoff);
        cache.drop();
      });
    }
    return { removed, more: false, nextInMs: Math.max(0, current.next - now) };
  };
}
