/** The processes of a test, one after the other: the real engine in each, on one storage and one virtual time. */
import { createNexus } from '../create-nexus.js';
import type { Catalogue } from '../core/catalogue.js';
import type { Nexus, Reactor, ReactorDefinition } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import { createAttempts, type Attempts } from './attempts.js';
import type { Faults } from './faults.js';
import { instrument } from './instrument.js';
import type { TestNexusOptions } from './options.js';
import { createProcessStorage, type ProcessStorage, type StorageWatch } from './process-storage.js';
import type { EventRecord } from './record.js';
import { createStillness, type Stillness } from './stillness.js';
import type { ProcessClock, VirtualClock } from './virtual-clock.js';

export interface Host<E extends Catalogue> extends Pick<Stillness, 'stirred'> {
  /** The Nexus of the process that lives. */
  nexus(): Nexus<E>;
  /** How often a process has died. */
  crashes(): number;
  /** Resolves when nothing more happens at this instant. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

type Process<E extends Catalogue> = {
  readonly nexus: Nexus<E>;
  readonly clock: ProcessClock;
  readonly storage: ProcessStorage;
  readonly attempts: Attempts;
};

/** What a test did with a Nexus, to be done again with the next one. */
type Deed<E extends Catalogue> = (nexus: Nexus<E>) => unknown;

export function createHost<E extends Catalogue>(parts: {
  readonly options: TestNexusOptions<E>;
  readonly clock: VirtualClock;
  readonly storage: Storage;
  readonly record: EventRecord;
  readonly faults: Faults;
  /** Looks at, or changes, what processes see. */
  readonly watch?: Partial<StorageWatch>;
}): Host<E> {
  const { options, clock: time, record, faults } = parts;
  const { reactors = [], setup, patienceMs = 1_000 } = options;
  const dead: Process<E>[] = [];
  const deeds = new Set<Deed<E>>();
  let starting = 0;
  let failure: { readonly error: unknown } | undefined;
  let wiring = false;

  const stillness = createStillness({
    busy: () => dead.reduce((sum, { storage }) => sum + storage.busy(), current.storage.busy()) + starting,
    awake: () => current.attempts.awake(),
    giveUp: () => current.attempts.giveUp(),
    patienceMs,
  });

  const boot = (before?: Process<E>): Process<E> => {
    const clock = time.process();
    const attempts = createAttempts(time);
    const names = new Map<number, string>();
    const lives = (): boolean => current.nexus === nexus;
    const namesOf = (keys: readonly number[]): string[] => keys.flatMap((key) => names.get(key) ?? []);
    const die = (): void => {
      const dying = current;
      dying.storage.die();
      dying.clock.stop();
      dying.attempts.clear();
      dead.push(dying);
      current = boot(dying);
      starting += 1;
      // What the setup throws is the test's to hear of, not the dying process's.
      const begun = Promise.resolve(current).then(async (next) => {
        wire(next);
        await next.nexus.start();
      });
      begun.catch((error: unknown) => (failure = { error })).finally(() => (starting -= 1));
    };

    const watch: StorageWatch = {
      ...parts.watch,
      stirred: () => stillness.stirred(),
      registered: ({ key, name }) => void names.set(key, name),
      recovered: (result) => {
        record.recovered(result);
        if (result.recovered.length > 0) stillness.stirred();
      },
      committed: (batch, result) => {
        record.committed(batch, result);
        const settled = batch.settlements.filter((_, i) => result.settlements[i] === 'settled');
        for (const { lease } of settled) attempts.ended(`${lease.reactor}-${lease.run}-${lease.seq}`);
        const appended = batch.events.filter((_, i) => result.events[i]?.outcome === 'appended');
        if (!lives()) return;
        const dies =
          faults.crashes(
            'append',
            appended.map(({ type }) => type),
          ) || faults.crashes('settle', namesOf(settled.map(({ lease }) => lease.reactor)));
        if (dies) die();
      },
    };
    const storage = createProcessStorage(parts.storage, watch, before && (() => before.storage.quiet()));
    const nexus = createNexus<E>({
      logger: false,
      ...options,
      // Chance has no place in a test: retries come at the very instant that the policy says.
      retry: { jitter: 0, ...options.retry },
      clock,
      storage: storage.storage,
    });
    nexus.on('delivery:started', ({ deliveryId }) => {
      attempts.started(deliveryId);
      stillness.stirred();
    });
    instrument(nexus, {
      attempts,
      faults,
      lives,
      die,
      stirred: () => stillness.stirred(),
      did: (deed) => {
        if (wiring) return () => undefined;
        deeds.add(deed);
        return () => void deeds.delete(deed);
      },
    });
    return { nexus, clock, storage, attempts };
  };
  const wire = ({ nexus }: Process<E>): void => {
    wiring = true;
    try {
      for (const reactor of reactors) register(nexus, reactor as unknown as ReactorDefinition<E>);
      setup?.(nexus);
      for (const deed of deeds) deed(nexus);
    } finally {
      wiring = false;
    }
  };
  let current = boot();
  wire(current);

  return {
    nexus: () => current.nexus,
    crashes: () => dead.length,
    stirred: () => stillness.stirred(),
    rest: async () => {
      await stillness.rest();
      if (failure) throw failure.error;
    },
    close: async () => {
      for (const { nexus, clock } of [...dead, current]) {
        clock.hurry();
        await nexus.close({ timeoutMs: 0 });
        clock.stop();
      }
    },
  };
}

function register<E extends Catalogue>(nexus: Nexus<E>, reactor: ReactorDefinition<E>): Reactor {
  return nexus.register(reactor);
}
