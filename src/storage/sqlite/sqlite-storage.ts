/** The SQLite adapter: one file, WAL, every commit on disk before it is acknowledged. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../core/clock.js';
import { invalidArgument, optionsArgument } from '../../core/arguments.js';
import { NexusError } from '../../core/errors.js';
import { readOnly } from '../read-only.js';
import type { Batch, Committed, Storage } from '../storage.js';
import { connect, type Connection } from './connection.js';
import { BORN_LEASED, type LeaseFloor } from './lease-floor.js';
import { loadDriver } from './load-driver.js';
import type { SqliteDriver } from './sqlite-like.js';
import { createTroubles } from './troubles.js';

/** For `sqliteStorage`. */
export interface SqliteStorageOptions {
  /** The file, in a folder that exists and can be written; or `':memory:'`. */
  path: string;
  /** Decides leases and due times. @default the system's */
  clock?: Pick<Clock, 'now'>;
  /**
   * Below so many free bytes on its disk events are refused with NEXUS_STORAGE_FULL, while what is stored is still worked
   * off; part of them is held as ballast. 0: no floor and no ballast. @default 64 MiB, on a disk under 512 MiB an eighth of it
   */
  minFreeBytes?: number;
  /**
   * Only look: no lease, no migration, no write, beside the hosts that work on the file. What would write is refused with
   * NEXUS_READ_ONLY. @default false
   */
  readonly?: boolean;
  /** Another driver. @default better-sqlite3, or Node's own SQLite where that cannot be loaded */
  driver?: SqliteDriver;
}

/** How often to look whether another process has written. */
const CHANGE_CHECK_MS = 1_000;

