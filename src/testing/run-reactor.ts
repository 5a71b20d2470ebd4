/** One reactor, one event, one attempt: the real engine around a single call of a handler. */
import type { Catalogue, EventOf, TypeOf } from '../core/catalogue.js';
import type { EndReason } from '../core/delivery.js';
import { NexusError } from '../core/errors.js';
import type { DispatchOptions, ReactorDefinition } from '../nexus.js';
import { memoryStorage } from '../storage/memory/index.js';
import { createFaults } from './faults.js';
import { createHost } from './host.js';
import type { GivenEvent, TestNexusOptions } from './options.js';
import { createRecord } from './record.js';
import { createVirtualClock, type VirtualClock } from './virtual-clock.js';

/** For `run`. */
export interface RunOptions {
  /** Which attempt it is, from 1 on: the last one of the policy ends in `dead`. @default 1 */
  attempt?: number;
  /** What an earlier attempt remembered with `ctx.once`, by its key. @default {} */
  once?: Readonly<Record<string, unknown>>;
}

/** What came of one attempt. */
export type RunResult<E extends Catalogue> =
  | {
      readonly outcome: 'succeeded';
      /** What it dispatched through its context, as it was stored. */
      readonly dispatched: readonly EventOf<E>[];
    }
  | {
      readonly outcome: 'retry';
      readonly error: unknown;
      /** When it would be tried again, milliseconds from the failure. */
      readonly inMs: number;
      /** Whether it spent an attempt; a `RetryAfterError` does not. */
      readonly counted: boolean;
      readonly dispatched: readonly never[];
    }
  | {
      readonly outcome: 'dead';
      readonly reason: EndReason;
      readonly error: unknown;
      readonly dispatched: readonly never[];
    }
  /** It was not called: the event was older than `maxAgeMs`. */
  | { readonly outcome: 'cancelled'; readonly reason: EndReason; readonly dispatched: readonly never[] };

/**
 * Calls the handler of a reactor once, as the engine does: the payload is checked and comes from JSON, the context is the
 * real one, the policy decides. Virtual time passes up to the timeout where the handler waits for it.
 *
 * @throws NexusError NEXUS_INVALID_PAYLOAD, NEXUS_UNKNOWN_EVENT (the event), NEXUS_INVALID_OPTION
 */
export async function runReactor<E extends Catalogue, T extends TypeOf<E>>(
  reactor: ReactorDefinition<E, T>,
  event: GivenEvent<E, T>,
  options: RunOptions & { readonly nexus: TestNexusOptions<E>; readonly clock?: VirtualClock },
): Promise<RunResult<E>> {
  const { attempt = 1, once = {}, nexus: nexusOptions } = options;
  if (!Number.isInteger(attempt) || attempt < 1)
    throw new NexusError('NEXUS_INVALID_OPTION', `attempt must be an integer from 1; got ${String(attempt)}`);
  const { on } = reactor;
  if (on !== '*' && !(typeof on === 'string' ? [on] : on).includes(event.type))
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      `the reactor does not handle ${event.type}: it is not among the types in "on"`,
    );
  const clock = options.clock ?? createVirtualClock(startOf(nexusOptions));
  const record = createRecord(nexusOptions.events);
  let thrown: unknown;
  const host = createHost<E>({
    options: { ...nexusOptions, reactors: [reactor], setup: undefined },
    clock,
    storage: memoryStorage({ clock }),
    record,
    faults: createFaults(),
    watch: {
      claimed: (result) => ({
        ...result,
        leased: result.leased.map((each) => ({ ...each, attempt: attempt - 1 })),
      }),
      remembered: (key) => (Object.hasOwn(once, key) ? asRemembered(once[key]) : undefined),
    },
  });
  try {
    const nexus = host.nexus();
    nexus.on('delivery:failed', ({ error }) => (thrown = error));
    nexus.on('delivery:dead', ({ error }) => (thrown = error));
    const { type, payload, ...rest } = event;
    const how = rest as DispatchOptions;
    // Due in a moment, so that it is claimed, where its attempt can be chosen.
    const notBefore = Math.max(how.notBefore ?? 0, clock.now() + 1);
    await nexus.dispatch(type, payload, { ...how, notBefore });
    await host.rest();
    for (let next = clock.next(); record.settled().length === 0 && next !== undefined; next = clock.next()) {
      clock.moveTo(next);
      clock.fire();
      await host.rest();
    }
    return resultOf<E>(record, thrown);
  } finally {
    await host.close();
  }
}

function resultOf<E extends Catalogue>(
  record: ReturnType<typeof createRecord>,
  error: unknown,
): RunResult<E> {
  const outcome = record.settled()[0]?.outcome;
  if (outcome === undefined) throw new Error('the attempt has no outcome');
  switch (outcome.to) {
    case 'succeeded':
      return { outcome: 'succeeded', dispatched: record.events().slice(1) as never };
    case 'pending':
      return { outcome: 'retry', error, inMs: outcome.delayMs, counted: outcome.counted, dispatched: [] };
    case 'dead':
      return { outcome: 'dead', reason: outcome.reason, error, dispatched: [] };
    case 'cancelled':
      return { outcome: 'cancelled', reason: outcome.reason, dispatched: [] };
  }
}

/** As the engine writes it down: a result of undefined has no JSON. */
function asRemembered(result: unknown): string {
  return result === undefined ? '' : JSON.stringify(result);
}

/** Where the time of a test begins when nothing is said. */
const START = Date.UTC(2027, 0, 15, 8);

export function startOf({ startAt = START }: { readonly startAt?: number | Date }): number {
  return typeof startAt === 'number' ? startAt : startAt.getTime();
}
