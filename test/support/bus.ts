/** A Nexus for a test, closed when the test ends. */
import { onTestFinished } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus, NexusLifecycle, NexusOptions } from '../../src/nexus.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import { createTestClock, type TestClock } from './test-clock.js';

export type Bus = { nexus: Nexus; clock: TestClock; database: ReturnType<typeof createMemoryDatabase> };

/** In memory, on a clock of its own, silent. Give it another bus's database and clock to be a second process on them. */
export function createBus(options: Partial<NexusOptions> & { beside?: Bus } = {}): Bus {
  const { beside, ...rest } = options;
  const clock = beside?.clock ?? createTestClock();
  const database = beside?.database ?? createMemoryDatabase();
  const nexus = createNexus({ logger: false, clock, storage: memoryStorage({ database, clock }), ...rest });
  onTestFinished(async () => {
    const closed = nexus.close({ timeoutMs: 0 });
    // A handler that never returns must not hold up the test's end.
    for (let i = 0; i < 20; i++) await clock.advance(1_000);
    await closed;
  });
  return { nexus, clock, database };
}

/** Everything a Nexus tells of some kinds, as it comes. */
export function record<K extends keyof NexusLifecycle>(
  nexus: Nexus,
  ...names: K[]
): { name: K; moment: NexusLifecycle[K] }[] {
  const told: { name: K; moment: NexusLifecycle[K] }[] = [];
  for (const name of names) nexus.on(name, (moment) => told.push({ name, moment }));
  return told;
}

/** A promise and its ends. */
export function deferred<T = void>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
