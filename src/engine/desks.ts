/** Reading the log, and reading and correcting deliveries. */
import { invalidArgument, optionsArgument, seqArgument } from '../core/arguments.js';
import { deliveryEdges, type DeliveryState } from '../core/delivery.js';
import { NexusError } from '../core/errors.js';
import { refuseBelowBase } from '../core/retention.js';
import type { Versions } from '../core/versions.js';
import type {
  DeadLetterDesk,
  DeadLetterFilter,
  Delivery,
  DeliveryDesk,
  DeliveryFilter,
  EventReader,
  Page,
} from '../nexus.js';
import type {
  DeliveryQuery,
  DeliveryRef,
  DeliverySelection,
  Edit,
  EventQuery,
  Storage,
  StoredDelivery,
} from '../storage/storage.js';
import { deliveryId } from './local-reactor.js';
import { asList, defined, notFound, pageLimit, positionAhead, refOf, toDelivery } from './views.js';

export type Desks = {
  readonly events: EventReader;
  readonly deliveries: DeliveryDesk;
  readonly deadLetters: DeadLetterDesk;
};

export function createDesks(options: {
  storage: Storage;
  versions: Versions;
  /** Every desk works on an open storage. */
  opened: () => Promise<unknown>;
  /** An edit was made. */
  edited: () => void;
  /** A delivery was cancelled. */
  cancelled: (ref: DeliveryRef) => void;
}): Desks {
  const { storage, versions, opened } = options;

  const list = async (filter: DeliveryFilter): Promise<Page<Delivery, string>> => {
    const query = toDeliveryQuery(filter);
    await opened();
    const page = await storage.read.deliveries(query);
    return { items: page.items.map(toDelivery), next: page.next && deliveryId(page.next) };
  };
  const edit = async (what: Edit): Promise<number> => {
    await opened();
    const { changed } = await storage.edit(what);
    if (changed > 0) options.edited();
    return changed;
  };
  /** Above the head there is nothing to wait for: such a cursor is from another log, or from one that lost events. */
  const refuseAhead = async (after: number | undefined): Promise<void> => {
    if (after === undefined) return;
    const { seq: head } = await storage.read.head();
    if (after > head) throw positionAhead(after, head);
  };
  /** Events that it was to read next may be gone. */
  const refusePruned = async (after: number | undefined): Promise<void> => {
    if (after !== undefined) refuseBelowBase('after', after, (await storage.read.origin()).base.seq);
  };
  const editOne = async (id: string, kind: 'retry' | 'cancel'): Promise<void> => {
    const delivery = refOf(id);
    if ((await edit({ edit: kind, delivery })) > 0) {
      if (kind === 'cancel') options.cancelled(delivery);
      return;
    }
    const stored = await storage.read.delivery(delivery);
    if (!stored) throw notFound('delivery', id);
    if (kind === 'retry' && (await storage.read.event(stored.eventId))?.payload === null)
      throw redacted(stored);
  };

  return {
    events: {
      get: async (id) => {
        await opened();
        const stored = typeof id === 'string' ? await storage.read.event(id) : undefined;
        return stored && versions.view(stored);
      },
      list: async (given) => {
        const filter = optionsArgument(given, 'filter');
        seqArgument(filter.after, 'after');
        seqArgument(filter.before, 'before');
        const query = defined<EventQuery>({
          types: asList(filter.type),
          source: filter.source,
          correlationId: filter.correlationId,
          causationId: filter.causationId,
          after: filter.after,
          before: filter.before,
          from: instantOf('from', filter.from),
          to: instantOf('to', filter.to),
          limit: pageLimit(filter.limit, 100),
        });
        await opened();
        await refusePruned(filter.after);
        const page = await storage.read.events(query);
        if (page.items.length === 0) await refuseAhead(filter.after);
        return { items: page.items.map((stored) => versions.view(stored)), next: page.next };
      },
    },
    deliveries: {
      get: async (id) => {
        const ref = refOf(id);
        await opened();
        const stored = await storage.read.delivery(ref);
        return stored && toDelivery(stored);
      },
      list: async (filter) => await list(optionsArgument(filter, 'filter')),
      retry: (id) => editOne(id, 'retry'),
      cancel: (id) => editOne(id, 'cancel'),
    },
    deadLetters: {
      list: async (filter) => await list({ ...optionsArgument(filter, 'filter'), state: 'dead' }),
      redrive: async (filter) => ({ redriven: await edit({ edit: 'redrive', which: toSelection(filter) }) }),
      discard: async (filter) => ({ discarded: await edit({ edit: 'discard', which: toSelection(filter) }) }),
    },
  };
}

function redacted({ eventId, seq }: StoredDelivery): NexusError {
  return new NexusError(
    'NEXUS_EVENT_REDACTED',
    `the payload of event ${eventId} (seq ${seq}) was erased, so its deliveries cannot run again`,
    { details: { eventId, seq } },
  );
}

function instantOf(name: string, value: number | Date | undefined): number | undefined {
  if (value === undefined) return undefined;
  const instant = Number(value);
  if (Number.isNaN(instant)) throw invalidArgument(name, 'epoch milliseconds or a date', value);
  return instant;
}

function stateOf(state: DeliveryState): DeliveryState {
  if (Object.hasOwn(deliveryEdges, state)) return state;
  throw invalidArgument('state', Object.keys(deliveryEdges).join(', '), state);
}

function toDeliveryQuery(filter: DeliveryFilter): DeliveryQuery {
  return defined<DeliveryQuery>({
    states: asList(filter.state)?.map(stateOf),
    reactor: filter.reactor,
    eventId: filter.eventId,
    run: filter.run,
    eventType: filter.type,
    errorCode: filter.errorCode,
    after: filter.after === undefined ? undefined : refOf(filter.after),
    limit: pageLimit(filter.limit, 100),
  });
}

function toSelection(given: DeadLetterFilter | undefined): DeliverySelection {
  const filter = optionsArgument(given, 'filter');
  if (filter.ids !== undefined && !Array.isArray(filter.ids))
    throw invalidArgument('ids', 'an array of delivery ids', filter.ids);
  return defined<DeliverySelection>({
    refs: filter.ids?.map(refOf),
    reactor: filter.reactor,
    eventType: filter.type,
    errorCode: filter.errorCode,
    limit: pageLimit(filter.limit, 1_000, 100_000),
  });
}
