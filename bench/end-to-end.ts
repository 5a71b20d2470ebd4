/** Publish → fsync → handler → settled, against a bare group commit of the same rows with the same driver. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { destination, pino } from 'pino';
import type * as Main from '../src/index.js';
import type * as Metrics from '../src/metrics/index.js';
import { openDatabase } from '../test/support/database.js';
import { payment, paymentOf } from './payment.js';

export const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

export async function inFolder<T>(work: (file: string) => Promise<T> | T): Promise<T> {
  // Beside the project, not in a temporary folder: that may be memory, where an fsync costs nothing.
  const folder = mkdtempSync(join(process.cwd(), '.bench-'));
  try {
    return await work(join(folder, 'bench.db'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// What users run: the build. (Running TypeScript directly adds a call to every closure that is made.)
const build = new URL('../dist/index.js', import.meta.url).href;
export const { createNexus } = (await import(build)) as typeof Main;
const { createMetrics } = (await import(
  new URL('../dist/metrics/index.js', import.meta.url).href
)) as typeof Metrics;

/** What else there is while it runs. */
export type Company = {
  /** Reactors on other types. */
  readonly reactors?: number;
  /** Deliveries that must be pending when it begins. */
  readonly pending?: number;
  /** Metrics, scraped every second, and a log of pino at this level. */
  readonly watched?: 'info' | 'debug';
};

/** Nexus with everything on: schema, salt, two hashes, chain, positions, tokens. */
export async function nexusEndToEnd(
  file: string,
  events: number,
  inFlight: number,
  company: Company = {},
): Promise<number> {
  const others = Array.from({ length: company.reactors ?? 0 }, (_, i) => `OTHER_${i}`);
  const nexus = createNexus({
    storage: file,
    events: { ...Object.fromEntries(others.map((type) => [type, payment])), PAYMENT_RECEIVED: payment },
    logger: company.watched ? pino({ level: company.watched }, destination('/dev/null')) : false,
  });
  const unwatch = company.watched ? watch(nexus) : undefined;
  for (const type of others) nexus.onEvent(type as never, { name: type }, () => undefined);
  let handled = 0;
  nexus.onEvent('PAYMENT_RECEIVED', { name: 'bench' }, async () => {
    handled += 1;
  });
  await nexus.start();
  const { deliveries } = await nexus.stats();
  if (deliveries.pending < (company.pending ?? 0)) throw new Error(`only ${deliveries.pending} are pending`);
  const run = async (count: number): Promise<void> => {
    let sent = 0;
    let settled = 0;
    await new Promise<void>((resolve, reject) => {
      const send = (): void => {
        if (sent < count) nexus.dispatch('PAYMENT_RECEIVED', paymentOf(sent++)).catch(reject);
      };
      const stop = nexus.on('delivery:succeeded', () => {
        settled += 1;
        if (settled === count) {
          stop();
          resolve();
        } else send();
      });
      for (let i = 0; i < Math.min(inFlight, count); i++) send();
    });
  };
  await run(Math.min(events, 10_000));
  handled = 0;
  const start = performance.now();
  await run(events);
  const seconds = (performance.now() - start) / 1_000;
  if (handled !== events) throw new Error(`handled ${handled} of ${events}`);
  unwatch?.();
  await nexus.close();
  return events / seconds;
}

function watch(nexus: Pick<Main.Nexus, 'on' | 'stats' | 'health'>): () => void {
  const metrics = createMetrics(nexus);
  const timer = setInterval(() => void metrics.text(), 1_000);
  return () => {
    clearInterval(timer);
    metrics.stop();
  };
}

/** The same rows (events with salt and hashes, deliveries born leased, settled in the next commit) and nothing else. */
export function bareGroupCommit(file: string, events: number, inFlight: number): number {
  const db = openDatabase(file);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE events (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, source TEXT, timestamp INTEGER, correlation_id TEXT,
      causation_id TEXT, headers TEXT, schema_version INTEGER, not_before INTEGER, salt TEXT, payload TEXT, payload_hash TEXT, hash TEXT) STRICT;
    CREATE TABLE deliveries (reactor INTEGER, run INTEGER, seq INTEGER, state INTEGER, token INTEGER, instance INTEGER, attempt INTEGER,
      finished_at INTEGER, ms INTEGER, PRIMARY KEY (reactor, run, seq)) STRICT, WITHOUT ROWID;
    PRAGMA synchronous = FULL;
  `);
  const append = db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const deliver = db.prepare(
    'INSERT INTO deliveries (reactor, run, seq, state, token, instance) VALUES (1, 0, ?, 1, 1, 7)',
  );
  const settle = db.prepare(
    'UPDATE deliveries SET state = 2, instance = NULL, attempt = 1, finished_at = ?, ms = ? WHERE reactor = 1 AND run = 0 AND seq = ? AND state = 1 AND token = 1',
  );
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const text = JSON.stringify(paymentOf(1));
  const hash = 'ab'.repeat(32);
  let seq = 0;
  let settled = 0;
  // As in Nexus, a new event takes the place of one whose settlement is durable: so a commit settles what the one before
  // appended and appends for what the one before settled; with one in flight these are two commits.
  const run = (count: number): void => {
    const end = settled + count;
    const group = Math.ceil(inFlight / 2);
    let free = inFlight;
    while (settled < end) {
      begin.run();
      const before = seq;
      for (let i = Math.min(group, free, end - seq); i > 0; i--) {
        seq += 1;
        free -= 1;
        append.run(
          seq,
          `0192f3a1-1111-7222-8333-${String(seq).padStart(12, '0')}`,
          'PAYMENT_RECEIVED',
          'flowpay',
          1_800_000_000_000,
          null,
          null,
          null,
          1,
          null,
          hash.slice(0, 32),
          text,
          hash,
          hash,
        );
        deliver.run(seq);
      }
      let freed = 0;
      for (; settled < before; freed++) settle.run(1_800_000_000_000, 1, ++settled);
      commit.run();
      free += freed;
    }
  };
  run(Math.min(events, 10_000));
  const { synchronous } = db.prepare('PRAGMA synchronous').get() as { synchronous: number };
  if (synchronous !== 2) throw new Error('the bare run is not durable');
  const start = performance.now();
  run(events);
  const seconds = (performance.now() - start) / 1_000;
  db.close();
  return events / seconds;
}
