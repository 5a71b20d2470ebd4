/** Replays of payments by a process that is killed again and again, and live events beside replays. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../test/support/database.js';

/** The child tells of so many replayed payments at a time. */
const TOLD_EVERY = 50;

export type ReplayProof = {
  payments: number;
  kills: number;
  /** What the replay added, and whether all its deliveries succeeded. */
  again: Added;
  fresh: Added;
  /** Whether the live deliveries are as they were. */
  liveUntouched: boolean;
  /** Live events that were measured, and from `dispatch` to the handler, milliseconds. */
  alone: number;
  beside: number;
  aloneP50Ms: number;
  aloneP99Ms: number;
  besideP50Ms: number;
  besideP99Ms: number;
};
type Added = {
  deliveries: number;
  succeeded: number;
  children: number;
  effects: number;
  effectCalls: number;
};

const child = fileURLToPath(new URL('./children/replaying.ts', import.meta.url));

export async function proveReplay(options: {
  payments: number;
  kills: number;
  /** How long live events are measured alone, three times, milliseconds. */
  aloneMs: number;
}): Promise<ReplayProof> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  try {
    const file = join(folder, 'replay.db');
    const { payments, kills } = options;
    await runChild(file, 'fill', payments);
    const before = look(file);
    const again = await killed(file, 'again', options);
    const fresh = await killed(file, 'fresh', options);
    const measured = await runChild(file, 'measure', options.aloneMs);
    const alone = measured.alone as number[];
    const beside = measured.beside as number[];
    return {
      payments,
      kills,
      again: again.added,
      fresh: fresh.added,
      liveUntouched: again.live === before.live && fresh.live === before.live,
      alone: alone.length,
      beside: beside.length,
      aloneP50Ms: quantile(alone, 0.5),
      aloneP99Ms: quantile(alone, 0.99),
      besideP50Ms: quantile(beside, 0.5),
      besideP99Ms: quantile(beside, 0.99),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Begins a replay, kills the process so many times on the way, and lets the last one end it. */
async function killed(
  file: string,
  mode: 'again' | 'fresh',
  { payments, kills }: { payments: number; kills: number },
): Promise<{ added: Added; live: string }> {
  const before = look(file);
  for (let life = 0; life <= kills; life++) {
    // Somewhere in its share of the replay; the last one lives.
    const killAt = life < kills ? (payments / (kills + 1)) * (0.4 + Math.random() * 0.6) : undefined;
    await runChild(file, life === 0 ? mode : 'go-on', payments, killAt);
  }
  const after = look(file);
  return {
    live: after.live,
    added: {
      deliveries: after.deliveries - before.deliveries,
      succeeded: after.succeeded - before.succeeded,
      children: after.children - before.children,
      effects: after.effects - before.effects,
      effectCalls: after.effectCalls - before.effectCalls,
    },
  };
}

/** One run of the child; what it told, together. */
async function runChild(
  file: string,
  mode: string,
  count: number,
  killAt = Infinity,
): Promise<Record<string, unknown>> {
  // However late the signal comes: by then it has not done the rest.
  const haltAt = killAt + TOLD_EVERY;
  const options = [child, file, mode, String(count), String(haltAt)];
  const process_ = spawn(process.execPath, ['--import', 'tsx', ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told: Record<string, unknown> = {};
  const lines = createInterface({ input: process_.stdout });
  lines.on('line', (line) => {
    // The last line of a killed process may be cut.
    if (line.endsWith('}')) Object.assign(told, JSON.parse(line));
    if (Number(told.replayed ?? 0) >= killAt) process_.kill('SIGKILL');
  });
  await Promise.all([
    new Promise((resolve) => process_.once('exit', resolve)),
    new Promise((resolve) => lines.once('close', resolve)),
  ]);
  const expected = killAt === Infinity ? process_.exitCode === 0 : process_.signalCode === 'SIGKILL';
  if (!expected)
    throw new Error(`"${mode}" ended with ${process_.exitCode ?? process_.signalCode ?? 'nothing'}`);
  return told;
}

/** What the raw rows say, and the remote side. */
function look(file: string): Added & { live: string } {
  const db = openDatabase(file, { readonly: true });
  const count = (sql: string): number => (db.prepare(sql).get() as { n: number }).n;
  const replays = `FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor WHERE r.name = 'pay' AND d.run > 0`;
  const live = db
    .prepare(
      'SELECT count(*), sum(state), sum(token), sum(attempt), sum(crashes), sum(finished_at) FROM nexus_deliveries WHERE run = 0',
    )
    .get();
  const calls = readFileSync(`${file}.effects`, 'utf8').split('\n').filter(Boolean);
  const seen = {
    deliveries: count(`SELECT count(*) AS n ${replays}`),
    succeeded: count(`SELECT count(*) AS n ${replays} AND d.state = 2`),
    children: count(`SELECT count(*) AS n FROM nexus_events WHERE type = 'MINT'`),
    effects: new Set(calls).size,
    effectCalls: calls.length,
    live: JSON.stringify(live),
  };
  db.close();
  return seen;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
}
