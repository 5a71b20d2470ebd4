/** Waiting for what happens to events: settled, idle, the next of a type. */
import {
  functionArgument,
  invalidArgument,
  optionsArgument,
  seqArgument,
  waitArgument,
} from '../core/arguments.js';
import { isFinal } from '../core/delivery.js';
import { NexusError } from '../core/errors.js';
import type { NexusEvent, StoredEvent } from '../core/event.js';
import { refuseBelowBase } from '../core/retention.js';
import { covers, matchesType } from '../core/subscription.js';
import type { Read, Versions } from '../core/versions.js';
import type { Delivery, SettledOptions, WaitForOptions } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import type { Roster } from './roster.js';
import { notFound, positionAhead, toDelivery } from './views.js';
import type { Watch } from './watch.js';

export interface Waiting {
  settled(eventId: string, options?: SettledOptions): Promise<Delivery[]>;
  waitFor(type: string, options?: WaitForOptions): Promise<NexusEvent>;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const PAGE = 500;

export function createWaiting(options: {
  storage: Storage;
  versions: Versions;
  roster: Roster;
  watch: Watch;
  opened: () => Promise<unknown>;
}): Waiting {
  const { storage, versions, roster, watch, opened } = options;

  /** The deliveries of an event, and whether more is to come of it. */
  const look = async (event: StoredEvent): Promise<{ deliveries: Delivery[]; final: boolean }> => {
    const deliveries: Delivery[] = [];
    for (let after, more = true; more;) {
      const page = await storage.read.deliveries({
        eventId: event.id,
        run: 0,
        limit: PAGE,
        ...(after && { after }),
      });
      deliveries.push(...page.items.map(toDelivery));
      after = page.next;
      more = after !== undefined;
    }
    const passed = roster
      .active()
      .every(
        (reactor) =>
          reactor.position >= event.seq || !reactor.row || !covers(reactor.row.subscription, event),
      );
    const registered = [...roster.all()].every(
      (reactor) => reactor.state !== 'running' || reactor.row !== undefined,
    );
    return {
      deliveries,
      final: passed && registered && deliveries.every((delivery) => isFinal(delivery.state)),
    };
  };

  const lookAtAll = async (event: StoredEvent): Promise<{ deliveries: Delivery[]; final: boolean }> => {
    const all: Delivery[] = [];
    let final = true;
    const open = [event];
    for (let next = open.shift(); next; next = open.shift()) {
      const one = await look(next);
      all.push(...one.deliveries);
      final &&= one.final;
      for (let after: number | undefined = next.seq; after !== undefined;) {
        const page: { items: readonly StoredEvent[]; next: number | undefined } = await storage.read.events({
          causationId: next.id,
          after,
          limit: PAGE,
        });
        open.push(...page.items);
        after = page.next;
      }
    }
    return { deliveries: all, final };
  };

  return {
    settled: async (eventId, how) => {
      const { timeoutMs = DEFAULT_TIMEOUT_MS, descendants = false } = optionsArgument(how);
      waitArgument(timeoutMs);
      await opened();
      const event = await storage.read.event(eventId);
      if (!event) throw notFound('event', eventId);
      const see = descendants ? lookAtAll : look;
      return await watch.until<Delivery[]>(
        async () => {
          const { deliveries, final } = await see(event);
          return final ? deliveries : undefined;
        },
        {
          timeoutMs,
          late: async () => {
            const { deliveries } = await see(event);
            const open = deliveries.filter((delivery) => !isFinal(delivery.state));
            throw new NexusError(
              'NEXUS_TIMEOUT',
              `event ${eventId} was not settled within ${timeoutMs} ms: ${open.length} of ${deliveries.length} deliveries are not final; see details.deliveries`,
              {
                details: { eventId, deliveries },
              },
            );
          },
        },
      );
    },

    waitFor: async (type, how) => {
      const { match, after, timeoutMs = DEFAULT_TIMEOUT_MS } = optionsArgument(how);
      if (typeof type !== 'string') throw invalidArgument('type', 'an event type', type);
      if (match !== undefined) functionArgument(match, 'match');
      seqArgument(after, 'after');
      waitArgument(timeoutMs);
      await opened();
      const { seq: head } = await storage.read.head();
      let position = after ?? head;
      if (position > head) throw positionAhead(position, head);
      refuseBelowBase('after', position, (await storage.read.origin()).base.seq);
      return await watch.until<NexusEvent>(
        async () => {
          for (;;) {
            const page = await storage.read.log({ after: position, limit: PAGE });
            for (const stored of page.events) {
              if (!matchesType(type, stored.type) || stored.payload === null) continue;
              const read = versions.read(stored);
              if (match && !matches(match, read)) continue;
              if (read.problem) throw read.problem;
              return read.event;
            }
            if (page.to <= position) return undefined;
            position = page.to;
          }
        },
        {
          timeoutMs,
          late: () => {
            throw new NexusError(
              'NEXUS_TIMEOUT',
              `no matching ${type} within ${timeoutMs} ms; the log was read up to ${position}`,
              { details: { type, position } },
            );
          },
        },
      );
    },
  };
}

/** Of a payload that could not be upcast, `match` may trip over what is not there: then it does not match. */
function matches(match: (event: NexusEvent) => boolean, { event, problem }: Read): boolean {
  try {
    return match(event);
  } catch (error) {
    if (problem) return false;
    throw error;
  }
}
