/** `within`: random commits, rollbacks and kills, in Nexus's own file and in another one, by one process and by two: exactly the committed ones. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../test/support/database.js';
import { chainWhole } from './crash.js';

export type OutboxReport = {
  file: 'same' | 'other';
  processes: number;
  commits: number;
  rollbacks: number;
  kills: number;
  facts: number;
  missing: number;
  phantoms: number;
  doubles: number;
  inversions: number;
  left: number;
  chainWhole: boolean;
};

const host = fileURLToPath(new URL('./children/outbox-host.ts', import.meta.url));

type Counts = Pick<OutboxReport, 'commits' | 'rollbacks' | 'kills'>;

/** Goes on until so many transactions have ended, one way or another. */
export async function proveOutbox(options: {
  transactions: number;
  file: 'same' | 'other';
  processes: 1 | 2;
  longestLifeMs?: number;
}): Promise<OutboxReport> {
  const { file, processes, longestLifeMs = 400 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'nexus-proof-'));
  const storage = join(folder, 'nexus.db');
  const hostFile = file === 'same' ? storage : join(folder, 'shop.db');
  const counts: Counts = { commits: 0, rollbacks: 0, kills: 0 };
  try {
    // Makes the files, so that no two processes do at once.
    await live([storage, hostFile, 'drain', '']);
    for (let life = 0; counts.commits + counts.rollbacks + counts.kills < options.transactions; life++) {
      const lives = Array.from({ length: processes }, (_, nth) =>
        live([storage, hostFile, 'work', `${life}.${nth}`], counts, Math.random() * longestLifeMs),
      );
      await Promise.all(lives);
    }
    await live([storage, hostFile, 'drain', '']);
    return { file, processes, ...counts, ...inspect(storage, hostFile) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One run of a host; one that works is killed some time after it has begun, unless it has killed itself before. */
async function live(args: readonly string[], counts?: Counts, killAfterMs = 0): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', host, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    if (line === '{"ready":true}') setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    if (counts && line === '{"ended":"commit"}') counts.commits += 1;
    if (counts && line === '{"ended":"rollback"}') counts.rollbacks += 1;
  });
  await Promise.all([
    new Promise((resolve) => child.once('exit', resolve)),
    new Promise((resolve) => lines.once('close', resolve)),
  ]);
  if (counts && child.signalCode === 'SIGKILL') counts.kills += 1;
  else if (child.exitCode !== 0)
    throw new Error(`a host ended with ${child.exitCode ?? child.signalCode ?? 'nothing'}`);
}

/** Compares the raw rows: what the host's table says was committed, and what is in the log. */
function inspect(storage: string, hostFile: string): Omit<OutboxReport, 'file' | 'processes' | keyof Counts> {
  const log = openDatabase(storage, { readonly: true });
  const db = openDatabase(hostFile, { readonly: true });
  const places = new Map(
    (db.prepare('SELECT n, fact FROM facts').all() as { n: number; fact: string }[]).map(({ n, fact }) => [
      fact,
      n,
    ]),
  );
  const said = (
    log.prepare(`SELECT payload ->> 'fact' AS fact FROM nexus_events ORDER BY seq`).all() as {
      fact: string;
    }[]
  ).map(({ fact }) => fact);
  const distinct = new Set(said);
  const order = said.map((fact) => places.get(fact) ?? 0);
  const report = {
    facts: places.size,
    missing: [...places.keys()].filter((fact) => !distinct.has(fact)).length,
    phantoms: [...distinct].filter((fact) => !places.has(fact)).length,
    doubles: said.length - distinct.size,
    inversions: order.filter((n, i) => n < (order[i - 1] ?? 0)).length,
    left: (db.prepare('SELECT count(*) AS n FROM nexus_outbox').get() as { n: number }).n,
    chainWhole: chainWhole(log),
  };
  log.close();
  db.close();
  return report;
}
