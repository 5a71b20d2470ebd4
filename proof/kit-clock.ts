/** The test kit's time against the real one: the same random script gives every delivery the same history. */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { createNexus } from '../src/create-nexus.js';
import { NonRetryableError, RetryAfterError } from '../src/core/errors.js';
import type { Nexus, ReactorDefinition } from '../src/nexus.js';
import { memoryStorage } from '../src/storage/memory/index.js';
import { createTestNexus } from '../src/testing/index.js';

/** What a call of a handler does: succeeds, fails, fails for good, asks for later, hangs until its timeout. */
type Deed = 'succeed' | 'fail' | 'fatal' | 'later' | 'hang';
type Policy = {
  readonly ordered: boolean;
  readonly backoff: 'exponential' | 'linear' | 'fixed';
  readonly maxAttempts: number;
  readonly initialMs: number;
};
/** An event: so long after the one before, with a key, due later or at once; and for each reactor what its calls do. */
type Step = {
  readonly afterMs: number;
  readonly key: string;
  readonly notBeforeMs: number;
  readonly deeds: readonly (readonly Deed[])[];
};
export type Script = { readonly policies: readonly Policy[]; readonly steps: readonly Step[] };
/** By delivery, what became of each attempt; by ordered reactor and key, who was called in which order. */
export type History = Record<string, string[]>;

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Deed>('succeed') },
  { weight: 4, arbitrary: fc.constant<Deed>('fail') },
  { weight: 1, arbitrary: fc.constantFrom<Deed>('fatal', 'later', 'hang') },
);
const policy: fc.Arbitrary<Policy> = fc.record({
  ordered: fc.boolean(),
  backoff: fc.constantFrom('exponential', 'linear', 'fixed'),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  initialMs: fc.integer({ min: 1, max: 8 }),
});
const step: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.integer({ min: 0, max: 12 }),
  key: fc.constantFrom('a', 'b'),
  notBeforeMs: fc.constantFrom(0, 0, 0, 5, 15),
  deeds: fc.array(fc.array(deed, { maxLength: 4 }), { minLength: 3, maxLength: 3 }),
});
export const scripts: fc.Arbitrary<Script> = fc.record({
  policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
});

const TIMEOUT_MS = 25;

function reactorsOf(script: Script, calls: Map<string, number>): ReactorDefinition[] {
  return script.policies.map(({ ordered, ...retry }, index) => ({
    on: ['SAID', 'ECHO'],
    name: `r${index}`,
    timeoutMs: TIMEOUT_MS,
    retry: { ...retry, jitter: 0 },
    ...(ordered && { orderBy: ({ payload }) => String(payload.key) }),
    handler: async (payload, ctx) => {
      const call = calls.get(ctx.deliveryId) ?? 0;
      calls.set(ctx.deliveryId, call + 1);
      const deeds = ctx.event.type === 'SAID' ? script.steps[Number(payload.n)]?.deeds[index] : undefined;
      switch (deeds?.[call] ?? 'succeed') {
        case 'fail':
          throw new Error('fail');
        case 'fatal':
          throw new NonRetryableError('fatal');
        case 'later':
          throw new RetryAfterError(7);
        case 'hang':
          await new Promise((_, reject) =>
            ctx.signal.addEventListener('abort', () => reject(new Error('hung'))),
          );
          break;
        case 'succeed':
          if (ctx.event.type === 'SAID')
            ctx.dispatch('ECHO', { n: payload.n, key: payload.key, by: `r${index}` });
      }
    },
  }));
}