/**
 * The SQLite storage adapter.
 *
 * @example const nexus = createNexus({ storage: sqliteStorage({ path: './nexus.db' }) });
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function sqliteStorage(options: SqliteStorageOptions): Storage {
  const { path, minFreeBytes } = optionsArgument(options);
  if (typeof path !== 'string' || path === '') throw invalidArgument('path', "a path, or ':memory:'", path);
  checkFloor(minFreeBytes);
  const troubles = createTroubles();
  const now = (): number => options.clock?.now() ?? Date.now();
  let connection: Connection | undefined;
  const open = (): Connection => {
    if (connection) return connection;
    throw new NexusError('NEXUS_CLOSED', `the storage ${path} is not open`);
  };
  const onDisk = path !== ':memory:';

  const adapter: Storage = {
    capabilities: {
      durability: onDisk ? 'disk' : 'none',
      processes: onDisk ? 'many' : 'one',
      chain: true,
      outbox: true,
      backup: onDisk,
    },
    open: async ({ instance, leaseMs, mode, gap }) => {
      connection ??= await connect({
        path,
        driver: options.driver ?? (await loadDriver()),
        mode,
        logId: randomUUID(),
        minFreeBytes,
        troubles,
      });
      const { enter, adopt, lost: missing, logId, readers } = connection;
      const lost = mode === 'run' ? await enter(instance, leaseMs, now(), gap) : missing();
      const copyOf = mode === 'run' ? await adopt(now()) : undefined;
      const { seq: head } = await readers.head();
      return { logId, head, ...(copyOf && { copyOf }), ...(lost && { lost }) };
    },
    register: async (registration) => {
      const { write, reactors } = open();
      return await write(() => reactors.register(registration, now()));
    },
    schedule: async (registration) => {
      const { write, schedules } = open();
      return await write(() => schedules.register(registration));
    },
    commit: async (batch) => {
      const { write, once, settle, append, fanOut, cache, instance, keepFloor, floor, markHead, space } =
        open();
      return await write(
        (): Committed => {
          const at = now();
          keepFloor();
          const saved = batch.once?.map((record) => once.save(record)) ?? [];
          const settlements = settle(batch.settlements, at);
          const lost = cache.isLost(instance());
          const headBefore = cache.head().seq;
          const held = (index: number): boolean => settlements[index] === 'settled';
          const events = append(batch.events, held, space.refusal());
          const fanOuts = fanOut(batch.fanOuts, {
            events,
            headBefore,
            now: at,
            instance: lost ? undefined : instance(),
          });
          const { seq: head } = cache.head();
          return { once: saved, settlements, events, fanOuts, head, instance: lost ? 'lost' : 'held' };
        },
        (committed) => {
          markHead();
          trackLeases(floor, batch, committed);
        },
      ).catch((error: unknown) => {
        if (NexusError.is(error) && error.details.outcome === 'unknown') floor.doubt();
        throw error;
      });
    },
    claim: async (wants) => {
      const { write, claims, instance } = open();
      if (!claims.worthIt(wants, now())) {
        return { leased: [], reactors: claims.unclaimed(wants, now()), instance: 'held' };
      }
      return await write(() => claims.claim(wants, now(), instance()));
    },
    markStarted: async (leases) => {
      const { write, markStarted } = open();
      return await write(() => leases.map(markStarted));
    },
    renew: async () => {
      const { renew, marks } = open();
      void marks.sync();
      return (await renew(now())) ? 'held' : 'lost';
    },
    recover: async ({ limit }) => {
      const { write, instances, instance } = open();
      const dead = instances.dead(instance(), now());
      if (dead.length === 0) return { recovered: [], more: false };
      return await write(() => instances.takeBack(dead, limit, now()));
    },
    nextDueInMs: async (reactors, lane = 'live') => {
      const { claims } = open();
      let earliest: number | undefined;
      for (const reactor of reactors) {
        const dueAt = claims.nextDueAt(reactor, lane);
        if (dueAt !== undefined && (earliest === undefined || dueAt < earliest)) earliest = dueAt;
      }
      return earliest === undefined ? undefined : earliest - now();
    },
    startReplay: async (replay) => {
      const { write, replays, readers } = open();
      const run = await write(() => replays.start(replay, now()));
      const row = await readers.replay(run);
      if (!row) throw new Error(`replay ${run} has no row`);
      return row;
    },
    fanOutReplay: async (page) => {
      const { write, replays } = open();
      return await write(() => replays.fanOut(page, now()));
    },
    get read() {
      return open().readers;
    },
    sweep: async (sweep) => await open().sweep(sweep, now()),
    edit: async (edit) => {
      const { write, edits } = open();
      return { changed: await write(() => edits(edit, now())) };
    },
    redact: async (redaction) => {
      const { write, redact, emptyLog, markHead } = open();
      const redacted = await write(() => redact(redaction, now()), markHead);
      // Asked again of one that was erased before: what was left then may be gone by now.
      return { ...redacted, complete: redacted.outcome === 'not_found' || (await emptyLog()) };
    },
    prune: async (step) => {
      const { write, prune, markHead } = open();
      return await write(() => prune(step), markHead);
    },
    backup: async (to) => {
      const { copier } = open();
      if (!onDisk)
        throw new NexusError('NEXUS_NOT_SUPPORTED', 'a database in memory has no file that could be copied');
      await copier.copy(to, now());
    },
    onChange: (hint) => {
      const { changed } = open();
      const timer = setInterval(() => {
        try {
          if (connection && changed()) hint();
        } catch {
          // Thrown out of a timer it would end the host's process; whoever reads next is told.
        }
      }, CHANGE_CHECK_MS);
      timer.unref();
      return () => clearInterval(timer);
    },
    onTrouble: (tell) => troubles.listen(tell),
    close: async () => {
      const closing = connection;
      connection = undefined;
      await closing?.close();
    },
  };
  return options.readonly === true ? readOnly(adapter, path) : adapter;
}

/** Only once it is committed: a floor that is too high would hide deliveries from recovery. */
function trackLeases(floor: LeaseFloor, batch: Batch, committed: Committed): void {
  batch.settlements.forEach(({ lease }, i) => {
    if (lease.token === BORN_LEASED && committed.settlements[i] === 'settled') floor.settled(lease.seq);
  });
  committed.fanOuts.forEach((result, i) => {
    const fanOut = batch.fanOuts[i];
    if (result.outcome !== 'done' || fanOut?.over !== 'this-batch') return;
    for (const { match, token } of result.leased) {
      const event = committed.events[fanOut.matches[match]?.event ?? -1];
      if (token === BORN_LEASED && event?.outcome === 'appended') floor.leased(event.seq);
    }
  });
}

function checkFloor(minFreeBytes: number | undefined): void {
  if (minFreeBytes === undefined || (Number.isSafeInteger(minFreeBytes) && minFreeBytes >= 0)) return;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `minFreeBytes must be a number of bytes, 0 or more; got ${String(minFreeBytes)}`,
    { details: { option: 'minFreeBytes' } },
  );
}
