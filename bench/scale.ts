/** What a long backlog, a long log and many reactors cost: each against the same without them, in the same run. */
import { openDatabase } from '../test/support/database.js';
import { createNexus, inFolder, nexusEndToEnd, payment } from './end-to-end.js';

export type Scale = { readonly ratio: number; readonly note: string };

const EVENTS = 100_000;
const IN_FLIGHT = 1_000;

/** So many deliveries that wait: of another reactor, and of the measured one itself (retries of a day ago, due in an hour). */
export async function backlog(pending: number): Promise<Scale> {
  const empty = await inFolder((file) => nexusEndToEnd(file, EVENTS, IN_FLIGHT));
  return await inFolder(async (file) => {
    await fill(file, pending);
    let memory = 0;
    const full = await nexusEndToEnd(file, EVENTS, IN_FLIGHT, {
      prepare: async (nexus) => {
        const { deliveries } = await nexus.stats();
        if (deliveries.pending < pending) throw new Error(`${deliveries.pending} of ${pending} are pending`);
      },
    });
    memory = process.memoryUsage().rss / 2 ** 20;
    return {
      ratio: full / empty,
      note: `${Math.round(full)}/s of ${Math.round(empty)}/s, ${Math.round(memory)} MB`,
    };
  });
}

async function fill(file: string, pending: number): Promise<void> {
  const nexus = createNexus({ storage: file, logger: false });
  nexus.onEvent('PAYMENT_RECEIVED', { name: 'bench' }, () => undefined);
  nexus.onEvent('WAITING', { name: 'waiting' }, () => undefined);
  await nexus.start();
  for (const name of ['bench', 'waiting']) await nexus.reactors.pause(name);
  const notBefore = Date.now() + 3_600_000;
  for (let n = 0; n < pending; n += 1_000) {
    const type = n % 2_000 === 0 ? 'WAITING' : 'PAYMENT_RECEIVED';
    await nexus.dispatchMany(
      Array.from({ length: 1_000 }, (_, i) => ({ type, payload: payment(n + i), options: { notBefore } })),
    );
  }
  await nexus.reactors.resume('bench');
  await nexus.close();
}

/** How much longer a log of so many events takes to open. */
export async function longLog(events: number): Promise<Scale> {
  const open = async (file: string): Promise<number> => {
    const nexus = createNexus({ storage: file, logger: false });
    nexus.onEvent('PAYMENT_RECEIVED', { name: 'bench' }, () => undefined);
    const start = performance.now();
    await nexus.start();
    const ms = performance.now() - start;
    await nexus.close();
    return ms;
  };
  return await inFolder(async (file) => {
    await open(file);
    const empty = await open(file);
    const db = openDatabase(file);
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${events})
      INSERT INTO nexus_events (seq, id, type, source, timestamp, salt, payload, payload_hash, hash, schema_version)
      SELECT i, format('0192f3a1-1111-7222-8333-%012d', i), 'PAYMENT_RECEIVED', 'nexus', 1800000000000 + i, hex(zeroblob(16)),
        '${JSON.stringify(payment(1))}', hex(zeroblob(32)), hex(zeroblob(32)), 1 FROM n;
      INSERT INTO nexus_deliveries (reactor, run, seq, state, token, attempt, finished_at, ms)
      SELECT 1, 0, seq, 2, 1, 1, timestamp, 1 FROM nexus_events;
      UPDATE nexus_reactors SET position = ${events};
      PRAGMA wal_checkpoint(TRUNCATE)`);
    db.close();
    const full = await open(file);
    return {
      ratio: full - empty,
      note: `${empty.toFixed(1)} ms empty, ${full.toFixed(1)} ms with ${events} events`,
    };
  });
}

/** Reactors on other types. */
export async function manyReactors(reactors: number, inFlight: number): Promise<Scale> {
  const events = inFlight === 1 ? 3_000 : EVENTS;
  const alone = await inFolder((file) => nexusEndToEnd(file, events, inFlight));
  const among = await inFolder((file) => nexusEndToEnd(file, events, inFlight, { reactors }));
  return { ratio: among / alone, note: `${Math.round(among)}/s of ${Math.round(alone)}/s` };
}
