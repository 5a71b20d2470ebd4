/** An open file with everything prepared: its statements, its transactions, its instance. */
import { hash } from 'node:crypto';
import type { Sha256 } from '../../core/chain.js';
import type { CopyOf, Lease, Readers } from '../storage.js';
import { createAppend, type Append } from './append.js';
import { createClaims, type Claims } from './claim.js';
import { createEdits, type EditRows } from './edits.js';
import { createFanOut, type FanOutAll } from './fan-out.js';
import { createHeadCache, type HeadCache } from './head-cache.js';
import { createIdleCheckpoint } from './idle-checkpoint.js';
import { createInstances, type Instances } from './instances.js';
import { createWakeNext } from './key-queue.js';
import { createLeaseFloor, type LeaseFloor } from './lease-floor.js';
import { createLiveness, createLocalLiveness } from './liveness.js';
import { createOnceRows, type OnceRows } from './once.js';
import { adoptCopy } from './copy-mark.js';
import { createCopier, type Copier } from './copy.js';
import { openFile } from './open-file.js';
import { createReactors, type Reactors } from './reactors.js';
import { createReaders } from './readers.js';
import { createReplays, type Replays } from './replays.js';
import { createAttempts, createSettle, type Settle } from './settle.js';
import { createSizes } from './sizes.js';
import type { SqliteDriver } from './sqlite-like.js';
import { RUNNING } from './states.js';
import { createSweep, type SweepStep } from './sweep.js';
import { createWrite, type Write } from './transaction.js';

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
  readonly instances: Instances;
  readonly readers: Readers;
  /** Takes a new instance identity; the old one, if any, counts as dead from then on. */
  readonly enter: (id: string, leaseMs: number, now: number) => Promise<void>;
  /** The number of this instance. */
  readonly instance: () => number;
  readonly renew: (now: number) => boolean;
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
}): Promise<Connection> {
  const { path, driver } = options;
  const db = await openFile(options);
  const cache = createHeadCache(db);
  const plain = createWrite(db, path, () => cache.drop());
  const sizes = createSizes(db, path);
  const idle = createIdleCheckpoint(db, () => sizes().walBytes);
  const write: Write = (work, committed) =>
    plain(() => {
      cache.check();
      idle.wrote();
      return work();
    }, committed);
  const liveness = path === ':memory:' ? createLocalLiveness() : createLiveness(path, driver);
  const attempts = createAttempts(db);
  const once = createOnceRows(db);
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

  return {
    logId,
    write,
    cache,
    settle: createSettle(db, { attempts, cache, wakeNext }),
    append: createAppend(db, cache, sha256),
    fanOut: createFanOut(db, cache, attempts),
    claims: createClaims(db, cache),
    reactors,
    replays,
    edits: createEdits(db, { reactors, replays, wakeNext }),
    instances,
    readers: createReaders(db, { running: () => instances.running(), once, sizes }),
    once,
    sweep: createSweep(db, { write, cache, instance: () => self?.key ?? 0 }),
    copier,
    adopt: (now) => adoptCopy(db, write, now),
    enter: async (id, leaseMs, now) => {
      const before = self;
      const release = liveness.hold(id);
      try {
        self = {
          key: await write(() => instances.enter(id, leaseMs, now, cache.head().seq + 1)),
          leaseMs,
          release,
        };
      } catch (error) {
        release();
        throw error;
      }
      cache.drop();
      floor.startOver();
      written = 0;
      before?.release();
    },
    instance: () => self?.key ?? 0,
    renew: (now) =>
      self !== undefined && instances.renew(self.key, self.leaseMs, now, floor.floor(cache.head().seq + 1)),
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
      // The last to close leaves one file, with everything in it.
      try {
        if (options.mode === 'run') db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch {
        // Others still read; the log is complete with its WAL.
      }
      db.close();
    },
  };
}
