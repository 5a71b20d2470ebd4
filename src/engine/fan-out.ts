/** Which deliveries a commit creates: for reactors at the head with its own events, for those behind it from the log. */
import { NexusError, describeFailure } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import { covers } from '../core/subscription.js';
import type { Versions } from '../core/versions.js';
import type { Committed, FanOut, Match, Storage } from '../storage/storage.js';
import type { Budget } from './budget.js';
import { Held, isHeldUp, standsStill, type LocalReactor } from './local-reactor.js';
import type { Roster } from './roster.js';
import type { Draft } from './work.js';

/** A fan-out, whose it is, and where its events are to be found. */
type Planned = {
  readonly reactor: LocalReactor;
  readonly fanOut: FanOut;
  readonly page: ReadonlyMap<number, StoredEvent> | undefined;
};

/** What was leased by a commit. */
export type Fed = { readonly reactor: LocalReactor; readonly held: Held[] };

export interface FanOuts {
  /** The fan-outs to commit together with these events. Reads the log for reactors that are behind. */
  plan(events: readonly Draft[]): Promise<readonly Planned[]>;
  /** Takes over what the commit says; returns what was leased to this instance. */
  apply(planned: readonly Planned[], events: readonly Draft[], committed: Committed): Fed[];
  /** True when a reactor of this process is behind the head. */
  behind(): boolean;
  /** The head of the log, as far as this process knows. */
  head(): number;
  sawHead(seq: number): void;
}

const PAGE = 1_000;
/** Reactors that catch up in one commit; the rest takes turns. */
const CATCHING_UP_AT_ONCE = 4;

export function createFanOuts(options: {
  storage: Storage;
  versions: Versions;
  roster: Roster;
  budget: Budget;
  now: () => number;
  supersede: (reactor: LocalReactor) => void;
  /** A delivery was created dead: nobody can tell its ordering key. */
  bornDead: (reactor: LocalReactor, event: StoredEvent, dead: NonNullable<Match['dead']>) => void;
}): FanOuts {
  const { storage, versions, roster, budget, now } = options;
  let head = 0;
  let turn = 0;

  const isBehind = (reactor: LocalReactor): boolean =>
    reactor.position < head && !standsStill(reactor) && !isHeldUp(reactor);

  const catchUp = async (
    reactor: LocalReactor,
    pages: Map<number, LogPage>,
    promised: number,
  ): Promise<Planned | undefined> => {
    const after = reactor.position;
    const page = pages.get(after) ?? (await storage.read.log({ after, limit: PAGE }));
    pages.set(after, page);
    head = Math.max(head, page.head);
    if (page.to <= after || !reactor.row) return undefined;
    const { subscription, key, generation } = reactor.row;
    const matches: Match[] = [];
    let { to } = page;
    for (const event of page.events) {
      if (!covers(subscription, event)) continue;
      if (reactor.settings.orderBy && versions.isNewer(event)) {
        to = event.seq - 1;
        break;
      }
      matches.push(match(reactor, event.seq, event, versions));
    }
    if (to <= after) {
      reactor.heldUpAt = after;
      return undefined;
    }
    return {
      reactor,
      fanOut: {
        reactor: key,
        generation,
        over: { after, to },
        matches,
        lease: reactor.due ? 0 : Math.min(matches.length, budget.room(reactor, promised)),
      },
      page: new Map(page.events.map((event) => [event.seq, event])),
    };
  };

  const tellBornDead = (
    { reactor, fanOut, page }: Planned,
    events: readonly Draft[],
    said: Committed,
  ): void => {
    for (const { event: place, dead } of fanOut.matches) {
      const event = dead && (page ? page.get(place) : appended(events, said, place));
      if (event) options.bornDead(reactor, event, dead);
    }
  };

  return {
    plan: async (events) => {
      const planned: Planned[] = [];
      let promised = 0;
      const active = roster.active();
      const pages = new Map<number, LogPage>();
      const late = active.filter(isBehind);
      for (let i = 0; i < Math.min(late.length, CATCHING_UP_AT_ONCE); i++) {
        const reactor = late[(turn + i) % late.length];
        const plan = reactor && (await catchUp(reactor, pages, promised));
        if (!plan) continue;
        promised += plan.fanOut.lease;
        planned.push(plan);
      }
      turn += CATCHING_UP_AT_ONCE;
      if (events.length === 0) return planned;

      const caughtUp = new Set(
        planned.filter((plan) => overTo(plan.fanOut) >= head).map((plan) => plan.reactor),
      );
      const matches = new Map<LocalReactor, Match[]>();
      for (const reactor of active)
        if (!standsStill(reactor) && (reactor.position >= head || caughtUp.has(reactor)))
          matches.set(reactor, []);
      for (let i = 0; i < events.length; i++) {
        const event = events[i];
        if (!event) continue;
        for (const reactor of roster.matching(event.type)) {
          matches.get(reactor)?.push(match(reactor, i, event, versions));
        }
      }
      for (const [reactor, list] of matches) {
        if (!reactor.row) continue;
        // Behind what is due already, new deliveries queue up in storage.
        const straight = list.length > 0 && !reactor.due && !caughtUp.has(reactor);
        const lease = straight ? Math.min(list.length, budget.room(reactor, promised)) : 0;
        promised += lease;
        planned.push({
          reactor,
          fanOut: {
            reactor: reactor.row.key,
            generation: reactor.row.generation,
            over: 'this-batch',
            matches: list,
            lease,
          },
          page: undefined,
        });
      }
      return planned;
    },

    apply: (planned, events, committed) => {
      const fed: Fed[] = [];
      const heldAt = now();
      head = Math.max(head, committed.head);
      for (let i = 0; i < planned.length; i++) {
        const plan = planned[i];
        const result = committed.fanOuts[i];
        if (!plan || !result) continue;
        const { reactor, fanOut } = plan;
        if (result.outcome === 'superseded') {
          options.supersede(reactor);
          continue;
        }
        if (result.outcome === 'moved') {
          reactor.position = result.position;
          head = Math.max(head, result.position);
          continue;
        }
        reactor.position = fanOut.over === 'this-batch' ? committed.head : fanOut.over.to;
        // Most reactors have no part in most commits.
        if (fanOut.matches.length === 0) continue;
        if (result.pending > 0) reactor.due = true;
        const held: Held[] = [];
        for (const { match: index, token } of result.leased) {
          const place = fanOut.matches[index]?.event;
          if (place === undefined) continue;
          const event = plan.page ? plan.page.get(place) : appended(events, committed, place);
          if (!event) continue;
          const lease = { reactor: fanOut.reactor, run: 0, seq: event.seq, token };
          const newborn = {
            lease,
            event,
            suspect: false,
            fresh: false,
            attempt: 0,
            postponed: 0,
            dueAt: heldAt,
          };
          const payload = plan.page ? undefined : takePayload(events[place]);
          held.push(new Held(reactor, newborn, heldAt, payload));
        }
        // Only what has an ordering key can lack one.
        if (reactor.settings.ordered) tellBornDead(plan, events, committed);
        if (held.length > 0) {
          budget.taken(reactor, held.length);
          fed.push({ reactor, held });
        }
      }
      return fed;
    },

    behind: () => roster.active().some(isBehind),
    head: () => head,
    sawHead: (seq) => {
      head = Math.max(head, seq);
    },
  };
}