/** Takes down what a Nexus tells, under names that are the same in both worlds. */
function historian(nexus: Nexus, script: Script): History {
  const history: History = {};
  const names = new Map<string, { name: string; key: string }>();
  const note = (place: string, what: string): void => void (history[place] ??= []).push(what);
  nexus.on('event', ({ id, type, payload, causationId }) => {
    const by = causationId === undefined ? '' : ` by ${String(payload.by)}`;
    names.set(id, { name: `${type} ${String(payload.n)}${by}`, key: String(payload.key) });
  });
  const told = (what: string) => (moment: { reactor: string; eventId: string; attempt: number }) => {
    const { name, key } = names.get(moment.eventId) ?? { name: '?', key: '?' };
    note(`${moment.reactor} ${name}`, `${what} ${moment.attempt}`);
    const ordered = script.policies[Number(moment.reactor.slice(1))]?.ordered;
    if (what === 'started' && ordered && name.startsWith('SAID')) note(`${moment.reactor} key ${key}`, name);
  };
  nexus.on('delivery:started', told('started'));
  nexus.on('delivery:succeeded', told('succeeded'));
  nexus.on('delivery:failed', told('failed'));
  nexus.on('delivery:dead', (moment) => told(`dead (${moment.reason})`)(moment));
  return history;
}

export async function playReal(script: Script): Promise<History> {
  const nexus = createNexus({ storage: memoryStorage(), logger: false });
  for (const reactor of reactorsOf(script, new Map())) nexus.register(reactor);
  await nexus.start();
  await nexus.reactors.list();
  const history = historian(nexus, script);
  const ids: string[] = [];
  for (const [n, { afterMs, key, notBeforeMs }] of script.steps.entries()) {
    await wait(afterMs);
    const notBefore = notBeforeMs > 0 ? { notBefore: Date.now() + notBeforeMs } : {};
    ids.push((await nexus.dispatch('SAID', { n, key }, notBefore)).id);
  }
  for (const id of ids) await nexus.settled(id, { descendants: true });
  await nexus.close();
  return history;
}

export async function playVirtual(script: Script, storage: 'memory' | 'sqlite' = 'memory'): Promise<History> {
  // What its handlers do is done at once, or never.
  const t = createTestNexus({ storage, reactors: reactorsOf(script, new Map()), patienceMs: 2 });
  await t.nexus.start();
  await t.nexus.reactors.list();
  const history = historian(t.nexus, script);
  for (const [n, { afterMs, key, notBeforeMs }] of script.steps.entries()) {
    await t.advance(afterMs);
    const notBefore = notBeforeMs > 0 ? { notBefore: t.clock.now() + notBeforeMs } : {};
    await t.dispatch('SAID', { n, key }, notBefore);
  }
  await t.drain({ untilDone: true });
  await t.close();
  return history;
}

/** With its places in one order: that of their names. */
export function sorted(history: History): History {
  return Object.fromEntries(Object.entries(history).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export type KitClockReport = {
  scripts: number;
  /** Deliveries with the same history in both worlds, and their attempts. */
  deliveries: number;
  attempts: number;
  different: number;
  firstDifference: Script | undefined;
};

export async function proveKitClock(options: {
  scripts: number;
  seed?: number;
  /** How many are played at once. */
  atOnce?: number;
}): Promise<KitClockReport> {
  const { atOnce = 40, seed } = options;
  const queue = fc.sample(scripts, { numRuns: options.scripts, ...(seed !== undefined && { seed }) });
  const report: KitClockReport = {
    scripts: 0,
    deliveries: 0,
    attempts: 0,
    different: 0,
    firstDifference: undefined,
  };
  const worker = async (): Promise<void> => {
    for (let script = queue.pop(); script; script = queue.pop()) {
      const [real, virtual] = [sorted(await playReal(script)), sorted(await playVirtual(script))];
      report.scripts += 1;
      for (const [place, told] of Object.entries(virtual)) {
        if (place.includes(' key ')) continue;
        report.deliveries += 1;
        report.attempts += told.filter((each) => each.startsWith('started')).length;
      }
      if (JSON.stringify(real) === JSON.stringify(virtual)) continue;
      report.different += 1;
      report.firstDifference ??= script;
    }
  };
  // A Nexus alone does not keep its process alive.
  const awake = setInterval(() => undefined, 1_000);
  await Promise.all(Array.from({ length: atOnce }, worker));
  clearInterval(awake);
  return report;
}
