/** SIGKILL at random moments: nothing that was acknowledged is lost, everything is final after a drain, children exist once. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GENESIS_HASH, hashEvent, hashPayload } from '../src/core/chain.js';
import { sha256 } from '../src/options.js';
import type { SqliteLike } from '../src/storage/sqlite/index.js';
import { openDatabase } from '../test/support/database.js';

export type CrashReport = {
  rounds: number;
  acknowledged: number;
  lost: number;
  notFinal: number;
  dead: number;
  childrenNotOnce: number;
  eventsPerSecond: number;
  restartP50Ms: number;
  restartP99Ms: number;
  chainWhole: boolean;
};

const worker = fileURLToPath(new URL('./children/worker.ts', import.meta.url));

/** One run of the worker; resolves when it is gone. Dies after `killAfterMs` once it has begun to deliver, if given. */
async function runWorker(
  file: string,
  mode: 'work' | 'drain',
  hear: (line: Record<string, unknown>) => void,
  killAfterMs?: number,
): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', worker, file, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    // The last line of a killed process may be cut; what was not wholly told was not acknowledged to anyone.
    if (!line.endsWith('}')) return;
    const told = JSON.parse(line) as Record<string, unknown>;
    hear(told);
    if (killAfterMs !== undefined && told.firstDeliveryMs !== undefined)
      setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  await Promise.all([
    new Promise((resolve) => child.once('exit', resolve)),
    new Promise((resolve) => lines.once('close', resolve)),
  ]);
  if (mode === 'drain' && child.exitCode !== 0)
    throw new Error(`the drain ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}`);
}

export async function proveCrash(options: { rounds: number; longestLifeMs?: number }): Promise<CrashReport> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const file = join(folder, 'crash.db');
  try {
    const acknowledged = new Set<string>();
    const restarts: number[] = [];
    let busyMs = 0;
    for (let round = 0; round < options.rounds; round++) {
      const life = Math.random() * (options.longestLifeMs ?? 400);
      busyMs += life;
      await runWorker(
        file,
        'work',
        (line) => {
          if (typeof line.id === 'string') acknowledged.add(line.id);
          if (typeof line.firstDeliveryMs === 'number' && round > 0) restarts.push(line.firstDeliveryMs);
        },
        life,
      );
    }
    await runWorker(file, 'drain', () => undefined);
    return {
      rounds: options.rounds,
      eventsPerSecond: Math.round(acknowledged.size / (busyMs / 1_000)),
      ...inspect(file, acknowledged),
      ...quantiles(restarts),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type EventRow = {
  seq: number;
  id: string;
  type: string;
  source: string;
  timestamp: number;
  correlation_id: string | null;
  causation_id: string | null;
  headers: string | null;
  schema_version: number;
  not_before: number | null;
  salt: string;
  payload: string;
  payload_hash: string;
  hash: string;
};

/** Looks at the raw rows. */
function inspect(
  file: string,
  acknowledged: ReadonlySet<string>,
): Pick<CrashReport, 'acknowledged' | 'lost' | 'notFinal' | 'dead' | 'childrenNotOnce' | 'chainWhole'> {
  const db = openDatabase(file, { readonly: true });
  const ids = new Set(
    (db.prepare('SELECT id FROM nexus_events').all() as { id: string }[]).map(({ id }) => id),
  );
  const count = (sql: string): number => (db.prepare(sql).get() as { n: number }).n;
  const report = {
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter((id) => !ids.has(id)).length,
    notFinal: count('SELECT count(*) AS n FROM nexus_deliveries WHERE state IN (0, 1)') + missing(db),
    dead: count('SELECT count(*) AS n FROM nexus_deliveries WHERE state = 3'),
    childrenNotOnce: count(`SELECT count(*) AS n FROM nexus_events e WHERE e.type = 'WORK'
      AND (SELECT count(*) FROM nexus_events c WHERE c.causation_id = e.id AND c.type = 'CHILD') <> 1
      AND NOT EXISTS (SELECT 1 FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor WHERE r.name = 'parent' AND d.seq = e.seq AND d.state = 3)`),
    chainWhole: chainWhole(db),
  };
  db.close();
  return report;
}

/** Deliveries that should exist and do not. */
function missing(db: SqliteLike): number {
  const expected: readonly [string, string][] = [
    ['flaky', 'WORK'],
    ['parent', 'WORK'],
    ['child', 'CHILD'],
  ];
  return expected.reduce((sum, [name, type]) => {
    const sql = `SELECT count(*) AS n FROM nexus_events e WHERE e.type = ? AND NOT EXISTS (
      SELECT 1 FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor WHERE r.name = ? AND d.seq = e.seq)`;
    return sum + (db.prepare(sql).get(type, name) as { n: number }).n;
  }, 0);
}

function* eventsIn(db: SqliteLike): Iterable<EventRow> {
  const page = db.prepare('SELECT * FROM nexus_events WHERE seq > ? ORDER BY seq LIMIT 1000');
  let rows = page.all(0) as EventRow[];
  for (; rows.length > 0; rows = page.all(rows.at(-1)?.seq ?? 0) as EventRow[]) yield* rows;
}

export function chainWhole(db: SqliteLike): boolean {
  let previous = GENESIS_HASH;
  let seq = 0;
  for (const row of eventsIn(db)) {
    // A gap stands for what is missing: the chain goes on from what is left.
    seq = row.type === 'nexus.log.gap' ? (JSON.parse(row.payload) as { to: number }).to + 1 : seq + 1;
    const event = {
      id: row.id,
      type: row.type,
      source: row.source,
      timestamp: row.timestamp,
      correlationId: row.correlation_id ?? row.id,
      causationId: row.causation_id,
      headers: row.headers,
      schemaVersion: row.schema_version,
      notBefore: row.not_before,
      payloadHash: row.payload_hash,
    };
    if (row.seq !== seq || hashPayload(sha256, row.salt, row.payload) !== row.payload_hash) return false;
    if (hashEvent(sha256, previous, event, seq) !== row.hash) return false;
    previous = row.hash;
  }
  return true;
}

function quantiles(values: number[]): { restartP50Ms: number; restartP99Ms: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { restartP50Ms: at(0.5), restartP99Ms: at(0.99) };
}
