/** The statements of a sweep: looking at a stretch of deliveries, and removing what is due of it. */
import type { SqliteLike } from './sqlite-like.js';
import { CANCELLED, DEAD, SUCCEEDED } from './states.js';

/** The deliveries of one reactor and run with `after < seq <= upTo`. */
export type Stretch = {
  readonly reactor: number;
  readonly run: number;
  readonly after: number;
  readonly upTo: number;
};

/** What a look at the first rows of a stretch shows; `last` is how far it went. */
export type Seen = {
  readonly rows: number;
  readonly last: number;
  /** How many were final by the cutoff, and the last of them. */
  readonly due: number;
  readonly lastDue: number;
  /** When the first of the others became final, if any did. */
  readonly keptSince: number | null;
};

/** Deliveries that are kept equally long. */
export interface SweptKind {
  look(stretch: Stretch, cutoff: number): Seen;
  /** In a write transaction: with their attempts and results; returns how many went. */
  remove(stretch: Stretch, cutoff: number): number;
}

/** Rows in one look: a tenth of a millisecond. */
const LOOK = 512;

/** Where nobody looks for dead ones, they are met and left; where somebody does, their index finds them. */
export function sweptKinds(db: SqliteLike): { readonly done: SweptKind; readonly dead: SweptKind } {
  const kind = (states: string, only: string): SweptKind => {
    const within = 'reactor = ? AND run = ? AND seq > ? AND seq <= ?';
    const isDue = `state IN (${states}) AND finished_at <= ?`;
    const look = db.prepare(`SELECT count(*) AS rows, max(seq) AS last, coalesce(sum(due), 0) AS due,
        max(CASE WHEN due THEN seq END) AS lastDue,
        min(CASE WHEN NOT due AND state IN (${states}) THEN finished_at END) AS keptSince
      FROM (SELECT seq, state, finished_at, coalesce(${isDue}, 0) AS due FROM nexus_deliveries
        WHERE ${within} ${only} ORDER BY seq LIMIT ${LOOK})`);
    const due = `FROM nexus_deliveries WHERE ${within} AND ${isDue}`;
    const attempts = db.prepare(
      `DELETE FROM nexus_attempts WHERE (reactor, run, seq) IN (SELECT reactor, run, seq ${due})`,
    );
    // What was remembered for an event is for all its runs: it goes with the last of them.
    const once = db.prepare(`DELETE FROM nexus_once AS o WHERE (reactor, seq) IN (SELECT reactor, seq ${due})
      AND NOT EXISTS (SELECT 1 FROM nexus_deliveries d WHERE d.reactor = o.reactor AND d.run = 0 AND d.seq = o.seq AND d.run <> ?)
      AND NOT EXISTS (SELECT 1 FROM nexus_replay_reactors p JOIN nexus_deliveries d
        ON d.reactor = p.reactor AND d.run = p.run AND d.seq = o.seq WHERE p.reactor = o.reactor AND p.run <> ?)`);
    const deliveries = db.prepare(`DELETE ${due}`);
    return {
      look: ({ reactor, run, after, upTo }, cutoff) => look.get(cutoff, reactor, run, after, upTo) as Seen,
      remove: ({ reactor, run, after, upTo }, cutoff) => {
        const which = [reactor, run, after, upTo, cutoff];
        attempts.run(...which);
        once.run(...which, run, run);
        return Number(deliveries.run(...which).changes);
      },
    };
  };
  return {
    done: kind(`${SUCCEEDED}, ${CANCELLED}`, ''),
    dead: kind(`${DEAD}`, `AND state = ${DEAD}`),
  };
}

/** Replays that ended and reactors that were removed, once none of their deliveries is left. */
export interface Leftovers {
  exist(cutoff: number): boolean;
  /** In a write transaction. */
  remove(cutoff: number): void;
}

export function createLeftovers(db: SqliteLike): Leftovers {
  const replays = `FROM nexus_replays AS r WHERE state <> 'running' AND finished_at <= ? AND NOT EXISTS (
    SELECT 1 FROM nexus_replay_reactors p JOIN nexus_deliveries d ON d.reactor = p.reactor AND d.run = p.run WHERE p.run = r.run)`;
  const reactors = `FROM nexus_reactors AS r WHERE removed_at <= ?
    AND NOT EXISTS (SELECT 1 FROM nexus_deliveries d WHERE d.reactor = r.key)
    AND NOT EXISTS (SELECT 1 FROM nexus_replay_reactors p WHERE p.reactor = r.key)`;
  const exist = db.prepare(`SELECT EXISTS (SELECT 1 ${replays}) OR EXISTS (SELECT 1 ${reactors}) AS found`);
  const ended = db.prepare(`SELECT r.run ${replays} LIMIT ${LOOK}`);
  const parts = db.prepare('DELETE FROM nexus_replay_reactors WHERE run = ?');
  const replay = db.prepare('DELETE FROM nexus_replays WHERE run = ?');
  const reactor = db.prepare(
    `DELETE FROM nexus_reactors WHERE key IN (SELECT r.key ${reactors} LIMIT ${LOOK})`,
  );
  return {
    exist: (cutoff) => (exist.get(cutoff, cutoff) as { found: number }).found === 1,
    remove: (cutoff) => {
      for (const { run } of ended.all(cutoff) as { run: number }[]) {
        parts.run(run);
        replay.run(run);
      }
      reactor.run(cutoff);
    },
  };
}
