/** An open file with everything prepared: its statements, its transactions, its instance. */
import { hash } from 'node:crypto';
import type { Sha256 } from '../../core/chain.js';
import type { CopyOf, Lease, Lost, Readers } from '../storage.js';
import { createAppend, type Append } from './append.js';
import { createClaims, type Claims } from './claim.js';
import { createDedupeKeys } from './dedupe.js';
import { createEdits, type EditRows } from './edits.js';
import { createFanOut, type FanOutAll } from './fan-out.js';
import { createHeadCache, type HeadCache } from './head-cache.js';
import { createIdleCheckpoint } from './idle-checkpoint.js';
import { createInstances, type Instances } from './instances.js';
import { createWakeNext } from './key-queue.js';
import { createLeaseFloor, type LeaseFloor } from './lease-floor.js';
import { createLosses, type Gap } from './losses.js';
import { createLiveness, createLocalLiveness } from './liveness.js';
import { createMarks, createNoMarks, type Marks } from './marks.js';
import { createOnceRows, type OnceRows } from './once.js';
import { adoptCopy } from './copy-mark.js';
import { createCopier, type Copier } from './copy.js';
import { openFile } from './open-file.js';
import { createPrune, type PruneRows } from './prune.js';
import { createRedact, type RedactRows } from './redact.js';
import { createReactors, type Reactors } from './reactors.js';
import { createReaders } from './readers.js';
import { createSchedules, type Schedules } from './schedules.js';
import { createReplays, type Replays } from './replays.js';
import { createAttempts, createSettle, type Settle } from './settle.js';
import { createSizes } from './sizes.js';
import { tryCheckpoint, withRoom, withSpace } from './room.js';
import { createEndlessSpace, createSpace, type Space } from './space.js';
import type { SqliteDriver } from './sqlite-like.js';
import { RUNNING } from './states.js';
import { createSweep, type SweepStep } from './sweep.js';
import { createWrite, type Write } from './transaction.js';
import type { Troubles } from './troubles.js';

export interface Connection {
  readonly logId: string;
  readonly write: Write;
  readonly cache: HeadCache;
  readonly settle: Settle;
  readonly append: Append;
  readonly fanOut: FanOutAll;
  readonly claims: Claims;
  readonly reactors: Reactors;
  readonly replays: Replays;
  readonly edits: EditRows;
  readonly redact: RedactRows;
  readonly prune: PruneRows;
  /** Brings all of the write-ahead log into the database and empties its file; false while somebody reads. */
  readonly emptyLog: () => Promise<boolean>;
  readonly instances: Instances;
  readonly readers: Readers;
  /** Takes a new instance identity; the old one, if any, counts as dead from then on. */
  readonly enter: (
    id: string,
    leaseMs: number,
    now: number,
    gap: Gap | undefined,
  ) => Promise<Lost | undefined>;
  /** What the marks say is missing. Only reads. */
  readonly lost: () => Lost | undefined;
  /** After a commit: marks the head. */
  readonly markHead: () => void;
  readonly marks: Marks;
  readonly space: Space;
  /** The number of this instance. */
  readonly instance: () => number;
  readonly renew: (now: number) => Promise<boolean>;
  /** Which deliveries that were born leased are open. */
  readonly floor: LeaseFloor;
  /** In a write transaction, before it leases anything: writes the floor down when it has risen far enough. */
  readonly keepFloor: () => void;
  readonly markStarted: (lease: Lease) => boolean;
  readonly once: OnceRows;
  readonly sweep: SweepStep;
  readonly copier: Copier;
  /** What this is a copy of, when it is run for the first time. */
  readonly adopt: (now: number) => Promise<CopyOf | undefined>;
  readonly schedules: Schedules;
  /** Whether another connection has written since the last call. */
  readonly changed: () => boolean;
  readonly close: () => Promise<void>;
}

/** One call for a whole hash costs a third of a hash object. */
const sha256: Sha256 = (text) => hash('sha256', text, 'hex');

/** How far the floor rises before it is written down: what a recovery has to look through, beside what was open. */
const FLOOR_STEP = 20_000;

