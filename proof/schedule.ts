/** Three real processes keep the same schedules on one file and are killed at random: one event per tick, and where asked for none is missed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../test/support/database.js';

export type ScheduleReport = {
  seconds: number;
  kills: number;
  /** Events of the schedule that catches up: of its ticks from first to last, those without an event, and those with two. */
  each: Ticked;
  /** Of the one that skips what nobody was there for. */
  some: Ticked;
  /** Ticks that came due while no process ran. */
  nobodyThere: number;
};

type Ticked = { events: number; missing: number; doubled: number; disordered: number };

const ticker = fileURLToPath(new URL('./children/ticker.ts', import.meta.url));
const DOWN_MS = 2_000;

export async function proveSchedule(options: { seconds: number }): Promise<ScheduleReport> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const file = join(folder, 'schedule.db');
  let hosts: ChildProcess[] = [];
  const began = performance.now();
  try {
    hosts = await Promise.all([1, 2, 3].map(() => startTicker(file)));
    let kills = 0;
    const end = performance.now() + options.seconds * 1_000;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 700));
      const index = Math.floor(Math.random() * hosts.length);
      await kill(hosts[index]);
      kills += 1;
      hosts[index] = await startTicker(file);
    }
    // Nobody is there for a while; then one comes back.
    for (const each of hosts) await kill(each);
    kills += hosts.length;
    const downSince = Date.now();
    await new Promise((resolve) => setTimeout(resolve, DOWN_MS));
    const last = await startTicker(file);
    hosts = [last];
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    last.stdin?.write('close\n');
    await once(last, 'exit');
    return {
      seconds: Math.round((performance.now() - began) / 1_000),
      kills,
      each: inspect(file, 'each', 100),
      some: inspect(file, 'some', 250),
      nobodyThere: ticksIn(file, 'each', downSince, downSince + DOWN_MS),
    };
  } finally {
    for (const each of hosts) each.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startTicker(file: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', ticker, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** The ticks that have an event, in the order of the log. */
function ticksOf(file: string, name: string): number[] {
  const db = openDatabase(file, { readonly: true });
  const rows = db
    .prepare(`SELECT headers FROM nexus_events WHERE headers ->> '$."nexus-schedule"' = ? ORDER BY seq`)
    .all(name) as { headers: string }[];
  db.close();
  return rows.map(({ headers }) => Number((JSON.parse(headers) as Record<string, string>)['nexus-tick-at']));
}

function ticksIn(file: string, name: string, from: number, to: number): number {
  return ticksOf(file, name).filter((at) => at > from && at <= to).length;
}

function inspect(file: string, name: string, everyMs: number): Ticked {
  const ticks = ticksOf(file, name);
  const [first = 0] = ticks;
  const distinct = new Set(ticks);
  const expected = ((ticks.at(-1) ?? first) - first) / everyMs + 1;
  return {
    events: ticks.length,
    missing: expected - distinct.size,
    doubled: ticks.length - distinct.size,
    disordered: ticks.filter((at, i) => at <= (ticks[i - 1] ?? -1)).length,
  };
}
