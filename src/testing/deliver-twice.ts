/** The idempotency probe: what a handler does when it sees an event again that it has handled. */
import { AssertionError } from 'node:assert';
import type { NexusEvent } from '../core/event.js';
import type { Delivery, Nexus } from '../nexus.js';
import type { Drift, EventRecord } from './record.js';
import type { Time } from './time.js';

/** What came of an event that was handled twice. */
export interface DeliveredTwice {
  readonly eventId: string;
  /** The reactors that handled it twice, and how the second run ended. */
  readonly reactors: readonly { readonly reactor: string; readonly second: Delivery['state'] }[];
  /** What the first run dispatched, and what came of that. */
  readonly dispatched: readonly NexusEvent[];
  /** What the second run dispatched beside it: of a handler that uses `ctx.dispatch`, nothing. */
  readonly again: readonly NexusEvent[];
  /** What the second run would have dispatched with other content than the first: its payload depends on more than the event. */
  readonly drifted: readonly Drift[];
}

/** @throws AssertionError when a first run does not succeed, or nobody handles the event */
export async function deliverAgain(
  eventId: string,
  parts: { readonly nexus: () => Nexus; readonly record: EventRecord; readonly time: Time },
): Promise<DeliveredTwice> {
  const { nexus, record, time } = parts;
  const start = record.events().findIndex(({ id }) => id === eventId);
  const deliveries = async (): Promise<readonly Delivery[]> =>
    (await nexus().deliveries.list({ eventId, run: 0 })).items;

  await time.untilDone();
  const first = await deliveries();
  refuse(first);
  const before = record.events().length;
  const drifts = record.drifts().length;
  for (const { id } of first) await nexus().deliveries.retry(id);
  await time.untilDone();
  const second = await deliveries();
  return {
    eventId,
    reactors: second.map(({ reactor, state }) => ({ reactor, second: state })),
    dispatched: record.events().slice(start + 1, before),
    again: record.events().slice(before),
    drifted: record.drifts().slice(drifts),
  };
}

function refuse(first: readonly Delivery[]): void {
  const bad = first.filter(({ state }) => state !== 'succeeded');
  if (first.length > 0 && bad.length === 0) return;
  const lines = bad.map(
    ({ reactor, state, error }) => `  ${reactor} is ${state}: ${error?.message ?? 'no error'}`,
  );
  throw new AssertionError({
    message: ['deliverTwice needs a first run that succeeds', ...lines]
      .concat(first.length === 0 ? ['  no reactor handles this event'] : [])
      .join('\n'),
    actual: first.map(({ state }) => state),
    expected: ['succeeded'],
    operator: 'deliverTwice',
  });
}
