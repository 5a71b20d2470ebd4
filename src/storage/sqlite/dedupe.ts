/** Which dedupe keys are taken, and by which event. */
import { createFingerprints } from './fingerprint.js';
import type { SqliteLike } from './sqlite-like.js';

export interface DedupeKeys {
  /** Records a key for an event unless it is taken; false when it is. */
  take(source: string, key: string, seq: number): boolean;
  owner(source: string, key: string): number | undefined;
}

export function createDedupeKeys(db: SqliteLike): DedupeKeys {
  const fingerprintOf = createFingerprints();
  const takeKey = db.prepare('INSERT OR IGNORE INTO nexus_dedupe (source, key, seq) VALUES (?, ?, ?)');
  const byKey = db.prepare('SELECT seq FROM nexus_dedupe WHERE source = ? AND key = ?');
  const takeNumber = db.prepare(
    'INSERT OR IGNORE INTO nexus_fingerprints (number, rest, seq) VALUES (?, ?, ?)',
  );
  const byNumber = db.prepare('SELECT rest, seq FROM nexus_fingerprints WHERE number = ?');

  return {
    take: (source, key, seq) => {
      const print = fingerprintOf(source, key);
      if (print) {
        if (Number(takeNumber.run(print.number, print.rest, seq).changes) > 0) return true;
        if ((byNumber.get(print.number) as { rest: number }).rest === print.rest) return false;
      }
      // Also where another fingerprint has the number, which is as good as never.
      return Number(takeKey.run(source, key, seq).changes) > 0;
    },
    owner: (source, key) => {
      const print = fingerprintOf(source, key);
      if (print) {
        const row = byNumber.get(print.number) as { rest: number; seq: number } | undefined;
        if (row === undefined || row.rest === print.rest) return row?.seq;
      }
      return (byKey.get(source, key) as { seq: number } | undefined)?.seq;
    },
  };
}
