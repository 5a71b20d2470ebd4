/** Pages of the log. */
import type { StoredEvent } from '../../core/event.js';
import type { EventQuery } from '../storage.js';
import { EVENT_COLUMNS, toEvent, type EventRow } from './rows.js';
import type { SqliteLike, SqliteValue } from './sqlite-like.js';

/** Rows looked at for one page when no index helps: a page may be short, but never slow. */
const LOOK_AT_MOST = 20_000;
const PAGE_BYTES = 4 * 1024 * 1024;
const ROWS_AT_ONCE = 200;

export function readEvents(
  db: SqliteLike,
): (query: EventQuery) => { items: StoredEvent[]; next: number | undefined } {
  const bounds = db.prepare(
    'SELECT coalesce(min(seq), 0) AS first, coalesce(max(seq), 0) AS last FROM nexus_events',
  );
  return (query) => {
    const { first, last } = bounds.get() as { first: number; last: number };
    const up = query.after !== undefined;
    const indexed = query.correlationId !== undefined || query.causationId !== undefined;
    const low = Math.max(query.after ?? 0, first - 1);
    const high = Math.min(query.before ?? last + 1, last + 1);
    // The window of this page, exclusive at both ends.
    const from = up || indexed ? low : Math.max(low, high - LOOK_AT_MOST - 1);
    const to = up && !indexed ? Math.min(high, low + LOOK_AT_MOST + 1) : high;
    const conditions = ['e.seq > ?', 'e.seq < ?'];
    const values: SqliteValue[] = [from, to];
    addFilters(query, conditions, values);
    const sql = `SELECT ${EVENT_COLUMNS} FROM nexus_events e WHERE ${conditions.join(' AND ')} ORDER BY e.seq ${up ? 'ASC' : 'DESC'} LIMIT ?`;
    const rows = db.prepare(sql).all(...values, query.limit) as EventRow[];
    const items = rows.map(toEvent);
    const end = items.at(-1)?.seq;
    if (items.length === query.limit && end !== undefined) return { items, next: end };
    const reached = up ? to >= high : from <= low;
    return { items, next: reached ? undefined : up ? to - 1 : from + 1 };
  };
}

function addFilters(query: EventQuery, conditions: string[], values: SqliteValue[]): void {
  const add = (condition: string, ...given: SqliteValue[]): void => {
    conditions.push(condition);
    values.push(...given);
  };
  if (query.types) add('e.type IN (SELECT value FROM json_each(?))', JSON.stringify(query.types));
  if (query.source !== undefined) add('e.source = ?', query.source);
  if (query.correlationId !== undefined)
    add(
      '(e.correlation_id = ? OR (e.id = ? AND e.correlation_id IS NULL))',
      query.correlationId,
      query.correlationId,
    );
  if (query.causationId !== undefined) add('e.causation_id = ?', query.causationId);
  if (query.from !== undefined) add('e.timestamp >= ?', query.from);
  if (query.to !== undefined) add('e.timestamp < ?', query.to);
}

export function readLog(
  db: SqliteLike,
  headSeq: () => number,
): (range: { after: number; limit: number }) => { events: StoredEvent[]; to: number; head: number } {
  const page = db.prepare(
    `SELECT ${EVENT_COLUMNS} FROM nexus_events e WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq LIMIT ?`,
  );
  return ({ after, limit }) => {
    const head = headSeq();
    const events: StoredEvent[] = [];
    let bytes = 0;
    let last = after;
    while (events.length < limit && bytes < PAGE_BYTES) {
      const wanted = Math.min(ROWS_AT_ONCE, limit - events.length);
      const rows = page.all(last, head, wanted) as EventRow[];
      for (const row of rows) {
        events.push(toEvent(row));
        bytes += row.payload?.length ?? 0;
        last = row.e_seq;
      }
      if (rows.length < wanted) return { events, to: Math.max(after, head), head };
    }
    return { events, to: last, head };
  };
}
