/** The whole story of an event. */
import type { StoredEvent } from '../core/event.js';
import { covers } from '../core/subscription.js';
import type { Versions } from '../core/versions.js';
import type { Explanation } from '../nexus.js';
import type { ReactorRow, Storage } from '../storage/storage.js';
import { notFound, toAttempt, toDelivery } from './views.js';

const MOST_CHILDREN = 100;
const MOST_LEVELS = 10;

type Log = { readonly storage: Storage; readonly versions: Versions };

/** @throws NexusError NEXUS_NOT_FOUND */
export async function explain(from: Log, eventId: string): Promise<Explanation> {
  const { storage } = from;
  const event = await storage.read.event(eventId);
  if (!event) throw notFound('event', eventId);
  return await tell(from, event, await storage.read.reactors(), 1);
}

async function tell(
  from: Log,
  event: StoredEvent,
  reactors: readonly ReactorRow[],
  level: number,
): Promise<Explanation> {
  const { storage, versions } = from;
  const deliveries = await storage.read.deliveries({ eventId: event.id, limit: 1_000 });
  const children = await storage.read.events({ causationId: event.id, after: 0, limit: MOST_CHILDREN });
  const deeper = level < MOST_LEVELS;
  return {
    event: versions.view(event),
    deliveries: await Promise.all(
      deliveries.items.map(async (delivery) => ({
        ...toDelivery(delivery),
        attempts: (await storage.read.attempts(delivery)).map(toAttempt),
      })),
    ),
    waiting: reactors
      .filter((reactor) => reactor.position < event.seq && covers(reactor.subscription, event))
      .map(({ name, position }) => ({ reactor: name, position })),
    pruned: reactors
      .filter(
        (reactor) =>
          reactor.prunedTo >= event.seq &&
          covers(reactor.subscription, event) &&
          !deliveries.items.some((delivery) => delivery.reactor === reactor.key),
      )
      .map(({ name }) => name),
    children: deeper
      ? await Promise.all(children.items.map((child) => tell(from, child, reactors, level + 1)))
      : [],
    truncated: children.next !== undefined || (!deeper && children.items.length > 0),
  };
}
