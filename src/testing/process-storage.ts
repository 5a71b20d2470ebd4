/** A storage as one process sees it: what it does is watched, and the process can die in the middle of it. */
import { NexusError } from '../core/errors.js';
import type {
  Batch,
  Claimed,
  Committed,
  OncePlace,
  ReactorRow,
  Readers,
  Recovered,
  Storage,
} from '../storage/storage.js';

/** What is told of a process's storage, as it happens. */
export interface StorageWatch {
  /** An operation begins or ends. */
  stirred(): void;
  registered(row: ReactorRow): void;
  /** It is durable; the process does not know yet. */
  committed(batch: Batch, result: Committed): void;
  recovered(result: Recovered): void;
  /** What the process is told instead. */
  claimed?(result: Claimed): Claimed;
  /** What was remembered under a key before, as JSON; undefined for what the storage has. */
  remembered?(key: string): string | undefined;
}

export interface ProcessStorage {
  readonly storage: Storage;
  /** Operations under way. */
  busy(): number;
  /** Resolves when nothing is under way. */
  quiet(): Promise<void>;
  /** The process is dead: it hears of nothing any more, and can do nothing. */
  die(): void;
}

/** `after`: what must be over before this process opens: the last words of the one before it. */
export function createProcessStorage(
  inner: Storage,
  watch: StorageWatch,
  after?: () => Promise<void>,
): ProcessStorage {
  let dead = false;
  let busy = 0;
  const ends = new Set<() => void>();
  let becameQuiet: (() => void)[] = [];

  /** Asked again after each wait: the process may have died meanwhile. */
  const mustLive = (): void => {
    if (dead) throw new NexusError('NEXUS_CLOSED', 'this process was killed by the test (crashAfter)');
  };
  const call = async <T>(operation: () => Promise<T>, tell?: (result: T) => T | undefined): Promise<T> => {
    watch.stirred();
    return await keep(operation, tell);
  };
  /** For housekeeping: nothing follows from it unless it says so, and there is much of it in three days. */
  const keep = async <T>(operation: () => Promise<T>, tell?: (result: T) => T | undefined): Promise<T> => {
    mustLive();
    busy += 1;
    try {
      const result = await operation();
      const told = tell?.(result) ?? result;
      mustLive();
      return told;
    } finally {
      busy -= 1;
      if (busy === 0) {
        for (const resolve of becameQuiet) resolve();
        becameQuiet = [];
      }
    }
  };
  const during = (subscribe: () => () => void): (() => void) => {
    mustLive();
    const end = subscribe();
    ends.add(end);
    return () => {
      ends.delete(end);
      end();
    };
  };
  const readers = (): Readers =>
    new Proxy(inner.read, {
      get: (of, key) => {
        const member: unknown = Reflect.get(of, key);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown =>
          call(async () => (await Reflect.apply(member, of, args)) as unknown, telling(key, args));
      },
    });
  const telling = (key: PropertyKey, args: unknown[]): (() => unknown) | undefined =>
    key === 'once' ? () => watch.remembered?.((args[0] as OncePlace).key) : undefined;

  const storage: Storage = {
    capabilities: inner.capabilities,
    open: async (options) => {
      await after?.();
      return await call(() => inner.open(options));
    },
    register: (registration) =>
      call(
        () => inner.register(registration),
        (row) => {
          watch.registered(row);
          return undefined;
        },
      ),
    commit: (batch) =>
      call(
        () => inner.commit(batch),
        (result) => {
          watch.committed(batch, result);
          return undefined;
        },
      ),
    claim: (wants) =>
      call(
        () => inner.claim(wants),
        (result) => watch.claimed?.(result),
      ),
    recover: (options) =>
      keep(
        () => inner.recover(options),
        (result) => {
          watch.recovered(result);
          return undefined;
        },
      ),
    schedule: (registration) => call(() => inner.schedule(registration)),
    markStarted: (leases) => call(() => inner.markStarted(leases)),
    renew: () => keep(() => inner.renew()),
    nextDueInMs: (reactors, lane) => call(() => inner.nextDueInMs(reactors, lane)),
    startReplay: (replay) => call(() => inner.startReplay(replay)),
    fanOutReplay: (page) => call(() => inner.fanOutReplay(page)),
    sweep: (sweep) => call(() => inner.sweep(sweep)),
    redact: (redaction) => call(() => inner.redact(redaction)),
    prune: (step) => call(() => inner.prune(step)),
    edit: (edit) => call(() => inner.edit(edit)),
    backup: (to) => call(() => inner.backup(to)),
    get read() {
      mustLive();
      return readers();
    },
    onChange: (hint) => during(() => inner.onChange(hint)),
    onTrouble: (tell) => during(() => inner.onTrouble(tell)),
    // A dead process closes nothing: its data belongs to the one after it.
    close: async () => {
      if (!dead) await call(() => inner.close());
    },
  };

  return {
    storage,
    busy: () => busy,
    quiet: async () => {
      if (busy > 0) await new Promise<void>((resolve) => becameQuiet.push(resolve));
    },
    die: () => {
      dead = true;
      for (const end of ends) end();
      ends.clear();
    },
  };
}
