/**
 * Order per key, with two real processes on one file. Part one: random failures and SIGKILLs, no event of a key overtakes
 * another. Part two: while the head of one key fails for seconds, the others do not wait.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNexus } from '../src/create-nexus.js';
import type { Nexus } from '../src/nexus.js';
import { openDatabase } from '../test/support/database.js';

export type OrderReport = {
  keys: number;
  events: number;
  kills: number;
  /** Handler calls, and those that failed or were killed. */
  attempts: number;
  notSucceeding: number;
  /** A handler began though a later one of its key had begun. */
  inversions: number;
  /** A handler began though the one before it of its key was not done. */
  overlaps: number;
  notFinal: number;
  dead: number;
  /** Starts that did not get the lock of the busy file in time and were tried again. */
  startsRefused: number;
  seconds: number;
};

export type BlockedReport = {
  blockMs: number;
  /** From the acceptance of an event to the start of its handler, for keys that are not blocked. */
  alone: Latency;
  besideBlocked: Latency;
  /** Of the blocked key: attempts of its head while it failed, and events behind it that were handled before it. */
  headAttempts: number;
  overtaken: number;
  inversions: number;
};

type Latency = { events: number; p50Ms: number; p99Ms: number; maxMs: number };

/** On a busy machine a start beside hosts that write without pause may have to try for the lock for long. */
const PATIENCE_MS = 300_000;

const orderly = fileURLToPath(new URL('./children/orderly.ts', import.meta.url));

