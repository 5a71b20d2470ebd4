/** Rows as they come out of SQLite, and what they mean. */
import type { EndReason } from '../../core/delivery.js';
import type { StoredEvent } from '../../core/event.js';
import type { Subscription } from '../../core/subscription.js';
import type { ReactorRow, StoredAttempt, StoredDelivery } from '../storage.js';
import { stateName } from './states.js';

/** Columns of an event under the alias `e`. */
export const EVENT_COLUMNS = `e.seq AS e_seq, e.id, e.type, e.source, e.timestamp, e.correlation_id, e.causation_id, e.headers,
  e.schema_version, e.not_before, e.salt, e.payload, e.payload_hash, e.hash`;

export type EventRow = {
  e_seq: number;
  id: string;
  type: string;
  source: string;
  timestamp: number;
  correlation_id: string | null;
  causation_id: string | null;
  headers: string | null;
  schema_version: number;
  not_before: number | null;
  salt: string | null;
  payload: string | null;
  payload_hash: string;
  hash: string;
};

export function toEvent(row: EventRow): StoredEvent {
  return {
    seq: row.e_seq,
    hash: row.hash,
    id: row.id,
    type: row.type,
    source: row.source,
    timestamp: row.timestamp,
    correlationId: row.correlation_id ?? row.id,
    causationId: row.causation_id,
    headers: row.headers,
    schemaVersion: row.schema_version,
    notBefore: row.not_before,
    salt: row.salt,
    payload: row.payload,
    payloadHash: row.payload_hash,
  };
}

/** Columns of a delivery `d` with its reactor `r` and its event `e`. */
export const DELIVERY_COLUMNS = `d.reactor, d.run, d.seq, d.state, d.attempt, d.postponed, d.crashes, d.suspect, d.due_at,
  d.order_key, d.reason, d.finished_at, d.ms, d.error_code, d.error_message, r.name AS reactor_name, e.id AS event_id, e.type AS event_type`;

export type DeliveryRow = {
  reactor: number;
  run: number;
  seq: number;
  state: number;
  attempt: number;
  postponed: number;
  crashes: number;
  suspect: number;
  due_at: number | null;
  order_key: string | null;
  reason: string | null;
  finished_at: number | null;
  ms: number | null;
  error_code: string | null;
  error_message: string | null;
  reactor_name: string;
  event_id: string;
  event_type: string;
};

export function toDelivery(row: DeliveryRow): StoredDelivery {
  return {
    reactor: row.reactor,
    run: row.run,
    seq: row.seq,
    reactorName: row.reactor_name,
    eventId: row.event_id,
    eventType: row.event_type,
    state: stateName(row.state),
    reason: row.reason as EndReason | null,
    attempt: row.attempt,
    postponed: row.postponed,
    crashes: row.crashes,
    suspect: row.suspect === 1,
    orderKey: row.order_key,
    dueAt: row.due_at,
    finishedAt: row.finished_at,
    ms: row.ms,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
  };
}

export type ReactorTableRow = {
  key: number;
  name: string;
  subscription: string;
  ordered: number;
  generation: number;
  position: number;
  paused: number;
  pruned_to: number;
};

export function toReactor(row: ReactorTableRow): ReactorRow {
  return {
    key: row.key,
    name: row.name,
    generation: row.generation,
    subscription: JSON.parse(row.subscription) as Subscription,
    ordered: row.ordered === 1,
    position: row.position,
    paused: row.paused === 1,
    prunedTo: row.pruned_to,
  };
}

export type AttemptRow = {
  n: number;
  attempt: number;
  outcome: string;
  at: number;
  ms: number;
  error_code: string;
  error_message: string;
};

export function toAttempt(row: AttemptRow): StoredAttempt {
  return {
    index: row.n,
    attempt: row.attempt,
    outcome: row.outcome as StoredAttempt['outcome'],
    at: row.at,
    ms: row.ms,
    error: { code: row.error_code, message: row.error_message },
  };
}
