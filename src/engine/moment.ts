/** What the lifecycle tells of a delivery. */
import type { Failure } from '../core/errors.js';
import { NexusError, type ErrorCode } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import type { AttemptToBe, DeliveryMoment, DeliveryTimes, Headers, NexusLifecycle } from '../nexus.js';
import type { Match } from '../storage/storage.js';
import { deliveryId, type Held, type LocalReactor } from './local-reactor.js';

export function moment(held: Held): DeliveryMoment {
  return {
    deliveryId: deliveryId(held.lease),
    reactor: held.reactor.settings.name,
    eventId: held.event.id,
    eventType: held.event.type,
    seq: held.event.seq,
    attempt: held.attempt + 1,
  };
}

/** With its times. Written out, for it is made for every delivery that goes well, and a spread costs more than the rest of it. */
export function timedMoment(held: Held, ms: number): DeliveryMoment & DeliveryTimes {
  const { reactor, event, lease, attempt } = held;
  return {
    deliveryId: deliveryId(lease),
    reactor: reactor.settings.name,
    eventId: event.id,
    eventType: event.type,
    seq: event.seq,
    attempt: attempt + 1,
    queuedMs: queuedMs(held),
    ms,
  };
}

/** From when it was due to when its handler was called, milliseconds. */
export function queuedMs({ startedAt, dueAt }: Held): number {
  return Math.max(0, startedAt - dueAt);
}

/** Of a delivery that was created dead. */
export function bornDeadMoment(
  { settings, row }: LocalReactor,
  event: StoredEvent,
  { reason, error }: NonNullable<Match['dead']>,
): NexusLifecycle['delivery:dead'] {
  return {
    deliveryId: deliveryId({ reactor: row?.key ?? 0, run: 0, seq: event.seq }),
    reactor: settings.name,
    eventId: event.id,
    eventType: event.type,
    seq: event.seq,
    attempt: 0,
    queuedMs: 0,
    ms: 0,
    reason,
    error: asError(error),
  };
}

/** What an instrument is told of a handler's call. */
export function attemptToBe(held: Held, { replayed }: { readonly replayed: boolean }): AttemptToBe {
  const { headers } = held.event;
  return {
    ...moment(held),
    replayed,
    headers: headers === null ? {} : (JSON.parse(headers) as Headers),
  };
}

function asError({ code, message }: Failure): NexusError {
  return new NexusError(code as ErrorCode, message);
}