export async function connect(options: {
  path: string;
  driver: SqliteDriver;
  mode: 'run' | 'read';
  logId: string;
  minFreeBytes: number | undefined;
  troubles: Troubles;
}): Promise<Connection> {
  const { path, driver, troubles } = options;
  const inMemory = path === ':memory:';
  const space =
    inMemory || options.mode === 'read' || options.minFreeBytes === 0
      ? createEndlessSpace()
      : createSpace(options);
  const db = await withSpace(() => openFile(options), space);
  const cache = createHeadCache(db);
  const plain = createWrite(db, path, () => cache.drop());
  const sizes = createSizes(db, path);
  const idle = createIdleCheckpoint(db, () => sizes().walBytes);
  const roomy = withRoom(plain, { db, space });
  const keep: Write = (work, committed) => {
    space.writing();
    return roomy(() => {
      cache.check();
      return work();
    }, committed);
  };
  const write: Write = (work, committed) => {
    idle.wrote();
    return keep(work, committed);
  };
  const liveness = inMemory ? createLocalLiveness() : createLiveness(path, driver);
  const attempts = createAttempts(db);
  const once = createOnceRows(db);
  const schedules = createSchedules(db);
  const wakeNext = createWakeNext(db);
  const reactors = createReactors(db, cache);
  const replays = createReplays(db, cache, attempts);
  const instances = createInstances(db, liveness, attempts, wakeNext);
  const version = db.prepare('PRAGMA data_version');
  const mark = db.prepare(
    `UPDATE nexus_deliveries SET started = 1 WHERE reactor = ? AND run = ? AND seq = ? AND state = ${RUNNING} AND token = ?`,
  );
  const { value: logId } = db.prepare(`SELECT value FROM nexus_meta WHERE key = 'log_id'`).get() as {
    value: string;
  };
  const copier = createCopier({ path, driver });
  const dedupe = createDedupeKeys(db);
  const append = createAppend(db, cache, sha256, dedupe, schedules);
  const marks = inMemory ? createNoMarks() : createMarks(path, logId, troubles);
  const losses = createLosses(cache, append, marks);
  const markHead = (): void => {
    const { seq, hash: headHash } = cache.head();
    marks.write(seq, headHash);
  };
  const floor = createLeaseFloor();
  let written = 0;
  let self: { key: number; leaseMs: number; release: () => void } | undefined;
  let seen: unknown;

  const changed = (): boolean => {
    const { data_version: now } = version.get() as { data_version: number };
    const differs = seen !== undefined && now !== seen;
    seen = now;
    return differs;
  };
  changed();
  // The log's id must not be lost with the first commits: by it the marks are known.
  if (options.mode === 'run' && cache.head().seq === 0) tryCheckpoint(db, 'PASSIVE');
  await space.start();
  if (options.mode === 'run') db.exec(`PRAGMA wal_autocheckpoint = ${space.checkpointPages()}`);

  return {
    logId,
    write,
    cache,
    settle: createSettle(db, { attempts, cache, wakeNext }),
    append,
    fanOut: createFanOut(db, cache, attempts),
    claims: createClaims(db, cache),
    reactors,
    replays,
    edits: createEdits(db, { reactors, replays, wakeNext }),
    redact: createRedact(db, append, wakeNext),
    prune: createPrune(db, append, cache),
    emptyLog: () => (inMemory ? Promise.resolve(true) : idle.empty()),
    instances,
    readers: createReaders(db, { path, running: () => instances.running(), once, dedupe, sizes }),
    once,
    sweep: createSweep(db, { write, cache, instance: () => self?.key ?? 0 }),
    copier,
    adopt: (now) => adoptCopy(db, write, now),
    schedules,
    lost: () => losses.found(),
    markHead,
    marks,
    space,
    enter: async (id, leaseMs, now, gap) => {
      const before = self;
      const release = liveness.hold(id);
      let lost: Lost | undefined;
      try {
        const enter = (): { key: number; slot: number | undefined } => {
          marks.prepare();
          lost = losses.record(gap);
          return instances.enter(id, leaseMs, now, cache.head().seq + 1);
        };
        const { key } = await write(enter, ({ slot }) => {
          marks.take(slot);
          markHead();
        });
        self = { key, leaseMs, release };
      } catch (error) {
        release();
        throw error;
      }
      cache.drop();
      floor.startOver();
      written = 0;
      before?.release();
      // Recorded once means for good: not in a write-ahead log that may be damaged again.
      if (lost) tryCheckpoint(db, 'PASSIVE');
      return lost;
    },
    instance: () => self?.key ?? 0,
    renew: async (now) => {
      if (!self) return false;
      const { key, leaseMs } = self;
      // An instance that does nothing else is idle.
      return await keep(() => {
        marks.prepare();
        return instances.renew(key, leaseMs, now, floor.floor(cache.head().seq + 1));
      });
    },
    keepFloor: () => {
      const lowest = floor.floor(cache.head().seq + 1);
      if (!self || lowest - written < FLOOR_STEP) return;
      instances.raise(self.key, lowest);
      written = lowest;
    },
    floor,
    markStarted: ({ reactor, run, seq, token }) => mark.run(reactor, run, seq, token).changes === 1,
    changed,
    close: async () => {
      await copier.close();
      const key = self?.key;
      if (key !== undefined) await write(() => instances.leave(key)).catch(() => undefined);
      idle.stop();
      self?.release();
      self = undefined;
      liveness.close();
      marks.close();
      await space.close();
      // The last to close leaves everything in the database itself.
      if (options.mode === 'run') tryCheckpoint(db, 'TRUNCATE');
      db.close();
    },
  };
}
