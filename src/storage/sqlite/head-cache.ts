/**
 * Head and reactor rows, read inside the write transaction. What is remembered of them is good only while nobody else has
 * committed: `PRAGMA data_version`, read under the write lock, says so.
 */
import type { SqliteLike } from './sqlite-like.js';
import { PENDING, RUNNING } from './states.js';

/** `keyed`: it has deliveries with an ordering key, or may get them. */
export type ReactorState = {
  generation: number;
  position: number;
  paused: boolean;
  removed: boolean;
  keyed: boolean;
};

export interface HeadCache {
  /** To be called first in every write transaction. */
  check(): void;
  head(): { readonly seq: number; readonly hash: string };
  /** The highest `seq` that was pruned. */
  base(): number;
  moved(seq: number, hash: string): void;
  reactor(key: number): ReactorState | undefined;
  /** Whether another instance has taken over what this one holds. */
  isLost(instance: number): boolean;
  drop(): void;
}

export function createHeadCache(db: SqliteLike): HeadCache {
  const version = db.prepare('PRAGMA data_version');
  const last = db.prepare('SELECT seq, hash FROM nexus_events ORDER BY seq DESC LIMIT 1');
  const base =
    db.prepare(`SELECT (SELECT CAST(value AS INTEGER) FROM nexus_meta WHERE key = 'base_seq') AS seq,
    (SELECT value FROM nexus_meta WHERE key = 'base_hash') AS hash`);
  const one = db.prepare(`SELECT generation, position, paused, removed_at, (ordered OR EXISTS (
    SELECT 1 FROM nexus_deliveries d WHERE d.reactor = nexus_reactors.key AND d.order_key IS NOT NULL
    AND d.state IN (${PENDING}, ${RUNNING}))) AS keyed FROM nexus_reactors WHERE key = ?`);
  const instanceRow = db.prepare('SELECT lost FROM nexus_instances WHERE key = ?');
  let lost: boolean | undefined;
  let head: { seq: number; hash: string } | undefined;
  let reactors = new Map<number, ReactorState>();
  let seen: number | undefined;

  const drop = (): void => {
    head = undefined;
    lost = undefined;
    reactors = new Map();
  };
  return {
    drop,
    check: () => {
      const { data_version: now } = version.get() as { data_version: number };
      if (now !== seen) drop();
      seen = now;
    },
    head: () => (head ??= (last.get() ?? base.get()) as { seq: number; hash: string }),
    base: () => (base.get() as { seq: number }).seq,
    moved: (seq, hash) => {
      head = { seq, hash };
    },
    isLost: (key) => (lost ??= (instanceRow.get(key) as { lost: number } | undefined)?.lost !== 0),
    reactor: (key) => {
      let state = reactors.get(key);
      if (state) return state;
      const row = one.get(key) as
        | { generation: number; position: number; paused: number; removed_at: number | null; keyed: number }
        | undefined;
      if (!row) return undefined;
      state = {
        generation: row.generation,
        position: row.position,
        paused: row.paused === 1,
        removed: row.removed_at !== null,
        keyed: row.keyed === 1,
      };
      reactors.set(key, state);
      return state;
    },
  };
}
