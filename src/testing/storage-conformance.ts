/** The storage contract, executable: every adapter passes these cases, whoever writes it. */
import { appendCases } from './storage-conformance/append.js';
import type { Chapter, Need } from './storage-conformance/chapter.js';
import { chainCases } from './storage-conformance/chain.js';
import { claimCases } from './storage-conformance/claims.js';
import { dedupeCases } from './storage-conformance/dedupe.js';
import { deliveryEditCases } from './storage-conformance/edit-deliveries.js';
import { reactorEditCases } from './storage-conformance/edit-reactors.js';
import { fanOutCases } from './storage-conformance/fan-out.js';
import { pruningCases, redactionCases } from './storage-conformance/keeping.js';
import { lifecycleCases } from './storage-conformance/lifecycle.js';
import { lossCases } from './storage-conformance/losses.js';
import { matchCases } from './storage-conformance/matches.js';
import { nextDueCases } from './storage-conformance/next-due.js';
import { onceCases } from './storage-conformance/once.js';
import { orderingCases } from './storage-conformance/ordering-keys.js';
import { positionCases } from './storage-conformance/positions.js';
import { deliveryReadCases } from './storage-conformance/read-deliveries.js';
import { eventReadCases } from './storage-conformance/read-events.js';
import { recoveryCases } from './storage-conformance/recovery.js';
import { replayCases } from './storage-conformance/replays.js';
import { replayReadCases } from './storage-conformance/read-replays.js';
import { registrationCases } from './storage-conformance/registration.js';
import { createRig, type StorageFixture } from './storage-conformance/rig.js';
import { scheduleCases } from './storage-conformance/schedules.js';
import { fencingCases } from './storage-conformance/fencing.js';
import { settlementCases } from './storage-conformance/settlements.js';
import { suspectCases } from './storage-conformance/suspects.js';
import { sweepCases } from './storage-conformance/sweep.js';

export type { StorageFixture };

/** The parts of a test runner that the suite uses: those of vitest, jest and `node:test` fit. */
export interface ConformanceRunner {
  /** Groups cases. */
  describe: (name: string, body: () => void) => unknown;
  /** Declares a case, or with `skip` one that does not run. */
  it: {
    (name: string, run: () => Promise<void>): unknown;
    skip: (name: string, run: () => Promise<void>) => unknown;
  };
}

/** For {@link storageConformance}. */
export interface StorageConformanceOptions extends ConformanceRunner {
  /** The adapter's name, as the report shows it. */
  name: string;
  /** Fresh, empty data for one case. */
  create: () => StorageFixture | Promise<StorageFixture>;
  /**
   * What does not apply, each with its written reason: the name of a case, or `several instances` (one log, many
   * storages), `reopening` (data outlives close), `erasing` (the fixture can erase a payload),
   * `losing` (the fixture can take the last events away). @default {}
   */
  skip?: Readonly<Record<string, string>>;
}

/**
 * Declares the contract's cases for one adapter.
 *
 * @example storageConformance({ name: 'mine', create: () => myFixture(), describe, it });
 * @throws Error when `skip` names nothing that exists, or gives no reason
 */
export function storageConformance({
  name,
  create,
  skip = {},
  describe,
  it,
}: StorageConformanceOptions): void {
  checkSkips(skip);
  const reasonFor = (title: string, needs: readonly Need[]): string | undefined =>
    [title, ...needs].map((key) => skip[key]).find((reason) => reason !== undefined);

  describe(`${name} keeps the storage contract`, () => {
    for (const { about, cases } of chapters) {
      describe(about, () => {
        for (const [title, { needs, run }] of Object.entries(cases)) {
          const test = async (): Promise<void> => {
            const rig = createRig(await create());
            try {
              await run(rig);
            } finally {
              await rig.end();
            }
          };
          const reason = reasonFor(title, needs);
          if (reason === undefined) it(title, test);
          else it.skip(`${title} (not here: ${reason})`, test);
        }
      });
    }
  });
}

const chapters: readonly Chapter[] = [
  lifecycleCases,
  registrationCases,
  appendCases,
  chainCases,
  lossCases,
  dedupeCases,
  fanOutCases,
  matchCases,
  positionCases,
  settlementCases,
  fencingCases,
  claimCases,
  nextDueCases,
  onceCases,
  orderingCases,
  scheduleCases,
  recoveryCases,
  suspectCases,
  reactorEditCases,
  deliveryEditCases,
  eventReadCases,
  deliveryReadCases,
  sweepCases,
  redactionCases,
  pruningCases,
  replayCases,
  replayReadCases,
];

function checkSkips(skip: Readonly<Record<string, string>>): void {
  const known = new Set(
    chapters.flatMap(({ cases }) => Object.entries(cases).flatMap(([title, { needs }]) => [title, ...needs])),
  );
  for (const [key, reason] of Object.entries(skip)) {
    if (!known.has(key)) throw new Error(`skip names "${key}", which is neither a case nor a need of one`);
    if (reason.trim() === '') throw new Error(`skip gives no reason for "${key}"`);
  }
}
