/** Schema 1: the log and everything it stands on. The format of `nexus_events` is final; see docs/architecture.md. */
import { GENESIS_HASH } from '../../core/chain.js';
import type { SqliteLike } from './sqlite-like.js';

/** What a step may need to know. */
export type MigrationInput = { readonly logId: string };

/** 'NEXU': says that a file is a Nexus database. */
export const APPLICATION_ID = 0x4e455855;

export function migration1(db: SqliteLike, { logId }: MigrationInput): void {
  db.exec(`
    PRAGMA application_id = ${APPLICATION_ID};

    CREATE TABLE nexus_meta (
      key TEXT PRIMARY KEY NOT NULL,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- correlation_id is NULL where it is the event's own id; salt and payload are NULL once erased.
    CREATE TABLE nexus_events (
      seq INTEGER PRIMARY KEY,
      id TEXT NOT NULL UNIQUE,
      type TEXT NOT NULL,
      source TEXT NOT NULL,
      timestamp INTEGER NOT NULL,
      correlation_id TEXT,
      causation_id TEXT,
      headers TEXT,
      schema_version INTEGER NOT NULL,
      not_before INTEGER,
      salt TEXT,
      payload TEXT,
      payload_hash TEXT NOT NULL,
      hash TEXT NOT NULL
    ) STRICT;
    CREATE INDEX nexus_events_correlation ON nexus_events (correlation_id, seq) WHERE correlation_id IS NOT NULL;
    CREATE INDEX nexus_events_causation ON nexus_events (causation_id, seq) WHERE causation_id IS NOT NULL;

    CREATE TRIGGER nexus_events_append_only BEFORE UPDATE ON nexus_events
    WHEN NOT (
      NEW.salt IS NULL AND NEW.payload IS NULL
      AND NEW.seq IS OLD.seq AND NEW.id IS OLD.id AND NEW.type IS OLD.type AND NEW.source IS OLD.source
      AND NEW.timestamp IS OLD.timestamp AND NEW.correlation_id IS OLD.correlation_id
      AND NEW.causation_id IS OLD.causation_id AND NEW.headers IS OLD.headers
      AND NEW.schema_version IS OLD.schema_version AND NEW.not_before IS OLD.not_before
      AND NEW.payload_hash IS OLD.payload_hash AND NEW.hash IS OLD.hash
    )
    BEGIN SELECT RAISE(ABORT, 'the log is append-only: only salt and payload of an event may be erased'); END;

    CREATE TRIGGER nexus_events_keep BEFORE DELETE ON nexus_events
    WHEN OLD.seq > (SELECT CAST(value AS INTEGER) FROM nexus_meta WHERE key = 'base_seq')
    BEGIN SELECT RAISE(ABORT, 'the log is append-only: only events up to base_seq may be pruned'); END;

    CREATE TABLE nexus_dedupe (
      source TEXT NOT NULL,
      key TEXT NOT NULL,
      seq INTEGER NOT NULL,
      PRIMARY KEY (source, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE nexus_reactors (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL,
      subscription TEXT NOT NULL,
      ordered INTEGER NOT NULL,
      generation INTEGER NOT NULL,
      position INTEGER NOT NULL,
      paused INTEGER NOT NULL DEFAULT 0,
      created_at INTEGER NOT NULL,
      removed_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX nexus_reactors_name ON nexus_reactors (name) WHERE removed_at IS NULL;

    -- state: 0 pending, 1 running, 2 succeeded, 3 dead, 4 cancelled. token grows at every claim and never shrinks:
    -- 1 while a delivery that was born leased (or pending) has not been claimed.
    CREATE TABLE nexus_deliveries (
      reactor INTEGER NOT NULL,
      run INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      state INTEGER NOT NULL,
      token INTEGER NOT NULL DEFAULT 1,
      instance INTEGER,
      attempt INTEGER NOT NULL DEFAULT 0,
      postponed INTEGER NOT NULL DEFAULT 0,
      crashes INTEGER NOT NULL DEFAULT 0,
      suspect INTEGER NOT NULL DEFAULT 0,
      started INTEGER NOT NULL DEFAULT 0,
      due_at INTEGER,
      order_key TEXT,
      reason TEXT,
      finished_at INTEGER,
      ms INTEGER,
      error_code TEXT,
      error_message TEXT,
      PRIMARY KEY (reactor, run, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX nexus_deliveries_pending ON nexus_deliveries (reactor, suspect, due_at, seq, attempt) WHERE state = 0;
    CREATE INDEX nexus_deliveries_running ON nexus_deliveries (instance) WHERE state = 1 AND token > 1;
    CREATE INDEX nexus_deliveries_dead ON nexus_deliveries (reactor, run, seq) WHERE state = 3;
    CREATE INDEX nexus_deliveries_ordered ON nexus_deliveries (reactor, run, order_key, seq)
      WHERE order_key IS NOT NULL AND state IN (0, 1);

    CREATE TABLE nexus_attempts (
      reactor INTEGER NOT NULL,
      run INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      n INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      outcome TEXT NOT NULL,
      at INTEGER NOT NULL,
      ms INTEGER NOT NULL,
      error_code TEXT NOT NULL,
      error_message TEXT NOT NULL,
      PRIMARY KEY (reactor, run, seq, n)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE nexus_instances (
      key INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      lease_ms INTEGER NOT NULL,
      lease_until INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      -- No delivery that was born leased to this instance is open below.
      floor INTEGER NOT NULL,
      lost INTEGER NOT NULL DEFAULT 0
    ) STRICT;
  `);
  const meta = db.prepare('INSERT INTO nexus_meta (key, value) VALUES (?, ?)');
  meta.run('schema_version', '1');
  meta.run('log_id', logId);
  meta.run('base_seq', '0');
  meta.run('base_hash', GENESIS_HASH);
}
