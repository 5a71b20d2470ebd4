/**
 * Deliveries that wait for an earlier one of their key are parked: pending without a due time, so that claims never meet
 * them, however many there are. When the one before is final, the next is woken in the same transaction.
 */
import type { DeliveryRef } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';
import { PENDING, RUNNING } from './states.js';

/** True for a `d` with an earlier unfinished delivery of its key. */
export const HELD_UP = `(d.order_key IS NOT NULL AND EXISTS (
  SELECT 1 FROM nexus_deliveries b WHERE b.reactor = d.reactor AND b.run = d.run AND b.order_key = d.order_key
  AND b.order_key IS NOT NULL AND b.state IN (${PENDING}, ${RUNNING}) AND b.seq < d.seq))`;

/** How many open deliveries of its key are behind a `d`. */
export const BEHIND = `SELECT count(*) FROM nexus_deliveries b WHERE b.reactor = d.reactor AND b.run = d.run
  AND b.order_key = d.order_key AND b.order_key IS NOT NULL AND b.state IN (${PENDING}, ${RUNNING}) AND b.seq > d.seq`;

/** In a write transaction: a delivery is final; wakes the next of its key, if it has one. */
export type WakeNext = (finished: DeliveryRef, now: number) => void;

export function createWakeNext(db: SqliteLike): WakeNext {
  const wake = db.prepare(`UPDATE nexus_deliveries AS d
    SET due_at = max(?, coalesce((SELECT e.not_before FROM nexus_events e WHERE e.seq = d.seq), 0))
    WHERE d.reactor = ? AND d.run = ? AND d.state = ${PENDING} AND d.due_at IS NULL AND d.seq = (
      SELECT min(b.seq) FROM nexus_deliveries b WHERE b.reactor = ? AND b.run = ? AND b.order_key IS NOT NULL
      AND b.state IN (${PENDING}, ${RUNNING})
      AND b.order_key = (SELECT order_key FROM nexus_deliveries WHERE reactor = ? AND run = ? AND seq = ?))`);
  return ({ reactor, run, seq }, now) => void wake.run(now, reactor, run, reactor, run, reactor, run, seq);
}
