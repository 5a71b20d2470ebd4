/** Remembered results of effects. */
import type { Lease, OncePlace } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';
import { RUNNING } from './states.js';

export interface OnceRows {
  /** In a write transaction; false when the lease is lost. A result that is there already stays. */
  save(record: {
    readonly lease: Lease;
    readonly run: number;
    readonly key: string;
    readonly result: string;
  }): boolean;
  read(place: OncePlace): string | undefined;
}

export function createOnceRows(db: SqliteLike): OnceRows {
  const insert = db.prepare(
    'INSERT OR IGNORE INTO nexus_once (reactor, seq, run, key, result) VALUES (?, ?, ?, ?, ?)',
  );
  const held = db.prepare(
    `SELECT 1 FROM nexus_deliveries WHERE reactor = ? AND run = ? AND seq = ? AND state = ${RUNNING} AND token = ?`,
  );
  const find = db.prepare(
    'SELECT result FROM nexus_once WHERE reactor = ? AND seq = ? AND run = ? AND key = ?',
  );
  return {
    save: ({ lease: { reactor, run: of, seq, token }, run, key, result }) => {
      if (held.get(reactor, of, seq, token) === undefined) return false;
      insert.run(reactor, seq, run, key, result);
      return true;
    },
    read: ({ reactor, seq, run, key }) =>
      (find.get(reactor, seq, run, key) as { result: string } | undefined)?.result,
  };
}