type LogPage = Awaited<ReturnType<Storage['read']['log']>>;

function overTo(fanOut: FanOut): number {
  return fanOut.over === 'this-batch' ? 0 : fanOut.over.to;
}

/** An event that is to be delivered, with its key where the reactor has them. */
export function match(reactor: LocalReactor, place: number, event: StoredEvent, versions: Versions): Match {
  const { orderBy } = reactor.settings;
  const base: Match =
    event.notBefore === null ? { event: place } : { event: place, notBefore: event.notBefore };
  // The delivery of an erased event is cancelled where it is created.
  if (!orderBy || event.payload === null) return base;
  try {
    const key: unknown = orderBy(versions.event(event));
    if (typeof key === 'string' && key.length <= 512) return { ...base, orderKey: key };
    throw new NexusError(
      'NEXUS_ORDER_KEY',
      `orderBy of reactor "${reactor.settings.name}" must return a string of at most 512 characters for ${event.type}; got ${typeof key}`,
    );
  } catch (error) {
    // Whose mistake it was: orderBy's, unless it was not even called.
    const code = NexusError.is(error, 'NEXUS_UPCAST_FAILED') ? error.code : 'NEXUS_ORDER_KEY';
    return {
      ...base,
      dead: { reason: 'order_key', error: { code, message: describeFailure(error).message } },
    };
  }
}

function appended(events: readonly Draft[], committed: Committed, index: number): StoredEvent | undefined {
  return committed.events[index]?.outcome === 'appended' ? events[index] : undefined;
}

/** For the first who asks: a handler may do to its payload what it likes. */
function takePayload(draft: Draft | undefined): Held['payload'] {
  const payload = draft?.unread;
  if (draft) draft.unread = undefined;
  return payload;
}
