/** What a long backlog, a long log and many reactors cost: each against the same without them, in the same run. */
import { copyFileSync } from 'node:fs';
import { openDatabase } from '../test/support/database.js';
import { createNexus, inFolder, median } from './end-to-end.js';
import { loaderMb, measure } from './measure.js';
import { paymentOf } from './payment.js';

export type Scale = { readonly value: string; readonly note: string };

const EVENTS = 100_000;
const IN_FLIGHT = 1_000;

/** So many deliveries that are due in an hour, half of them of the measured reactor itself. */
export async function backlog(pending: number, rounds: number): Promise<Scale> {
  return await inFolder(async (filled) => {
    await fill(filled, pending);
    const runs: Pair[] = [];
    const loader = loaderMb();
    let memoryMb = 0;
    for (let round = 0; round < rounds; round++) {
      const without = measure({ kind: 'nexus', events: EVENTS, inFlight: IN_FLIGHT });
      const among = measure({ kind: 'nexus', events: EVENTS, inFlight: IN_FLIGHT, pending }, (file) =>
        copyFileSync(filled, file),
      );
      memoryMb = Math.max(memoryMb, among.memoryMb - loader);
      runs.push({ among: among.perSecond, without: without.perSecond });
    }
    return {
      value: ratioOf(runs),
      note: `${noteOf(runs)}, at most ${Math.round(memoryMb)} MB and ${Math.round(loader)} of the loader`,
    };
  });
}

async function fill(file: string, pending: number): Promise<void> {
  const nexus = createNexus({ storage: file, logger: false });
  nexus.onEvent('PAYMENT_RECEIVED', { name: 'bench' }, () => undefined);
  nexus.onEvent('WAITING', { name: 'waiting' }, () => undefined);
  await nexus.start();
  const notBefore = Date.now() + 3_600_000;
  for (let n = 0; n < pending; n += 1_000) {
    const type = n % 2_000 === 0 ? 'WAITING' : 'PAYMENT_RECEIVED';
    await nexus.dispatchMany(
      Array.from({ length: 1_000 }, (_, i) => ({ type, payload: paymentOf(n + i), options: { notBefore } })),
    );
  }
  await nexus.close();
}

/** How much longer a log of so many events, all delivered, takes to open. */
export async function longLog(events: number): Promise<Scale> {
  const open = async (file: string): Promise<number> => {
    const nexus = createNexus({ storage: file, logger: false });
    nexus.onEvent('PAYMENT_RECEIVED', { name: 'bench' }, () => undefined);
    const start = performance.now();
    await nexus.start();
    const ms = performance.now() - start;
    await nexus.reactors.pause('bench');
    await nexus.close();
    return ms;
  };
  return await inFolder(async (file) => {
    await open(file);
    const empty = median([await open(file), await open(file), await open(file)]);
    const db = openDatabase(file);
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${events})
      INSERT INTO nexus_events (seq, id, type, source, timestamp, salt, payload, payload_hash, hash, schema_version)
      SELECT i, format('0192f3a1-1111-7222-8333-%012d', i), 'PAYMENT_RECEIVED', 'nexus', 1800000000000 + i, hex(zeroblob(16)),
        '${JSON.stringify(paymentOf(1))}', hex(zeroblob(32)), hex(zeroblob(32)), 1 FROM n;
      INSERT INTO nexus_deliveries (reactor, run, seq, state, token, attempt, finished_at, ms)
      SELECT 1, 0, seq, 2, 1, 1, timestamp, 1 FROM nexus_events;
      UPDATE nexus_reactors SET position = ${events};
      PRAGMA wal_checkpoint(TRUNCATE)`);
    db.close();
    const full = median([await open(file), await open(file), await open(file)]);
    const more = `${(full - empty).toFixed(1)} ms`;
    return { value: more, note: `${empty.toFixed(1)} ms empty, ${full.toFixed(1)} ms with it` };
  });
}

/** Reactors on other types. */
export function manyReactors(reactors: number, inFlight: number, rounds: number): Scale {
  const events = inFlight === 1 ? 10_000 : EVENTS;
  const runs = Array.from({ length: rounds }, () => ({
    without: measure({ kind: 'nexus', events, inFlight }).perSecond,
    among: measure({ kind: 'nexus', events, inFlight, reactors }).perSecond,
  }));
  return { value: ratioOf(runs), note: noteOf(runs) };
}

/** Events per second with and without the company. */
type Pair = { readonly among: number; readonly without: number };

function ratioOf(runs: readonly Pair[]): string {
  return median(runs.map(({ among, without }) => among / without)).toFixed(2);
}

function noteOf(runs: readonly Pair[]): string {
  const [among, without] = [median(runs.map((each) => each.among)), median(runs.map((each) => each.without))];
  return `${Math.round(among).toLocaleString('en')}/s of ${Math.round(without).toLocaleString('en')}/s`;
}
