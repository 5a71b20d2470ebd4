/** What has become durable in the course of a test: events, outcomes. Taken down at the storage, so no crash takes any of it. */
import type { Catalogue } from '../core/catalogue.js';
import type { NexusEvent } from '../core/event.js';
import { createVersions } from '../core/versions.js';
import type { Batch, Committed, Lease, Outcome, Recovered } from '../storage/storage.js';

/** How deliveries ended. */
export interface Drained {
  /** Attempts that succeeded. */
  readonly succeeded: number;
  /** Attempts after which the delivery was put off: it will be tried again. */
  readonly failed: number;
  /** Deliveries that became dead letters. */
  readonly dead: number;
}

/** A child that a later run dispatched with other content than the first: it was not stored, the first one stands. */
export interface Drift {
  readonly type: string;
  readonly stored: NexusEvent;
  /** The payload that the later run would have stored. */
  readonly payload: unknown;
}

export type Settled = { readonly lease: Lease; readonly outcome: Outcome };

export interface EventRecord {
  committed(batch: Batch, result: Committed): void;
  recovered(result: Recovered): void;
  /** Events in the order of the log. */
  events(): readonly NexusEvent[];
  /** The outcomes of attempts, as they came. */
  settled(): readonly Settled[];
  drifts(): readonly Drift[];
  /** What ended since this was asked last. */
  take(): Drained;
}

export function createRecord(catalogue: Catalogue | undefined): EventRecord {
  const versions = createVersions(catalogue);
  const events: NexusEvent[] = [];
  const byId = new Map<string, { readonly event: NexusEvent; readonly payload: string }>();
  const settled: Settled[] = [];
  const drifts: Drift[] = [];
  let tally = { succeeded: 0, failed: 0, dead: 0 };

  const count = ({ to }: Outcome, tried: boolean): void => {
    if (to === 'succeeded') tally.succeeded += 1;
    else if (to === 'dead') tally.dead += 1;
    else if (to === 'pending' && tried) tally.failed += 1;
  };
  return {
    committed: (batch, result) => {
      batch.events.forEach((said, i) => {
        const appended = result.events[i];
        if (appended?.outcome === 'appended') {
          const event = versions.view({ ...said, seq: appended.seq, hash: appended.hash });
          events.push(event);
          byId.set(event.id, { event, payload: said.payload });
        } else if (appended?.outcome === 'duplicate' && said.onlyIf !== undefined) {
          const first = byId.get(appended.id);
          if (!first || first.payload === said.payload) return;
          const payload = versions.payload({ ...said, seq: first.event.seq, hash: '' });
          drifts.push({ type: said.type, stored: first.event, payload });
        }
      });
      for (const { matches, over } of batch.fanOuts) {
        const born = matches.filter(
          (match) =>
            match.dead && (over !== 'this-batch' || result.events[match.event]?.outcome === 'appended'),
        );
        tally.dead += born.length;
      }
      batch.settlements.forEach(({ lease, outcome }, i) => {
        if (result.settlements[i] !== 'settled') return;
        settled.push({ lease, outcome });
        count(outcome, 'error' in outcome);
      });
    },
    recovered: ({ recovered }) => {
      tally.dead += recovered.filter(({ state }) => state === 'dead').length;
    },
    events: () => events,
    settled: () => settled,
    drifts: () => drifts,
    take: () => {
      const taken = tally;
      tally = { succeeded: 0, failed: 0, dead: 0 };
      return taken;
    },
  };
}
