/** Schema 2: what handlers remember across attempts, replays, schedules, and what was pruned. */
import type { SqliteLike } from './sqlite-like.js';

export function migration2(db: SqliteLike): void {
  db.exec(`
    -- Retention: the highest seq whose live delivery was removed; a seek does not go below.
    ALTER TABLE nexus_reactors ADD COLUMN pruned_to INTEGER NOT NULL DEFAULT 0;

    -- What ctx.once() remembers for a delivery. run is 0 unless a fresh replay has its own.
    CREATE TABLE nexus_once (
      reactor INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      run INTEGER NOT NULL,
      key TEXT NOT NULL,
      result TEXT NOT NULL,
      PRIMARY KEY (reactor, seq, run, key)
    ) STRICT, WITHOUT ROWID;

    -- state: 'running', 'done' or 'cancelled'. types is a JSON array, or NULL for whatever the reactor subscribes to.
    CREATE TABLE nexus_replays (
      run INTEGER PRIMARY KEY AUTOINCREMENT,
      after INTEGER NOT NULL,
      until INTEGER NOT NULL,
      from_at INTEGER,
      to_at INTEGER,
      types TEXT,
      fresh INTEGER NOT NULL,
      state TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      finished_at INTEGER
    ) STRICT;

    -- position: the seq up to which the run's deliveries for this reactor have been created.
    CREATE TABLE nexus_replay_reactors (
      run INTEGER NOT NULL,
      reactor INTEGER NOT NULL,
      position INTEGER NOT NULL,
      created INTEGER NOT NULL DEFAULT 0,
      skipped INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (run, reactor)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX nexus_replays_running ON nexus_replays (run) WHERE state = 'running';
    -- Replays have a bounded number of open deliveries, and are claimed apart from a live backlog of any size. No live
    -- delivery is in it.
    CREATE INDEX nexus_deliveries_replayed ON nexus_deliveries (reactor, suspect, due_at, seq, state)
      WHERE run > 0 AND state IN (0, 1);

    -- tick_at: the last instant for which an event was appended, or from which a new definition counts.
    CREATE TABLE nexus_schedules (
      name TEXT PRIMARY KEY NOT NULL,
      definition TEXT NOT NULL,
      generation INTEGER NOT NULL,
      tick_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- What is left of an event that was pruned: enough to know it again by its id or a dedupe key.
    CREATE TABLE nexus_pruned (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      type TEXT NOT NULL,
      timestamp INTEGER NOT NULL
    ) STRICT;
  `);
}
