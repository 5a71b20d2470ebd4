/** A disk that is full for a while, under load: everything is refused with a code, nothing acknowledged is lost, and it goes on. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../test/support/database.js';
import { fillDisk, onSmallDisk } from './small-disk.js';

export type FullReport = {
  acknowledged: number;
  lost: number;
  /** Dispatches while the disk was full, by the code with which they were refused; and how many were not. */
  refused: Record<string, number>;
  takenWhileFull: number;
  /** Deliveries that were settled while it was full. */
  settledWhileFull: number;
  /** Steps of an operator while it was full: that worked, and that did not; dead letters that they let go. */
  retained: number;
  notRetained: string[];
  discardedWhileFull: number;
  /** What `retention` removed while it was full; its first pass comes 10 to 30 s after the start. */
  sweptWhileFull: number;
  redrivenWhileFull: number;
  /** From space to the first acknowledgement. */
  servingAfterMs: number;
  alive: boolean;
  notFinal: number;
  health: string;
};

const loaded = fileURLToPath(new URL('./children/loaded.ts', import.meta.url));
/** A sudden end of space is noticed by the next look, or by the first write that fails. */
const NOTICED_MS = 500;

type Told = {
  at: number;
  id?: string;
  refused?: string;
  calledAt?: number;
  step?: {
    failed?: string;
    discarded?: number;
    redriven?: number;
    /** Finished deliveries of an hour ago that are still there. */
    old?: number;
  };
  settled?: number;
  drained?: boolean;
  health?: { status: string };
};

export async function proveFull(options: {
  fullMs: number;
  sizeMiB?: number;
}): Promise<FullReport | { skipped: string }> {
  return await onSmallDisk(options.sizeMiB ?? 64, (disk) => run(disk, options.fullMs));
}

async function run(disk: string, fullMs: number): Promise<FullReport> {
  const file = join(disk, 'nexus.db');
  const filler = join(disk, 'filler');
  const told: Told[] = [];
  const child = spawn(process.execPath, ['--import', 'tsx', loaded, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => void told.push(JSON.parse(line) as Told));
  const until = async (fact: () => boolean, timeoutMs: number): Promise<boolean> => {
    const end = Date.now() + timeoutMs;
    while (!fact() && Date.now() < end && child.exitCode === null) await pause(20);
    return fact();
  };
  if (!(await until(() => told.filter(({ id }) => id !== undefined).length > 1_500, 30_000)))
    throw new Error('the host did not come to work');

  fillDisk(disk, filler);
  const fullAt = Date.now();
  while (Date.now() < fullAt + fullMs) {
    await pause(200);
    // Whatever becomes free is taken, as a busy neighbour would.
    fillDisk(disk, filler);
  }
  const alive = child.exitCode === null && child.signalCode === null;
  rmSync(filler);
  const freeAt = Date.now();
  await until(() => told.some(({ id, at }) => id !== undefined && at >= freeAt), 10_000);
  await pause(500);
  child.stdin.write('drain\n');
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await gone;
  clearTimeout(late);

  const whileFull = told.filter(({ calledAt = 0 }) => calledAt >= fullAt + NOTICED_MS && calledAt < freeAt);
  const refused: Record<string, number> = {};
  for (const { refused: code } of whileFull) if (code !== undefined) refused[code] = (refused[code] ?? 0) + 1;
  const steps = told.filter(({ step, at }) => step && at >= fullAt + NOTICED_MS && at < freeAt);
  const failedSteps = steps.flatMap(({ step }) => step?.failed ?? []);
  const kept = steps.flatMap(({ step }) => step?.old ?? []);
  const first = told.find(({ id, at }) => id !== undefined && at >= freeAt);
  return {
    ...inspect(file, new Set(told.flatMap(({ id }) => id ?? []))),
    refused,
    takenWhileFull: whileFull.filter(({ id, at }) => id !== undefined && at < freeAt).length,
    settledWhileFull: steps.reduce((sum, { settled = 0 }) => sum + settled, 0),
    retained: steps.length - failedSteps.length,
    notRetained: [...new Set(failedSteps)],
    discardedWhileFull: steps.reduce((sum, { step }) => sum + (step?.discarded ?? 0), 0),
    sweptWhileFull: (kept[0] ?? 0) - (kept.at(-1) ?? 0),
    redrivenWhileFull: steps.reduce((sum, { step }) => sum + (step?.redriven ?? 0), 0),
    servingAfterMs: first ? first.at - freeAt : Infinity,
    alive: alive && told.some(({ drained }) => drained),
    health: told.find(({ drained }) => drained)?.health?.status ?? 'unknown',
  };
}

function inspect(
  file: string,
  acknowledged: ReadonlySet<string>,
): Pick<FullReport, 'acknowledged' | 'lost' | 'notFinal'> {
  const db = openDatabase(file, { readonly: true });
  const ids = new Set(
    (db.prepare('SELECT id FROM nexus_events').all() as { id: string }[]).map(({ id }) => id),
  );
  const { n } = db.prepare('SELECT count(*) AS n FROM nexus_deliveries WHERE state IN (0, 1)').get() as {
    n: number;
  };
  db.close();
  return {
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter((id) => !ids.has(id)).length,
    notFinal: n,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
