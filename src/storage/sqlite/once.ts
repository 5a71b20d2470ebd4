/** Remembered results of effects. */
import type { OncePlace, OnceRecord } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';
import { RUNNING } from './states.js';

export interface OnceRows {
  /** In a write transaction. */
  save(record: OnceRecord): 'saved' | 'lease_lost';
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
      if (held.get(reactor, of, seq, token) === undefined) return 'lease_lost';
      insert.run(reactor, seq, run, key, result);
      return 'saved';
    },
    read: ({ reactor, seq, run, key }) =>
      (find.get(reactor, seq, run, key) as { result: string } | undefined)?.result,
  };
}
