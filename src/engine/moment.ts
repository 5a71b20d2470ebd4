/** What the lifecycle tells of a delivery. */
import type { DeliveryMoment } from '../nexus.js';
import { deliveryId, type Held } from './local-reactor.js';

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

/** The moment of every delivery that goes well: written out, for a spread costs more than the rest of it. */
export function succeededMoment(held: Held, ms: number): DeliveryMoment & { readonly ms: number } {
  const { reactor, event, lease, attempt } = held;
  return {
    deliveryId: deliveryId(lease),
    reactor: reactor.settings.name,
    eventId: event.id,
    eventType: event.type,
    seq: event.seq,
    attempt: attempt + 1,
    ms,
  };
}
