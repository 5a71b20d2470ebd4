/** Replays: their rows, the deliveries that they create, and the reads of them. */
import type { Footprint, FootprintQuery, NewReplay, ReplayReaders, ReplayRow } from '../replays.js';
import type { ReplayFannedOut, ReplayPage } from '../storage.js';
import { createDelivery } from './commit.js';
import {
  become,
  find,
  oncePlace,
  type MemoryDatabase,
  type MemoryDelivery,
  type MemoryReplay,
} from './database.js';

export function startReplay(database: MemoryDatabase, replay: NewReplay, now: number): ReplayRow {
  const run = ++database.lastReplay;
  const { reactors, ...scope } = replay;
  const stored: MemoryReplay = {
    ...scope,
    run,
    state: 'running',
    createdAt: now,
    finishedAt: null,
    reactors: new Map(
      [...reactors]
        .sort((a, b) => a - b)
        .map((reactor) => [reactor, { position: scope.after, created: 0, skipped: 0 }]),
    ),
  };
  database.replays.set(run, stored);
  return view(database, stored);
}

export function fanOutReplay(database: MemoryDatabase, page: ReplayPage, now: number): ReplayFannedOut {
  const { run, generation, after, to, matches } = page;
  const reactor = database.reactors.get(page.reactor);
  if (!reactor || reactor.removed || reactor.row.generation !== generation) return { outcome: 'superseded' };
  const replay = database.replays.get(run);
  const progress = replay?.reactors.get(page.reactor);
  if (replay?.state !== 'running' || !progress) return { outcome: 'over' };
  if (progress.position !== after) return { outcome: 'moved', position: progress.position };
  let created = 0;
  for (const match of matches) {
    if (isInProgress(database, page.reactor, match.event, run)) continue;
    createDelivery(database, reactor, { match, run, seq: match.event }, now);
    created += 1;
  }
  const skipped = matches.length - created;
  progress.position = to;
  progress.created += created;
  progress.skipped += skipped;
  return { outcome: 'done', created, skipped };
}

/** Returns how many replays changed: 1 or 0. */
export function cancelReplay(database: MemoryDatabase, run: number, now: number): number {
  const replay = database.replays.get(run);
  if (replay?.state !== 'running') return 0;
  Object.assign(replay, { state: 'cancelled', finishedAt: now });
  for (const reactor of replay.reactors.keys())
    for (const delivery of openIn(database, reactor, run))
      become(database, delivery, 'cancelled', { reason: 'replay_cancelled', finishedAt: now });
  return 1;
}

export function finishReplay(database: MemoryDatabase, run: number, now: number): number {
  const replay = database.replays.get(run);
  if (replay?.state !== 'running') return 0;
  const over = view(database, replay).reactors.every(
    ({ position, removed, open }) => (position >= replay.until || removed) && open === 0,
  );
  if (!over) return 0;
  Object.assign(replay, { state: 'done', finishedAt: now });
  return 1;
}

export function createReplayReaders(database: MemoryDatabase): ReplayReaders {
  return {
    replay: async (run) => {
      const replay = database.replays.get(run);
      return replay && view(database, replay);
    },
    replays: async ({ state, before = Infinity, limit }) =>
      [...database.replays.values()]
        .filter((replay) => replay.run < before && (state === undefined || replay.state === state))
        .sort((a, b) => b.run - a.run)
        .slice(0, limit)
        .map((replay) => view(database, replay)),
    deadIn: async ({ reactor, run }) => {
      const deliveries = [...(database.reactors.get(reactor)?.deliveries.values() ?? [])];
      return deliveries.filter((delivery) => delivery.run === run && delivery.state === 'dead').length;
    },
    footprint: async (query) => footprint(database, query),
  };
}

function view(database: MemoryDatabase, { reactors, ...replay }: MemoryReplay): ReplayRow {
  return {
    ...replay,
    reactors: [...reactors].map(([key, progress]) => {
      const reactor = database.reactors.get(key);
      return {
        reactor: key,
        reactorName: reactor?.row.name ?? '',
        removed: reactor?.removed ?? true,
        ...progress,
        open: openIn(database, key, replay.run).length,
      };
    }),
  };
}

function openIn(database: MemoryDatabase, reactor: number, run: number): MemoryDelivery[] {
  return [...(database.reactors.get(reactor)?.open ?? [])].filter((delivery) => delivery.run === run);
}

function isInProgress(database: MemoryDatabase, reactor: number, seq: number, except?: number): boolean {
  if (seq > (database.reactors.get(reactor)?.row.position ?? 0)) return true;
  const running = [...database.replays.values()].filter(
    ({ run, state }) => state === 'running' && run !== except,
  );
  return [0, ...running.map(({ run }) => run)].some((run) => {
    const state = find(database, { reactor, run, seq })?.state;
    return state === 'pending' || state === 'running';
  });
}

function footprint(database: MemoryDatabase, { reactor, events, childKey }: FootprintQuery): Footprint {
  const inProgress = events.map(({ seq }) => seq).filter((seq) => isInProgress(database, reactor, seq));
  const left = new Set(inProgress);
  const rest = events.filter(({ seq }) => !left.has(seq));
  const ids = new Set(rest.map(({ id }) => id));
  const counts = new Map<string, number>();
  for (const [place, { causationId, type }] of database.dedupe) {
    if (causationId === null || !ids.has(causationId)) continue;
    if (place.slice(place.indexOf('\n') + 1).startsWith(`${childKey}${causationId}:`))
      counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  let once = 0;
  const remembered = rest.map(({ seq }) => oncePlace({ reactor, seq, run: 0, key: '' }));
  for (const place of database.once.keys()) if (remembered.some((each) => place.startsWith(each))) once += 1;
  return {
    inProgress,
    children: [...counts].sort().map(([type, count]) => ({ type, count })),
    once,
  };
}
