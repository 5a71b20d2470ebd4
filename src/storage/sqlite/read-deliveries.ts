/** Pages of deliveries. */
import type { DeliveryQuery, DeliveryRef, StoredDelivery } from '../storage.js';
import { DELIVERY_COLUMNS, toDelivery, type DeliveryRow } from './rows.js';
import type { SqliteLike, SqliteValue } from './sqlite-like.js';
import { stateNumber } from './states.js';

export function readDeliveries(
  db: SqliteLike,
): (query: DeliveryQuery) => { items: StoredDelivery[]; next: DeliveryRef | undefined } {
  const seqOf = db.prepare('SELECT seq FROM nexus_events WHERE id = ?');
  return (query) => {
    const conditions: string[] = [];
    const values: SqliteValue[] = [];
    const add = (condition: string, ...given: SqliteValue[]): void => {
      conditions.push(condition);
      values.push(...given);
    };
    // Without the event's seq as a constant, SQLite would read every delivery to find those of one event.
    if (query.eventId !== undefined) {
      const event = seqOf.get(query.eventId) as { seq: number } | undefined;
      if (!event) return { items: [], next: undefined };
      add('d.seq = ?', event.seq);
      if (query.run === undefined) {
        const runs = 'SELECT run FROM nexus_replays WHERE after < ? AND until >= ?';
        add(`d.run IN (SELECT 0 UNION ALL ${runs})`, event.seq, event.seq);
      }
    }
    if (query.run !== undefined) add('d.run = ?', query.run);
    if (query.states) {
      const states = [...new Set(query.states.map(stateNumber))];
      add(`d.state IN (${states.map(() => '?').join()})`, ...states);
    }
    if (query.reactor !== undefined) add('r.name = ?', query.reactor);
    if (query.eventType !== undefined) add('e.type = ?', query.eventType);
    if (query.errorCode !== undefined) add('d.error_code = ?', query.errorCode);
    if (query.after)
      add('(d.reactor, d.run, d.seq) > (?, ?, ?)', query.after.reactor, query.after.run, query.after.seq);
    const from =
      query.eventId === undefined && query.run === undefined
        ? 'nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor'
        : 'nexus_reactors r CROSS JOIN nexus_deliveries d ON d.reactor = r.key';
    const sql = `SELECT ${DELIVERY_COLUMNS} FROM ${from} JOIN nexus_events e ON e.seq = d.seq
      ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY d.reactor, d.run, d.seq LIMIT ?`;
    const items = (db.prepare(sql).all(...values, query.limit) as DeliveryRow[]).map(toDelivery);
    const last = items.at(-1);
    return {
      items,
      next:
        items.length === query.limit && last
          ? { reactor: last.reactor, run: last.run, seq: last.seq }
          : undefined,
    };
  };
}