export async function proveOrder(options: { keys: number; eventsPerKey: number }): Promise<OrderReport> {
  const { keys, eventsPerKey } = options;
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const [file, journal] = [join(folder, 'order.db'), join(folder, 'journal')];
  const began = performance.now();
  const hosts: Host[] = [];
  const nexus = createNexus({ storage: file, logger: false });
  try {
    hosts.push(await startHost(file, journal, 0.05), await startHost(file, journal, 0.05));
    const total = keys * eventsPerKey;
    const dispatching = sayAll(nexus, keys, eventsPerKey);
    let kills = 0;
    let startsRefused = 0;
    while (finished(file) < total) {
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 1_200));
      const index = Math.random() < 0.5 ? 0 : 1;
      hosts[index]?.child.kill('SIGKILL');
      await hosts[index]?.gone;
      kills += 1;
      const next = await startHost(file, journal, 0.05);
      startsRefused += next.startsRefused;
      hosts[index] = next;
    }
    await dispatching;
    for (const each of hosts) each.say('close');
    await Promise.all(hosts.map((each) => each.gone));
    await nexus.close();
    const dead = deadSteps(file);
    return {
      keys,
      events: total,
      kills,
      ...judge(readJournal(journal), dead),
      notFinal: total - finished(file),
      dead: dead.size,
      startsRefused,
      seconds: Math.round((performance.now() - began) / 1_000),
    };
  } finally {
    for (const each of hosts) each.child.kill('SIGKILL');
    await nexus.close({ timeoutMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function proveBlocked(options: { blockMs: number }): Promise<BlockedReport> {
  const { blockMs } = options;
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const [file, journal] = [join(folder, 'blocked.db'), join(folder, 'journal')];
  const hosts: Host[] = [];
  try {
    hosts.push(await startHost(file, journal, 0), await startHost(file, journal, 0));
    const talk = async (ms: number): Promise<void> => {
      for (const each of hosts) each.say(`talk ${ms} 100`);
      await Promise.all(hosts.map((each) => each.heard('talked')));
    };
    await talk(1_000);
    const start = Date.now();
    await talk(blockMs);
    hosts[0]?.say(`block ${blockMs}`);
    const blockedUntil = Number((await hosts[0]?.heard('blocked'))?.blocked);
    const blockedFrom = Date.now();
    await talk(blockMs - 500);
    const blockedTo = Math.min(Date.now(), blockedUntil);
    const total = (): number => steps(readJournal(journal)).filter(({ key }) => key === 'blocked').length;
    while (total() < 200) await new Promise((resolve) => setTimeout(resolve, 100));
    for (const each of hosts) each.say('close');
    await Promise.all(hosts.map((each) => each.gone));
    const lines = readJournal(journal);
    const begun = steps(lines);
    const others = begun.filter(({ key }) => key !== 'blocked');
    const said = ({ at, waited }: Step): number => at - waited;
    const early = begun.filter(({ key, at }) => key === 'blocked' && at < blockedUntil);
    return {
      blockMs,
      alone: latency(others.filter((step) => said(step) >= start && said(step) < start + blockMs)),
      besideBlocked: latency(others.filter((step) => said(step) >= blockedFrom && said(step) < blockedTo)),
      headAttempts: early.filter(({ n }) => n === 0).length,
      overtaken: early.filter(({ n }) => n > 0).length,
      inversions: judge(lines, new Set()).inversions,
    };
  } finally {
    for (const each of hosts) each.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The events of each key in its order, the keys mixed at random. */
async function sayAll(nexus: Pick<Nexus, 'dispatchMany'>, keys: number, eventsPerKey: number): Promise<void> {
  const next = new Map(Array.from({ length: keys }, (_, key) => [`k${key}`, 0]));
  while (next.size > 0) {
    const items = Array.from({ length: 200 }, () => {
      const key = [...next.keys()][Math.floor(Math.random() * next.size)];
      const n = key === undefined ? undefined : next.get(key);
      if (key === undefined || n === undefined) return [];
      if (n + 1 < eventsPerKey) next.set(key, n + 1);
      else next.delete(key);
      return [{ type: 'STEP', payload: { key, n } }];
    });
    await nexus.dispatchMany(items.flat());
    // Backlog and live events both: they come somewhat faster than they are handled.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function finished(file: string): number {
  const db = openDatabase(file, { readonly: true });
  const { n } = db.prepare('SELECT count(*) AS n FROM nexus_deliveries WHERE state IN (2, 3, 4)').get() as {
    n: number;
  };
  db.close();
  return n;
}

/** What crashed too often, though it was not to blame. */
function deadSteps(file: string): ReadonlySet<string> {
  const db = openDatabase(file, { readonly: true });
  const rows = db
    .prepare(
      'SELECT e.payload FROM nexus_deliveries d JOIN nexus_events e ON e.seq = d.seq WHERE d.state IN (3, 4)',
    )
    .all() as { payload: string }[];
  db.close();
  return new Set(
    rows.map(({ payload }) => {
      const { key, n } = JSON.parse(payload) as { key: string; n: number };
      return `${key} ${n}`;
    }),
  );
}

type Line = {
  readonly what: string;
  readonly key: string;
  readonly n: number;
  readonly at: number;
  readonly waited: number;
};
type Step = Line;

function readJournal(journal: string): Line[] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [what = '', key = '', n, at, waited] = line.split(' ');
      return { what, key, n: Number(n), at: Number(at), waited: Number(waited) };
    });
}

function steps(lines: readonly Line[]): Step[] {
  return lines.filter(({ what }) => what === 'S');
}

function judge(
  lines: readonly Line[],
  dead: ReadonlySet<string>,
): Pick<OrderReport, 'attempts' | 'notSucceeding' | 'inversions' | 'overlaps'> {
  const begun = new Map<string, number>();
  const done = new Set<string>();
  const report = { attempts: 0, notSucceeding: 0, inversions: 0, overlaps: 0 };
  for (const { what, key, n } of lines) {
    if (what === 'E') {
      done.add(`${key} ${n}`);
      report.notSucceeding -= 1;
      continue;
    }
    report.attempts += 1;
    report.notSucceeding += 1;
    const last = begun.get(key) ?? -1;
    if (n < last) report.inversions += 1;
    for (let before = last; before < n; before++)
      if (before >= 0 && !done.has(`${key} ${before}`) && !dead.has(`${key} ${before}`)) report.overlaps += 1;
    begun.set(key, Math.max(last, n));
  }
  return report;
}

function latency(of: readonly Step[]): Latency {
  const sorted = of.map(({ waited }) => waited).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { events: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

type Told = Record<string, unknown>;
type Host = {
  child: ChildProcess;
  say: (line: string) => void;
  /** The next line with this key that was not heard yet. */
  heard: (key: string) => Promise<Told>;
  gone: Promise<unknown>;
  startsRefused: number;
};

async function startHost(file: string, journal: string, failing: number): Promise<Host> {
  const child = spawn(process.execPath, ['--import', 'tsx', orderly, file, journal, String(failing), '20'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const told: Told[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.endsWith('}')) return;
    told.push(JSON.parse(line) as Told);
    for (const look of [...waiting]) look();
  });
  const heard = (key: string): Promise<Told> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the host did not say ${key}`)), PATIENCE_MS);
      const look = (): void => {
        const place = told.findIndex((line) => key in line);
        const [line] = place < 0 ? [] : told.splice(place, 1);
        if (!line) return;
        clearTimeout(late);
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
    });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const { startsRefused } = await heard('ready');
  return {
    child,
    say: (line) => void child.stdin.write(`${line}\n`),
    heard,
    gone,
    startsRefused: Number(startsRefused),
  };
}
