/**
 * Carries on the replays of this process's reactors: creates their deliveries page by page, claims them beside live work,
 * and ends them. All it knows is in storage, so any process with the reactor goes on where another one stopped.
 */
import type { Clock } from '../core/clock.js';
import type { Versions } from '../core/versions.js';
import type { Match, ReactorReplayRow, ReplayRow, Storage } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Budget } from './budget.js';
import { match } from './fan-out.js';
import { Held, isActive, paceReopensAt, paceRoom, replaySlots, type LocalReactor } from './local-reactor.js';
import { nextTurn } from './next-turn.js';
import { replayEvents } from './replay-scope.js';
import type { Roster } from './roster.js';
import type { Runner } from './runner.js';

export interface Replayer {
  /** Rows may have changed, or something may be due. */
  lookAgain(): void;
  /** A delivery of a replay has left this reactor's memory. */
  freed(reactor: LocalReactor): void;
  /** A replay was cancelled here. */
  cancelled(run: number): void;
  /** Keeps an eye on a replay; `latest` is its row as last seen. */
  follow(run: number): { latest(): ReplayRow | undefined; end(): void };
  /** True when nothing is due as far as this process knows. */
  quiet(): boolean;
  /** Begins nothing more; resolves when what runs has ended. */
  stop(): Promise<void>;
}

/** No page is made while a replay has more open deliveries of a reactor, however many millions it covers. */
const ENOUGH_OPEN = 256;
/** A page, and a claim, is one commit, which blocks the event loop for some milliseconds. */
const PAGE = 128;
const RUNNING_AT_ONCE = 100;
/** Turns of the event loop that a replay waits for commits; in a stream without end it has its turn, too. */
const MOST_TURNS = 8;
const TRY_AGAIN_MS = 1_000;
/** After a claim that found nothing though something was due: its former handler is still on its way back. */
const EMPTY_HANDED_MS = 250;
/** Where a reactor may start few handlers, live work asks first. */
const AFTER_LIVE_MS = 100;

