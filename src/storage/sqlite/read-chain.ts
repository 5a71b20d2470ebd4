/** The chain as it is stored, for whoever verifies it: what cannot be read is told as such. */
import type { StoredEvent } from '../../core/event.js';
import type { ChainReaders, Origin } from '../storage.js';
import { reading } from './failure.js';
import { EVENT_COLUMNS, toEvent, type EventRow } from './rows.js';
import type { SqliteLike } from './sqlite-like.js';

const PAGE_BYTES = 4 * 1024 * 1024;
const ROWS_AT_ONCE = 200;

export function createChainReaders(db: SqliteLike, path: string): ChainReaders {
  const meta = (key: string): string => `(SELECT value FROM nexus_meta WHERE key = '${key}')`;
  const origin = db.prepare(`SELECT ${meta('log_id')} AS logId, CAST(${meta('base_seq')} AS INTEGER) AS seq,
    ${meta('base_hash')} AS hash, coalesce(CAST(${meta('checkpointed')} AS INTEGER), 0) AS checkpointed`);
  const page = db.prepare(
    `SELECT ${EVENT_COLUMNS} FROM nexus_events e WHERE e.seq > ? ORDER BY e.seq LIMIT ?`,
  );
  return {
    origin: async () =>
      reading(path, (): Origin => {
        const { logId, seq, hash, checkpointed } = origin.get() as {
          logId: string | null;
          seq: number | null;
          hash: string | null;
          checkpointed: number;
        };
        return { logId: logId ?? '', base: { seq: seq ?? 0, hash: hash ?? '' }, checkpointed };
      }),
    chain: async ({ after, limit }) =>
      reading(path, () => {
        const events: StoredEvent[] = [];
        let bytes = 0;
        let last = after;
        while (events.length < limit && bytes < PAGE_BYTES) {
          const wanted = Math.min(ROWS_AT_ONCE, limit - events.length);
          const rows = page.all(last, wanted) as EventRow[];
          for (const row of rows) {
            events.push(toEvent(row));
            bytes += row.payload?.length ?? 0;
            last = row.e_seq;
          }
          if (rows.length < wanted) break;
        }
        return events;
      }),
  };
}
