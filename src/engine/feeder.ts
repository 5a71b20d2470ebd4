/** Brings deliveries that are due in storage into memory, and knows when the next one will be. */
import type { Clock } from '../core/clock.js';
import type { Claimed, Leased, Storage } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Budget } from './budget.js';
import type { Fed } from './fan-out.js';
import { Held, isActive, isReplayed, paceReopensAt, paceRoom, type LocalReactor } from './local-reactor.js';
import type { Roster } from './roster.js';
import type { Runner } from './runner.js';

export interface Feeder {
  /** Claims for reactors with something due, as far as there is room. */
  kick(): void;
  /** Something of every reactor may be due, suspects included. */
  lookAgain(): void;
  /** A suspect is no longer in memory. */
  suspectLeft(): void;
  /** Claims no more; resolves when the claim that runs has ended. */
  stop(): Promise<void>;
  /** True when nothing is due as far as this process knows. */
  quiet(): boolean;
}

/** Suspects run a few at a time; those that crashed before run alone, so that the poison is found among its neighbours. */
const SUSPECTS_AT_ONCE = 4;
/** After a claim that found nothing though something was due (it is still in memory, or in another hand). */
const EMPTY_HANDED_MS = 250;

export function createFeeder(options: {
  storage: Storage;
  clock: Clock;
  alarm: Alarm;
  roster: Roster;
  budget: Budget;
  runner: () => Runner;
  supersede: (reactor: LocalReactor) => void;
  identityLost: () => void;
  failed: (error: unknown) => void;
  pulse: () => void;
}): Feeder {
  const { storage, clock, alarm, roster, budget } = options;
  let running: Promise<void> | undefined;
  let stopped = false;
  let mayHaveSuspects = true;
  let suspects = 0;
  let again = false;
  /** Some reactor could not take suspects, for it may start no handler at present. */
  let suspectsWait = false;

  const kick = (): void => {
    if (stopped) return;
    awaitPace();
    if (running) {
      again = true;
      return;
    }
    if (!hungry() && !suspicious()) return;
    running = rounds()
      .catch((error: unknown) => {
        options.failed(error);
        alarm.noLaterThan('due', clock.now() + 1_000);
      })
      .finally(() => {
        running = undefined;
        options.pulse();
        if (again) {
          again = false;
          kick();
        }
      });
  };

  /** A reactor that may not start more at present is left alone until it may: nothing polls. */
  const awaitPace = (): void => {
    const paced = roster.paced();
    const now = paced.length > 0 ? clock.now() : 0;
    for (const reactor of paced) {
      if ((!reactor.due && !suspectsWait) || reactor.paused || !isHeldBack(reactor)) continue;
      const reopensAt = paceReopensAt(reactor);
      // Otherwise it waits for slots, and who leaves one asks again.
      if (reopensAt > now) alarm.noLaterThan('pace', reopensAt);
    }
  };
  const isHeldBack = (reactor: LocalReactor): boolean =>
    reactor.pace !== undefined && paceRoom(reactor, clock.now()) <= 0;

  const suspicious = (): boolean => mayHaveSuspects && suspects === 0 && roster.active().length > 0;
  const hungry = (): boolean => roster.active().some(wantsMore);
  /** Claims come in batches: a reactor is fed again when it has used up most of what it has. */
  const wantsMore = (reactor: LocalReactor): boolean =>
    reactor.due && reactor.waiting.length <= reactor.settings.concurrency && budget.room(reactor) > 0;

  const rounds = async (): Promise<void> => {
    let found: number;
    do {
      again = false;
      found = await round();
    } while (!stopped && found > 0 && (hungry() || suspicious()));
    if (!stopped) await wakeForNext(found === 0);
  };

  const round = async (): Promise<number> => {
    const wanted: LocalReactor[] = [];
    let promised = 0;
    for (const reactor of roster.active()) {
      // A suspect may belong to a reactor with nothing else due.
      if (!wantsMore(reactor) && !suspicious()) continue;
      if (isHeldBack(reactor)) suspectsWait = true;
      else wanted.push(reactor);
    }
    const wants = wanted.map((reactor) => {
      const limit = wantsMore(reactor) ? budget.room(reactor, promised) : 0;
      promised += limit;
      return { reactor: reactor.row?.key ?? 0, generation: reactor.row?.generation ?? 0, limit };
    });
    const crashed = suspicious();
    const few = crashed ? suspectsAtOnce(wanted) : 0;
    const claimed = await claim(wants, { limit: few, crashed: false });
    const alone = crashed && !claimed.leased.some((leased) => leased.suspect);
    const rest = alone
      ? await claim(
          wants.map((want) => ({ ...want, limit: 0 })),
          { limit: 1, crashed: true },
        )
      : undefined;
    if (claimed.instance === 'lost') {
      options.identityLost();
      return 0;
    }
    const leased = [...claimed.leased, ...(rest?.leased ?? [])];
    if (alone && rest?.leased.length === 0) mayHaveSuspects = false;
    wanted.forEach((reactor, i) => {
      const result = claimed.reactors[i];
      if (result?.superseded) options.supersede(reactor);
      else if (result && (wants[i]?.limit ?? 0) > 0) reactor.due = result.more;
    });
    options.runner().feed(toFed(leased, wanted));
    return leased.length;
  };

  /** None of them needs to wait for its reactor's pace. */
  const suspectsAtOnce = (reactors: readonly LocalReactor[]): number =>
    Math.min(SUSPECTS_AT_ONCE, ...reactors.map((reactor) => paceRoom(reactor, clock.now())));

  const claim = (
    wants: Parameters<Storage['claim']>[0]['reactors'],
    few: { limit: number; crashed: boolean },
  ): Promise<Claimed> =>
    storage.claim({ reactors: wants, suspects: few, except: options.runner().lingering() });

  const toFed = (leased: readonly Leased[], wanted: readonly LocalReactor[]): Fed[] => {
    const byKey = new Map<number, Fed>(
      wanted.map((reactor) => [reactor.row?.key ?? 0, { reactor, held: [] }]),
    );
    const now = clock.now();
    for (const each of leased) {
      const fed = byKey.get(each.lease.reactor);
      if (!fed) continue;
      if (each.suspect) suspects += 1;
      fed.held.push(new Held(fed.reactor, each, now));
    }
    // Suspects are fed from here, those of replays too.
    for (const { reactor, held } of byKey.values())
      if (held.length > 0) budget.taken(reactor, held.length, held.filter(isReplayed).length);
    return [...byKey.values()].filter(({ held }) => held.length > 0);
  };

  const wakeForNext = async (emptyHanded: boolean): Promise<void> => {
    awaitPace();
    const keys = roster
      .active()
      .filter((reactor) => !reactor.paused && !(reactor.due && isHeldBack(reactor)))
      .map((reactor) => reactor.row?.key ?? 0);
    if (keys.length === 0) return;
    const dueInMs = await storage.nextDueInMs(keys);
    if (dueInMs === undefined || (dueInMs <= 0 && hasAppetite())) {
      // Nothing, or more than there is room for: the next settlement asks again.
      if (dueInMs === undefined) alarm.set('due', undefined);
      return;
    }
    alarm.set('due', clock.now() + Math.max(dueInMs, emptyHanded && dueInMs <= 0 ? EMPTY_HANDED_MS : 0));
  };
  /** Some reactor knows that it is due and waits for room. */
  const hasAppetite = (): boolean =>
    roster.active().some(({ due, held, replays }) => due && held > replays.held);

  alarm.when('pace', () => {
    if (suspectsWait) mayHaveSuspects = true;
    suspectsWait = false;
    for (const reactor of roster.paced()) options.runner().pump(reactor);
    kick();
  });
  alarm.when('due', () => {
    for (const reactor of roster.all()) reactor.due = true;
    kick();
  });

  return {
    kick,
    lookAgain: () => {
      mayHaveSuspects = true;
      for (const reactor of roster.all()) reactor.due = true;
      kick();
    },
    suspectLeft: () => {
      suspects -= 1;
      kick();
    },
    stop: async () => {
      stopped = true;
      await running;
    },
    quiet: () =>
      !running &&
      !suspicious() &&
      !roster.active().some((reactor) => reactor.due && !reactor.paused && isActive(reactor)),
  };
}
