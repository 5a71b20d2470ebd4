/** Records how attempts ended. */
import type { Committed, DeliveryRef, Settlement } from '../storage.js';
import type { HeadCache } from './head-cache.js';
import type { WakeNext } from './key-queue.js';
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

/** Says of each whether its lease held. */
export type Settle = (settlements: readonly Settlement[], now: number) => Committed['settlements'];

/** From how many neighbours on, counting and updating them as a range is less work than one by one. */
const WORTH_A_RANGE = 4;

export function createSettle(
  db: SqliteLike,
  { attempts, cache, wakeNext }: { attempts: Attempts; cache: HeadCache; wakeNext: WakeNext },
): Settle {
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

  const inRange = `WHERE reactor = ? AND run = ? AND seq BETWEEN ? AND ? AND state = ${RUNNING} AND token = ?`;
  const countHeld = db.prepare(`SELECT count(*) AS held FROM nexus_deliveries ${inRange}`);
  const succeedAll =
    db.prepare(`UPDATE nexus_deliveries SET state = ${SUCCEEDED}, instance = NULL, suspect = 0, started = 0,
    attempt = ?, postponed = ?, finished_at = ?, ms = ? ${inRange}`);

  /** Neighbours that ended alike, in one step; false when a lease among them did not hold: then nothing was done. */
  const settleRange = (first: Settlement, length: number, now: number): boolean => {
    const { lease, attempt, postponed, ms } = first;
    const range = [lease.reactor, lease.run, lease.seq, lease.seq + length - 1, lease.token];
    if ((countHeld.get(...range) as { held: number }).held !== length) return false;
    succeedAll.run(attempt, postponed, now, Math.round(ms), ...range);
    return true;
  };

  const settleOne = ({ lease, outcome, attempt, postponed, ms: exact }: Settlement, now: number): boolean => {
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

  return (settlements, now) => {
    const results: Committed['settlements'][number][] = [];
    for (let from = 0; from < settlements.length;) {
      const first = settlements[from];
      if (!first) break;
      let length = 1;
      for (let next = settlements[from + 1]; next && endsLike(first, next, length);) {
        length += 1;
        next = settlements[from + length];
      }
      const keyed = cache.reactor(first.lease.reactor)?.keyed ?? true;
      const asRange = length >= WORTH_A_RANGE && !keyed && settleRange(first, length, now);
      for (let i = from; i < from + length; i++) {
        const settlement = settlements[i];
        const held = asRange || (settlement !== undefined && settleOne(settlement, now));
        results.push(held ? 'settled' : 'lease_lost');
        if (keyed && held && settlement && settlement.outcome.to !== 'pending')
          wakeNext(settlement.lease, now);
      }
      from += length;
    }
    return results;
  };
}

/** True for the success of the delivery `distance` places behind another's, with nothing else to record than that one. */
function endsLike(first: Settlement, other: Settlement, distance: number): boolean {
  return (
    first.outcome.to === 'succeeded' &&
    other.outcome.to === 'succeeded' &&
    other.lease.seq === first.lease.seq + distance &&
    other.lease.reactor === first.lease.reactor &&
    other.lease.run === first.lease.run &&
    other.lease.token === first.lease.token &&
    other.attempt === first.attempt &&
    other.postponed === first.postponed &&
    Math.round(other.ms) === Math.round(first.ms)
  );
}
