/**
 * Group commit: one commit in flight, everything that arrives meanwhile is the next one. Nothing is answered before it is
 * durable, and nothing that was said is dropped without an answer.
 */
import { NexusError } from '../core/errors.js';
import type { Clock } from '../core/clock.js';
import type { StoredEvent } from '../core/event.js';
import type { Commit, CommittedEvent, SucceededDelivery } from '../nexus.js';
import type { Appended, Batch, Committed, OnceRecord, Settlement, Storage } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { FanOuts, Fed } from './fan-out.js';
import { createBatchSize } from './batch-size.js';
import { createGathering } from './gathering.js';
import { kindOfFailure } from './storage-failure.js';
import { createWorkQueue, MAX_BATCH_EVENTS, type CommitWork, type Draft, type Work } from './work.js';

export interface Committer {
  /** @throws NexusError NEXUS_OVERLOADED */
  submit(work: Work): void;
  /** The storage says that it works again: what waits is tried now. */
  retry(): void;
  /** Starts a round if there is something to do. */
  kick(): void;
  /** From now on rounds may run. */
  open(): void;
  /** Answers every waiting dispatch with an error: the storage could not be opened. */
  refuse(error: unknown): void;
  /** Ends after the round that is running; what is left is returned unanswered. */
  stop(): Promise<readonly Work[]>;
  /** Work that waits or is being committed. */
  pending(): number;
  busy(): boolean;
  /** Why the storage does not take writes at present, if it does not. */
  trouble(): unknown;
}

/** Beyond these, callers that do not wait for their dispatches are told to. */
const MAX_QUEUED = 100_000;
const MAX_QUEUED_BYTES = 256 * 1024 * 1024;
/** How long a dispatch may wait for a storage that cannot be written. */
const PATIENCE_MS = 10_000;
const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 1_000;

