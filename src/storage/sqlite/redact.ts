/** Erases the payload of an event, and every copy of it that this file has. */
import type { DeliveryRef, Redact, Redacted } from '../storage.js';
import type { Append } from './append.js';
import type { WakeNext } from './key-queue.js';
import type { SqliteLike } from './sqlite-like.js';
import { CANCELLED, DEAD, PENDING, RUNNING } from './states.js';

/** Inside a write transaction. */
export type RedactRows = (redact: Redact, now: number) => Omit<Redacted, 'complete'>;

/** In place of what a handler said of the payload. */
const ERASED_MESSAGE = 'erased with the payload of the event';

export function createRedact(db: SqliteLike, append: Append, wakeNext: WakeNext): RedactRows {
  const find = db.prepare('SELECT seq, salt, payload FROM nexus_events WHERE id = ?');
  const erase = db.prepare('UPDATE nexus_events SET salt = NULL, payload = NULL WHERE seq = ?');
  const groups = db.prepare('SELECT key FROM nexus_reactors');
  const runs = db.prepare('SELECT DISTINCT run FROM nexus_replay_reactors WHERE reactor = ?');
  const state = db.prepare('SELECT state FROM nexus_deliveries WHERE reactor = ? AND run = ? AND seq = ?');
  const cancel =
    db.prepare(`UPDATE nexus_deliveries SET state = ${CANCELLED}, suspect = 0, started = 0, instance = NULL,
    due_at = NULL, finished_at = ?, reason = 'redacted' WHERE reactor = ? AND run = ? AND seq = ?`);
  const forget =
    db.prepare(`UPDATE nexus_deliveries SET order_key = NULL, error_message = CASE WHEN error_code IS NULL THEN NULL
    ELSE '${ERASED_MESSAGE}' END WHERE reactor = ? AND run = ? AND seq = ?`);
  const attempts = db.prepare(
    `UPDATE nexus_attempts SET error_message = '${ERASED_MESSAGE}' WHERE reactor = ? AND run = ? AND seq = ?`,
  );
  const once = db.prepare('DELETE FROM nexus_once WHERE reactor = ? AND seq = ?');

  const deliveriesOf = (seq: number): (DeliveryRef & { state: number })[] =>
    (groups.all() as { key: number }[]).flatMap(({ key: reactor }) =>
      [0, ...(runs.all(reactor) as { run: number }[]).map(({ run }) => run)].flatMap((run) => {
        const row = state.get(reactor, run, seq) as { state: number } | undefined;
        return row ? [{ reactor, run, seq, state: row.state }] : [];
      }),
    );

  return ({ id, note }, now) => {
    const event = find.get(id) as { seq: number; salt: string | null; payload: string | null } | undefined;
    if (!event) return { outcome: 'not_found', cancelled: [] };
    if (event.salt === null && event.payload === null) return { outcome: 'already', cancelled: [] };
    const { seq } = event;
    erase.run(seq);
    const cancelled: DeliveryRef[] = [];
    for (const { state: was, ...ref } of deliveriesOf(seq)) {
      const { reactor, run } = ref;
      if (was === PENDING || was === RUNNING || was === DEAD) {
        cancel.run(now, reactor, run, seq);
        // By its key, which is forgotten only then.
        if (was !== DEAD) wakeNext(ref, now);
        cancelled.push(ref);
      }
      forget.run(reactor, run, seq);
      attempts.run(reactor, run, seq);
    }
    for (const { key } of groups.all() as { key: number }[]) once.run(key, seq);
    append([note], () => true);
    return { outcome: 'redacted', cancelled };
  };
}
