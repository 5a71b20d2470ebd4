/** Counts deliveries by state. There may be millions: they are counted in pieces, with the event loop running in between. */
import type { DeliveryCounts } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';
import { stateName } from './states.js';

/** A few milliseconds of counting. */
const AT_ONCE = 20_000;

type Place = { readonly run: number; readonly seq: number };

export function createCounts(db: SqliteLike): (reactor?: number) => Promise<DeliveryCounts> {
  const piece = `FROM nexus_deliveries WHERE reactor = ? AND (run, seq) > (?, ?) ORDER BY run, seq`;
  const count = db.prepare(
    `SELECT state, count(*) AS n FROM (SELECT state ${piece} LIMIT ${AT_ONCE}) GROUP BY state`,
  );
  const end = db.prepare(`SELECT run, seq ${piece} LIMIT 1 OFFSET ${AT_ONCE - 1}`);
  const reactors = db.prepare('SELECT key FROM nexus_reactors');

  return async (only) => {
    const counts = { pending: 0, running: 0, succeeded: 0, dead: 0, cancelled: 0 };
    const keys = only === undefined ? (reactors.all() as { key: number }[]).map(({ key }) => key) : [only];
    for (const key of keys) {
      for (let after: Place | undefined = { run: -1, seq: -1 }; after;) {
        const rows = count.all(key, after.run, after.seq) as { state: number; n: number }[];
        for (const { state, n } of rows) counts[stateName(state)] += n;
        after = end.get(key, after.run, after.seq) as Place | undefined;
        if (after) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    return counts;
  };
}