export function createCommitter(options: {
  storage: Storage;
  clock: Clock;
  random: () => number;
  alarm: Alarm;
  fanOuts: FanOuts;
  feed: (fed: readonly Fed[]) => void;
  /** Before each commit. */
  begins: () => void;
  appended: (event: StoredEvent) => void;
  /** After it was answered; `commit` makes what is told of it. */
  committed: (commit: () => Commit) => void;
  storageFailed: (error: unknown, retrying: boolean) => void;
  /** Another instance has taken over; or what a commit leased is not in memory, for it ended without an answer. */
  identityLost: () => void;
  pulse: () => void;
}): Committer {
  const { storage, clock, alarm, fanOuts } = options;
  const queue = createWorkQueue();
  let running: Promise<void> | undefined;
  let opened = false;
  let stopping = false;
  let inCommit = 0;
  let lastBatch = 0;
  const batchSize = createBatchSize(MAX_BATCH_EVENTS);
  const gathering = createGathering(() => batchSize.events);
  let trouble:
    | {
        readonly error: unknown;
        readonly since: number;
        tries: number;
        waiting: boolean;
        /** The error of the commit that may have been stored, if one may: what comes later does not take that back. */
        doubt: unknown;
      }
    | undefined;

  /** Catching up was refused: it rests for a while, for nobody's work would end the attempts. */
  let resting = false;
  const hasWork = (): boolean => queue.length > 0 || (!resting && fanOuts.behind());

  const kick = (): void => {
    if (!opened || running || stopping || trouble?.waiting || !hasWork()) return;
    running = rounds().finally(() => {
      running = undefined;
      options.pulse();
      kick();
    });
  };

  const rounds = async (): Promise<void> => {
    do {
      await gathering.next(lastBatch > 1);
      const task = queue.takeTask();
      if (task) await task.run();
      else await commit(queue.takeBatch(batchSize.events));
    } while (!stopping && !trouble?.waiting && hasWork());
  };

  const commit = async (work: CommitWork[]): Promise<void> => {
    inCommit = lastBatch = work.length;
    const kept = await attempt(work);
    inCommit = 0;
    if (kept.length > 0) queue.putBack(kept);
    else if (!trouble?.waiting) trouble = undefined;
  };

  /** Commits, or splits what cannot be committed; returns what is kept for later. */
  const attempt = async (work: CommitWork[], doubt = trouble?.doubt): Promise<CommitWork[]> => {
    const unsure = doubt !== undefined;
    const batch = assemble(work, unsure);
    let committed: Committed;
    let planned: Plans;
    const began = clock.now();
    options.begins();
    try {
      planned = await fanOuts.plan(batch.events);
      if (work.length === 0 && planned.length === 0) return [];
      committed = await storage.commit(withFanOuts(batch, planned));
    } catch (error) {
      return await afterFailure(error, work, doubt);
    }
    batchSize.learn(work.length, Math.max(0, clock.now() - began));
    const answers = unsure ? await seeThrough(batch, committed) : committed;
    // Before anyone is answered: who dispatches again at once must not be told of a trouble that is over.
    trouble = undefined;
    answer(work, batch, answers);
    if (work.length > 0) options.committed(() => summary(work, batch, answers, began, clock.now()));
    options.feed(fanOuts.apply(planned, batch.events, committed));
    if (committed.instance === 'lost') options.identityLost();
    options.pulse();
    return [];
  };

  const answer = (
    work: readonly CommitWork[],
    batch: DraftBatch,
    { once, events, settlements }: Answers,
  ): void => {
    for (let i = 0; i < batch.events.length; i++) {
      const said = batch.events[i];
      const result = events[i];
      if (!said || result?.outcome !== 'appended') continue;
      said.seq = result.seq;
      said.hash = result.hash;
      options.appended(said);
    }
    let from = 0;
    let settlement = 0;
    let remembered = 0;
    for (const each of work) {
      if (each.kind === 'append') each.done(events, from);
      else if (each.kind === 'once') each.done(once[remembered++] ?? 'lease_lost');
      else each.done(settlements[settlement++] ?? 'lease_lost', events, from);
      from += each.events.length;
    }
  };

  /** After a commit of unknown outcome was said again: what it had stored already is not a duplicate, and not lost. */
  const seeThrough = async (batch: DraftBatch, committed: Committed): Promise<Answers> => {
    const events = committed.events.map((result, i): Appended => {
      if (result.outcome !== 'duplicate' || result.id !== batch.events[i]?.id) return result;
      return { outcome: 'appended', seq: result.seq, hash: '' };
    });
    const settlements = await Promise.all(
      committed.settlements.map(async (outcome, i) => {
        const settlement = batch.settlements[i];
        return outcome === 'lease_lost' && settlement && (await wasSettled(settlement)) ? 'settled' : outcome;
      }),
    );
    if (events.some((event, i) => event !== committed.events[i])) options.identityLost();
    return { once: committed.once, events, settlements };
  };

  const wasSettled = async ({ lease, outcome, attempt: made }: Settlement): Promise<boolean> => {
    const delivery = await storage.read.delivery(lease).catch(() => undefined);
    return delivery?.state === outcome.to && delivery.attempt === made;
  };

  const afterFailure = async (error: unknown, work: CommitWork[], doubt: unknown): Promise<CommitWork[]> => {
    const kind = kindOfFailure(error);
    const unsure = doubt !== undefined;
    // What may have been stored already is found there if it stands alone.
    if (kind === 'refused' || (kind === 'no_room' && unsure)) {
      const [single] = work;
      if (work.length <= 1) {
        if (kind === 'refused') options.storageFailed(error, single === undefined);
        // Where there is no room the storage has looked, and it is not there.
        if (single) single.failed(kind === 'refused' ? (doubt ?? error) : error);
        else rest();
        return [];
      }
      const halves = split(work);
      const kept: CommitWork[] = [];
      for (const half of halves) kept.push(...(trouble?.waiting ? half : await attempt(half, doubt)));
      return kept;
    }
    // The storage itself tells of having no room, once and not for every commit.
    if (kind !== 'no_room') options.storageFailed(error, true);
    const endings = work.filter(isEnding);
    if (endings.length < work.length && (kind === 'no_room' || (kind === 'full' && !unsure))) {
      for (const each of work) if (each.kind === 'append') each.failed(error);
      // What ends needs less room than what begins, and may still find it.
      if (kind === 'no_room' || endings.length > 0) return await attempt(endings);
    }
    const now = clock.now();
    trouble ??= { error, since: now, tries: 0, waiting: false, doubt };
    trouble.tries += 1;
    if (kind === 'unsure') trouble.doubt ??= error;
    backOff(trouble.tries);
    if (kind === 'full' && !unsure) return endings;
    if (now - trouble.since <= PATIENCE_MS) return work;
    for (const each of work) if (each.kind === 'append') each.failed(trouble.doubt ?? error);
    return endings;
  };

  const rest = (): void => {
    resting = true;
    alarm.noLaterThan('storage', clock.now() + LONGEST_BACKOFF_MS);
  };

  const backOff = (tries: number): void => {
    if (!trouble) return;
    trouble.waiting = true;
    const delay =
      Math.min(FIRST_BACKOFF_MS * 2 ** (tries - 1), LONGEST_BACKOFF_MS) * (0.5 + options.random() / 2);
    alarm.set('storage', clock.now() + delay);
  };
  alarm.when('storage', () => {
    resting = false;
    // With nothing left to retry, the next dispatch is the test of whether it works again.
    if (queue.length === 0) trouble = undefined;
    else if (trouble) trouble.waiting = false;
    kick();
  });

  return {
    submit: (work) => {
      if (work.kind === 'append')
        checkRoom(trouble?.error, kindOfFailure(trouble?.error), queue.length, queue.bytes);
      queue.push(work);
      kick();
      gathering.came();
    },
    kick,
    retry: () => {
      if (trouble?.waiting) alarm.set('storage', clock.now());
    },
    open: () => {
      opened = true;
      kick();
    },
    refuse: (error) => {
      const waiting = queue.takeAll();
      queue.putBack(waiting.filter((work) => work.kind !== 'append'));
      for (const work of waiting) if (work.kind === 'append') work.failed(error);
    },
    stop: async () => {
      stopping = true;
      await running;
      return queue.takeAll();
    },
    pending: () => queue.length + inCommit,
    busy: () => running !== undefined || queue.length > 0,
    trouble: () => trouble?.error,
  };
}