export function createReplayer(options: {
  storage: Storage;
  clock: Clock;
  versions: Versions;
  alarm: Alarm;
  roster: Roster;
  budget: Budget;
  runner: Runner;
  supersede: (reactor: LocalReactor) => void;
  identityLost: () => void;
  /** Something waits for its commit, or is being committed. */
  committing: () => boolean;
  failed: (error: unknown) => void;
  pulse: () => void;
}): Replayer {
  const { storage, clock, versions, alarm, roster, budget, runner } = options;
  /** The running ones, by run, as last seen. */
  let known = new Map<number, ReplayRow>();
  /** Those that someone waits for, and how often. */
  const followed = new Map<number, { latest: ReplayRow | undefined; count: number }>();
  /** Reactors of which something may be due. */
  const due = new Set<LocalReactor>();
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;

  // It changes while a round is awaited.
  const wantsAgain = (): boolean => again;

  const kick = (): void => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    running = rounds()
      .catch((error: unknown) => {
        options.failed(error);
        alarm.noLaterThan('replay', clock.now() + TRY_AGAIN_MS);
      })
      .finally(() => {
        running = undefined;
        options.pulse();
        if (wantsAgain()) kick();
      });
  };

  const rounds = async (): Promise<void> => {
    let moved: boolean;
    do {
      again = false;
      await giveWay();
      await refresh();
      moved = await createPages();
      if (await claim()) moved = true;
      if (await finish()) moved = true;
      options.pulse();
    } while (!stopped && (moved || wantsAgain()));
    if (!stopped) await wakeForNext();
  };

  /** A write blocks the event loop: between those of a replay, what waits to be committed goes first. */
  const giveWay = async (): Promise<void> => {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      await nextTurn();
      if (!options.committing()) return;
    }
  };

  const refresh = async (): Promise<void> => {
    const before = known;
    known = new Map((await readRunning()).map((row) => [row.run, row]));
    for (const [run, each] of followed) each.latest = known.get(run) ?? (await storage.read.replay(run));
    for (const run of before.keys()) {
      if (known.has(run)) continue;
      if ((await storage.read.replay(run))?.state === 'cancelled') runner.cancelRun(run);
    }
  };

  const readRunning = async (): Promise<ReplayRow[]> => {
    const rows: ReplayRow[] = [];
    let page: readonly ReplayRow[];
    do {
      const before = rows.at(-1)?.run ?? Number.MAX_SAFE_INTEGER;
      page = await storage.read.replays({ state: 'running', before, limit: RUNNING_AT_ONCE });
      rows.push(...page);
    } while (page.length === RUNNING_AT_ONCE);
    return rows;
  };

  const localOf = (key: number): LocalReactor | undefined =>
    roster.active().find(({ row }) => row?.key === key);

  const createPages = async (): Promise<boolean> => {
    let moved = false;
    // The oldest first.
    for (const replay of [...known.values()].reverse()) {
      for (const progress of replay.reactors) {
        const reactor = localOf(progress.reactor);
        const wanted = progress.position < replay.until && progress.open <= ENOUGH_OPEN;
        if (stopped || !reactor || reactor.paused || !wanted) continue;
        if (await createPage(replay, progress, reactor)) moved = true;
        await giveWay();
      }
    }
    return moved;
  };

  const createPage = async (
    replay: ReplayRow,
    { position: after }: ReactorReplayRow,
    reactor: LocalReactor,
  ): Promise<boolean> => {
    const { row } = reactor;
    if (!row) return false;
    const page = await replayEvents(storage, replay, row, { after, limit: PAGE });
    let { to } = page;
    const matches: Match[] = [];
    for (const event of page.events) {
      // Its key is for a process to tell that knows the version, as in live work.
      if (reactor.settings.orderBy && versions.isNewer(event)) {
        to = event.seq - 1;
        break;
      }
      matches.push(match(reactor, event.seq, event, versions));
    }
    if (to <= after) return false;
    const result = await storage.fanOutReplay({
      run: replay.run,
      reactor: row.key,
      generation: row.generation,
      after,
      to,
      matches,
    });
    if (result.outcome === 'superseded') options.supersede(reactor);
    if (result.outcome !== 'done') return result.outcome === 'moved';
    if (result.created > 0) due.add(reactor);
    return true;
  };

  /** Claims come in batches: a reactor is fed again when it has used up most of what it has. */
  const roomOf = (reactor: LocalReactor): number =>
    reactor.replays.waiting.length <= replaySlots(reactor) ? Math.min(PAGE, budget.replayRoom(reactor)) : 0;

  const claim = async (): Promise<boolean> => {
    let fed = false;
    for (const reactor of [...due]) {
      const limit = roomOf(reactor);
      if (stopped || !reactor.row || !isActive(reactor)) due.delete(reactor);
      else if (limit > 0) {
        if (await claimFor(reactor, limit)) fed = true;
        await giveWay();
      }
    }
    return fed;
  };

  const claimFor = async (reactor: LocalReactor, limit: number): Promise<boolean> => {
    const { key = 0, generation = 0 } = reactor.row ?? {};
    const claimed = await storage.claim({
      lane: 'replays',
      reactors: [{ reactor: key, generation, limit }],
      suspects: { limit: 0, crashed: false },
      except: runner.lingering(),
    });
    if (claimed.instance === 'lost') {
      options.identityLost();
      return false;
    }
    if (claimed.reactors[0]?.superseded) options.supersede(reactor);
    if (!claimed.reactors[0]?.more) due.delete(reactor);
    const held = claimed.leased.map((leased) => new Held(reactor, leased, clock.now()));
    if (held.length === 0) return false;
    budget.taken(reactor, held.length, held.length);
    runner.feed([{ reactor, held }]);
    return true;
  };

  const finish = async (): Promise<boolean> => {
    let moved = false;
    for (const replay of known.values()) {
      const over = replay.reactors.every(
        ({ position, removed, open }) => (removed || position >= replay.until) && open === 0,
      );
      if (over && (await storage.edit({ edit: 'finish-replay', run: replay.run })).changed > 0) moved = true;
    }
    return moved;
  };

  const wakeForNext = async (): Promise<void> => {
    const keys: number[] = [];
    for (const reactor of roster.active()) {
      if (!reactor.row || reactor.paused) continue;
      const heldBack = due.has(reactor) && paceRoom(reactor, clock.now()) <= 0;
      if (heldBack) alarm.noLaterThan('replay', paceReopensAt(reactor) + AFTER_LIVE_MS);
      else keys.push(reactor.row.key);
    }
    if (keys.length === 0) return;
    const dueInMs = await storage.nextDueInMs(keys, 'replays');
    if (dueInMs === undefined) return;
    // What is due now waits for room: when that is freed, it is looked for again.
    if (dueInMs <= 0 && roster.active().some(({ replays }) => replays.held > 0)) return;
    alarm.noLaterThan('replay', clock.now() + Math.max(dueInMs, dueInMs > 0 ? 0 : EMPTY_HANDED_MS));
  };

  const lookAgain = (): void => {
    for (const reactor of roster.active()) due.add(reactor);
    kick();
  };
  alarm.when('replay', lookAgain);

  return {
    lookAgain,
    freed: (reactor) => {
      if (reactor.replays.waiting.length > replaySlots(reactor)) return;
      due.add(reactor);
      kick();
    },
    cancelled: (run) => {
      runner.cancelRun(run);
      lookAgain();
    },
    follow: (run) => {
      const each = followed.get(run) ?? { latest: undefined, count: 0 };
      each.count += 1;
      followed.set(run, each);
      lookAgain();
      return {
        latest: () => each.latest,
        end: () => {
          each.count -= 1;
          if (each.count === 0) followed.delete(run);
        },
      };
    },
    quiet: () => running === undefined,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
