/** Owners that were stopped for two leases and go on: what they say of deliveries that were taken from them is not recorded. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNexus } from '../src/create-nexus.js';
import { openDatabase } from '../test/support/database.js';

export type StaleReport = {
  rounds: number;
  owners: number;
  taken: number;
  staleWrites: number;
  wentOn: number;
};

const sleeper = fileURLToPath(new URL('./children/sleeper.ts', import.meta.url));
const LEASE_MS = 300;

export async function proveStale(options: { rounds: number }): Promise<StaleReport> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const file = join(folder, 'stale.db');
  const owner = await startOwner(file);
  const db = openDatabase(file, { readonly: true });
  const report = { rounds: options.rounds, owners: 0, taken: 0, staleWrites: 0, wentOn: 0 };
  const rows = (): string =>
    JSON.stringify(
      db
        .prepare(
          `SELECT d.* FROM nexus_deliveries d JOIN nexus_events e ON e.seq = d.seq WHERE e.type = 'SLOW' ORDER BY d.seq`,
        )
        .all(),
    );
  try {
    for (let round = 0; round < options.rounds; round++) {
      owner.say(`dispatch ${round}`);
      await owner.heard((line) => line.started === String(round));
      owner.child.kill('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_MS + 50));
      report.owners += 1;

      // Another host takes over what the sleeper holds, and completes it.
      const taker = createNexus({ storage: file, logger: false });
      taker.onEvent('SLOW', { name: 'slow' }, () => {
        report.taken += 1;
      });
      await taker.idle();
      await taker.close();
      const before = rows();

      owner.child.kill('SIGCONT');
      owner.say('release');
      await owner.heard((line) => line.released === true);
      owner.say(`ping ${round}`);
      await owner.heard((line) => line.pong === String(round));
      report.wentOn += 1;
      if (rows() !== before) report.staleWrites += 1;
    }
    const children = (
      db.prepare(`SELECT count(*) AS n FROM nexus_events WHERE type = 'SLOW_DONE'`).get() as { n: number }
    ).n;
    return { ...report, staleWrites: report.staleWrites + children };
  } finally {
    db.close();
    owner.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

type Told = Record<string, unknown>;
type Owner = {
  child: ChildProcess;
  say: (line: string) => void;
  heard: (fact: (line: Told) => boolean) => Promise<void>;
};

async function startOwner(file: string): Promise<Owner> {
  const child = spawn(process.execPath, ['--import', 'tsx', sleeper, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const told: Told[] = [];
  let look = (): void => undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    told.push(JSON.parse(line) as Told);
    look();
  });
  const heard = (fact: (line: Told) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(
        () =>
          reject(
            new Error(`the owner did not say what was awaited; it said ${JSON.stringify(told.slice(-5))}`),
          ),
        20_000,
      );
      look = () => {
        if (!told.some(fact)) return;
        clearTimeout(late);
        told.length = 0;
        look = () => undefined;
        resolve();
      };
      look();
    });
  await heard((line) => line.ready === true);
  return { child, say: (line) => void child.stdin.write(`${line}\n`), heard };
}
