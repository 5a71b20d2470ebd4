/** Records how attempts ended. */
import type { DeliveryRef, Settlement } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';
import { CANCELLED, DEAD, PENDING, RUNNING, SUCCEEDED } from './states.js';
import type { Failure } from '../../core/errors.js';

export interface Attempts {
  add(
    ref: DeliveryRef,
    row: { attempt: number; outcome: string; at: number; ms: number; error: Failure },
  ): void;
}

export function createAttempts(db: SqliteLike): Attempts {
  const insert =
    db.prepare(`INSERT INTO nexus_attempts (reactor, run, seq, n, attempt, outcome, at, ms, error_code, error_message)
    VALUES (?, ?, ?, (SELECT 1 + count(*) FROM nexus_attempts WHERE reactor = ? AND run = ? AND seq = ?), ?, ?, ?, ?, ?, ?)`);
  return {
    add: ({ reactor, run, seq }, { attempt, outcome, at, ms, error }) => {
      insert.run(
        reactor,
        run,
        seq,
        reactor,
        run,
        seq,
        attempt,
        outcome,
        at,
        Math.round(ms),
        error.code,
        error.message,
      );
    },
  };
}

/** Returns whether the lease held. */
export type Settle = (settlement: Settlement, now: number) => boolean;

export function createSettle(db: SqliteLike, attempts: Attempts): Settle {
  const guard = `WHERE reactor = ? AND run = ? AND seq = ? AND state = ${RUNNING} AND token = ?`;
  const succeed =
    db.prepare(`UPDATE nexus_deliveries SET state = ${SUCCEEDED}, instance = NULL, suspect = 0, started = 0,
    attempt = ?, postponed = ?, finished_at = ?, ms = ? ${guard}`);
  const toPending =
    db.prepare(`UPDATE nexus_deliveries SET state = ${PENDING}, instance = NULL, suspect = 0, started = 0,
    attempt = ?, postponed = ?, due_at = ?, ms = ?, error_code = coalesce(?, error_code), error_message = coalesce(?, error_message) ${guard}`);
  const end = db.prepare(`UPDATE nexus_deliveries SET state = ?, instance = NULL, suspect = 0, started = 0,
    attempt = ?, postponed = ?, reason = ?, finished_at = ?, ms = ?,
    error_code = coalesce(?, error_code), error_message = coalesce(?, error_message) ${guard}`);

  return ({ lease, outcome, attempt, postponed, ms: exact }, now) => {
    const { reactor, run, seq, token } = lease;
    const ms = Math.round(exact);
    if (outcome.to === 'succeeded')
      return succeed.run(attempt, postponed, now, ms, reactor, run, seq, token).changes === 1;
    const error = 'error' in outcome ? outcome.error : undefined;
    const code = error?.code ?? null;
    const message = error?.message ?? null;
    const { changes } =
      outcome.to === 'pending'
        ? toPending.run(
            attempt,
            postponed,
            now + Math.ceil(outcome.delayMs),
            ms,
            code,
            message,
            reactor,
            run,
            seq,
            token,
          )
        : end.run(
            outcome.to === 'dead' ? DEAD : CANCELLED,
            attempt,
            postponed,
            outcome.reason,
            now,
            ms,
            code,
            message,
            reactor,
            run,
            seq,
            token,
          );
    if (changes !== 1) return false;
    if (error) {
      const how =
        outcome.to === 'dead' ? 'dead' : outcome.to === 'pending' && outcome.counted ? 'retry' : 'postponed';
      attempts.add(lease, { attempt, outcome: how, at: now, ms, error });
    }
    return true;
  };
}
