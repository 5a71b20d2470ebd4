/** What is stored, as the public interface shows it; and the limits of what may be asked. */
import { NexusError } from '../core/errors.js';
import type { AttemptRecord, Delivery } from '../nexus.js';
import type { DeliveryRef, StoredAttempt, StoredDelivery } from '../storage/storage.js';
import { deliveryId, parseDeliveryId } from './local-reactor.js';

export function toDelivery(stored: StoredDelivery): Delivery {
  return {
    id: deliveryId(stored),
    reactor: stored.reactorName,
    run: stored.run,
    seq: stored.seq,
    eventId: stored.eventId,
    eventType: stored.eventType,
    state: stored.state,
    reason: stored.reason ?? undefined,
    attempt: stored.attempt,
    postponed: stored.postponed,
    crashes: stored.crashes,
    dueAt: stored.dueAt ?? undefined,
    finishedAt: stored.finishedAt ?? undefined,
    ms: stored.ms ?? undefined,
    error: stored.error ?? undefined,
  };
}

export function toAttempt(stored: StoredAttempt): AttemptRecord {
  const { attempt, outcome, at, ms, error } = stored;
  return { attempt, outcome, at, ms, error };
}

/** @throws NexusError NEXUS_NOT_FOUND */
export function refOf(id: string): DeliveryRef {
  const ref = typeof id === 'string' ? parseDeliveryId(id) : undefined;
  if (!ref) throw notFound('delivery', id);
  return ref;
}

export function notFound(what: string, id: unknown): NexusError {
  return new NexusError('NEXUS_NOT_FOUND', `there is no ${what} "${String(id)}"`, {
    details: { [what]: id },
  });
}

export function positionAhead(after: number, head: number): NexusError {
  return new NexusError(
    'NEXUS_POSITION_AHEAD',
    `after must not be above the head of the log, ${head}; got ${after}`,
    { details: { after, head } },
  );
}

/** A page size. @throws NexusError NEXUS_INVALID_OPTION */
export function pageLimit(limit: number | undefined, fallback: number, most = 1_000): number {
  if (limit === undefined) return fallback;
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `limit must be an integer from 1 to ${most}; got ${String(limit)}`,
    { details: { option: 'limit' } },
  );
}

export function asList<T>(value: T | readonly T[] | undefined): readonly T[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** An object without its undefined members. */
export function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
