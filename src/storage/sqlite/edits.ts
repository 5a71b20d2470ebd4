/** What operators do to deliveries. */
import type { DeliveryRef, DeliverySelection, Edit } from '../storage.js';
import { HELD_UP, type WakeNext } from './key-queue.js';
import type { Reactors } from './reactors.js';
import type { Replays } from './replays.js';
import type { SqliteLike, SqliteStatement, SqliteValue } from './sqlite-like.js';
import { CANCELLED, DEAD, PENDING, RUNNING } from './states.js';

/** Inside a write transaction; returns how many rows changed. */
export type EditRows = (edit: Edit, now: number) => number;

export function createEdits(
  db: SqliteLike,
  { reactors, replays, wakeNext }: { reactors: Reactors; replays: Replays; wakeNext: WakeNext },
): EditRows {
  const where = 'WHERE reactor = ? AND run = ? AND seq = ?';
  const live = 'reactor IN (SELECT key FROM nexus_reactors WHERE removed_at IS NULL)';
  const afresh = `UPDATE nexus_deliveries AS d SET state = ${PENDING}, attempt = 0, postponed = 0, crashes = 0, suspect = 0, started = 0,
    instance = NULL, due_at = CASE WHEN ${HELD_UP} THEN NULL ELSE ? END, reason = NULL, finished_at = NULL`;
  const whole = 'EXISTS (SELECT 1 FROM nexus_events e WHERE e.seq = d.seq AND e.payload IS NOT NULL)';
  const redrive = db.prepare(`${afresh} ${where} AND state = ${DEAD} AND ${live} AND ${whole}`);
  const retry = db.prepare(`${afresh} ${where} AND state <> ${RUNNING} AND ${live} AND ${whole}`);
  const checkpointed = db.prepare(`INSERT INTO nexus_meta (key, value) VALUES ('checkpointed', ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE CAST(excluded.value AS INTEGER) > CAST(value AS INTEGER)`);
  const end = `UPDATE nexus_deliveries SET state = ${CANCELLED}, suspect = 0, started = 0, instance = NULL, due_at = NULL, finished_at = ?, reason = ?`;
  const cancel = db.prepare(`${end} ${where} AND state IN (${PENDING}, ${RUNNING})`);
  const discard = db.prepare(`${end} ${where} AND state = ${DEAD}`);

  const each = (
    refs: readonly DeliveryRef[],
    statement: SqliteStatement,
    ...values: SqliteValue[]
  ): number => {
    let changed = 0;
    for (const { reactor, run, seq } of refs)
      changed += Number(statement.run(...values, reactor, run, seq).changes);
    return changed;
  };
  const dead = (which: DeliverySelection): readonly DeliveryRef[] => {
    if (which.refs) return which.refs.slice(0, which.limit).filter((ref) => matches(ref, which));
    const conditions = [`d.state = ${DEAD}`];
    const values: SqliteValue[] = [];
    select(which, conditions, values);
    return db
      .prepare(
        `SELECT d.reactor, d.run, d.seq FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor JOIN nexus_events e ON e.seq = d.seq
         WHERE ${conditions.join(' AND ')} ORDER BY d.reactor, d.run, d.seq LIMIT ?`,
      )
      .all(...values, which.limit) as DeliveryRef[];
  };
  const matches = (ref: DeliveryRef, which: DeliverySelection): boolean => {
    const conditions = ['d.reactor = ?', 'd.run = ?', 'd.seq = ?'];
    const values: SqliteValue[] = [ref.reactor, ref.run, ref.seq];
    select(which, conditions, values);
    const sql = `SELECT 1 FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor JOIN nexus_events e ON e.seq = d.seq WHERE ${conditions.join(' AND ')}`;
    return db.prepare(sql).get(...values) !== undefined;
  };

  return (edit, now) => {
    switch (edit.edit) {
      case 'pause':
      case 'resume':
        return reactors.pause(edit.reactor, edit.edit === 'pause');
      case 'seek':
        return reactors.seek(edit);
      case 'remove':
        return reactors.remove(edit, now);
      case 'redrive':
        return each(dead(edit.which), redrive, now);
      case 'discard':
        return each(dead(edit.which), discard, now, 'discarded');
      case 'retry':
        return each([edit.delivery], retry, now);
      case 'cancel': {
        const changed = each([edit.delivery], cancel, now, 'cancelled');
        if (changed > 0) wakeNext(edit.delivery, now);
        return changed;
      }
      case 'cancel-replay':
        return replays.cancel(edit.run, now);
      case 'finish-replay':
        return replays.finish(edit.run, now);
      case 'checkpointed':
        return Number(checkpointed.run(String(edit.seq)).changes);
    }
  };
}

function select(which: DeliverySelection, conditions: string[], values: SqliteValue[]): void {
  const add = (condition: string, value: SqliteValue | undefined): void => {
    if (value === undefined) return;
    conditions.push(condition);
    values.push(value);
  };
  add('r.name = ?', which.reactor);
  add('e.type = ?', which.eventType);
  add('d.error_code = ?', which.errorCode);
}