type Plans = Awaited<ReturnType<FanOuts['plan']>>;

/** What there is to commit, its fan-outs apart. */
type DraftBatch = Pick<Batch, 'once' | 'settlements'> & { readonly events: readonly Draft[] };

/** What a commit says of the work in it. */
type Answers = Pick<Committed, 'once' | 'events' | 'settlements'>;

function summary(
  work: readonly CommitWork[],
  batch: DraftBatch,
  answers: Answers,
  began: number,
  now: number,
): Commit {
  const events: CommittedEvent[] = [];
  batch.events.forEach(({ id, seq, type, source }, i) => {
    // Without their payloads: who writes down what it is told must not write these.
    if (answers.events[i]?.outcome === 'appended') events.push({ id, seq, type, source });
  });
  const waitedMs: number[] = [];
  const succeeded: SucceededDelivery[] = [];
  let settlement = 0;
  for (const each of work) {
    if (each.kind === 'append') {
      if (each.saidAt !== undefined) waitedMs.push(Math.max(0, now - each.saidAt));
    } else if (each.kind === 'settle' && answers.settlements[settlement++] === 'settled') {
      if (each.succeeded) succeeded.push(each.succeeded);
    }
  }
  return {
    events,
    waitedMs,
    settlements: batch.settlements.length,
    succeeded,
    ms: Math.max(0, now - began),
  };
}

function assemble(work: readonly CommitWork[], unsure: boolean): DraftBatch {
  const settlements: Settlement[] = [];
  const events: Draft[] = [];
  let once: OnceRecord[] | undefined;
  for (const each of work) {
    if (each.kind === 'once') (once ??= []).push(each.record);
    else if (each.kind === 'settle') {
      for (const child of each.events)
        events.push({ ...child, onlyIf: settlements.length, idGiven: child.idGiven || unsure });
      settlements.push(each.settlement);
    } else if (unsure) for (const event of each.events) events.push({ ...event, idGiven: true });
    else events.push(...each.events);
  }
  return once ? { settlements, events, once } : { settlements, events };
}

/** Written out: an object that is spread and added to costs 5 µs a commit here, and as much again where it is read. */
function withFanOuts({ settlements, events, once }: DraftBatch, planned: Plans): Batch {
  const fanOuts = planned.map((plan) => plan.fanOut);
  return once ? { settlements, events, once, fanOuts } : { settlements, events, fanOuts };
}

/** Settlements apart from appends first, then halves: what is refused is found in a few commits, the rest is stored. */
function split(work: readonly CommitWork[]): CommitWork[][] {
  const endings = work.filter(isEnding);
  if (endings.length > 0 && endings.length < work.length) {
    return [endings, work.filter((each) => each.kind === 'append')];
  }
  const middle = work.length >> 1;
  return [work.slice(0, middle), work.slice(middle)];
}

/** What belongs to deliveries that have begun. */
function isEnding(work: CommitWork): boolean {
  return work.kind !== 'append';
}

function checkRoom(error: unknown, kind: string, queued: number, bytes: number): void {
  const stuck = error !== undefined && kind !== 'full';
  if (!stuck && queued < MAX_QUEUED && bytes < MAX_QUEUED_BYTES) return;
  const why = stuck
    ? 'the storage cannot be written at present'
    : `${queued} dispatches are waiting for the storage`;
  throw new NexusError('NEXUS_OVERLOADED', `${why}; the event was not stored, dispatch it again later`, {
    details: { queued, bytes },
    cause: error,
  });
}
