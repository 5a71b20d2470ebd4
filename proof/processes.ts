/** Several processes on one file: equal, different, superseded and dispatch-only hosts. Every registered reactor sees each event. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../test/support/database.js';
import { chainWhole } from './crash.js';

export type ProcessesReport = {
  processes: number;
  events: number;
  holes: number;
  wrong: string[];
  superseded: number;
  chainWhole: boolean;
  seconds: number;
};

const host = fileURLToPath(new URL('./children/host.ts', import.meta.url));

/** `two`: an equal pair, one of which also is replaced by a rolling change. `three`: also another reactor and one that only dispatches. */
export async function proveProcesses(options: {
  events: number;
  processes: 2 | 3;
}): Promise<ProcessesReport> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const file = join(folder, 'several.db');
  const roles = options.processes === 2 ? ['equal', 'equal'] : ['equal', 'other', 'dispatch'];
  const started = performance.now();
  const hosts: Host[] = [];
  try {
    const share = Math.ceil(options.events / (roles.length + 2));
    for (const role of [...roles, 'old']) hosts.push(await startHost(file, role, share));
    for (const each of hosts) each.say('go');
    // In the middle of it, a newer host registers the rolling reactor with one more type.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const next = await startHost(file, 'new', share);
    hosts.push(next);
    const changedAt = generationSince(file);
    next.say('go');
    await Promise.all(hosts.map((each) => each.heard('dispatched')));
    for (const each of hosts) each.say('drain');
    await Promise.all(hosts.map((each) => each.heard('drained')));
    // It notices at its next commit, or when it next looks for what others wrote.
    const old = hosts[roles.length];
    await old?.heard('superseded');
    const superseded = hosts.filter((each) => each.told.some((line) => 'superseded' in line)).length;
    for (const each of hosts) each.say('close');
    await Promise.all(hosts.map((each) => each.gone));
    return {
      processes: hosts.length,
      superseded,
      seconds: Math.round((performance.now() - started) / 100) / 10,
      ...inspect(file, roles, changedAt),
    };
  } finally {
    for (const each of hosts) each.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** From which `seq` on the rolling reactor counts the new type, as its row says. */
function generationSince(file: string): number {
  const db = openDatabase(file, { readonly: true });
  const row = db.prepare(`SELECT subscription FROM nexus_reactors WHERE name = 'rolling'`).get() as {
    subscription: string;
  };
  db.close();
  const spans = JSON.parse(row.subscription) as { type: string; after: number }[];
  return spans.find(({ type }) => type === 'B')?.after ?? -1;
}

function inspect(
  file: string,
  roles: readonly string[],
  changedAt: number,
): Pick<ProcessesReport, 'events' | 'holes' | 'wrong' | 'chainWhole'> {
  const db = openDatabase(file, { readonly: true });
  const events = db.prepare('SELECT seq, type FROM nexus_events ORDER BY seq').all() as {
    seq: number;
    type: string;
  }[];
  const begins = new Map(
    (
      db.prepare('SELECT name, subscription FROM nexus_reactors').all() as {
        name: string;
        subscription: string;
      }[]
    ).map(({ name, subscription }) => [
      name,
      Math.min(...(JSON.parse(subscription) as { after: number }[]).map(({ after }) => after)),
    ]),
  );
  const expected: [string, (event: { seq: number; type: string }) => boolean][] = [
    ['rolling', ({ type, seq }) => type === 'A' || seq > changedAt],
  ];
  if (roles.includes('equal')) expected.push(['shared', () => true]);
  if (roles.includes('other')) expected.push(['other', ({ type }) => type === 'A']);
  const wrong: string[] = [];
  for (const [name, meant] of expected) {
    const rows = db
      .prepare(
        'SELECT d.seq, d.state FROM nexus_deliveries d JOIN nexus_reactors r ON r.key = d.reactor WHERE r.name = ?',
      )
      .all(name) as { seq: number; state: number }[];
    const states = new Map(rows.map(({ seq, state }) => [seq, state]));
    for (const event of events) {
      const should = event.seq > (begins.get(name) ?? 0) && meant(event);
      if (should !== states.has(event.seq) || (should && states.get(event.seq) !== 2))
        wrong.push(`${name} ${event.type}${event.seq}: ${states.get(event.seq) ?? 'none'}`);
    }
  }
  const report = {
    events: events.length,
    holes: (events.at(-1)?.seq ?? 0) - events.length,
    wrong: wrong.slice(0, 10),
    chainWhole: chainWhole(db),
  };
  db.close();
  return report;
}

type Told = Record<string, unknown>;
type Host = {
  child: ChildProcess;
  told: Told[];
  say: (line: string) => void;
  heard: (key: string) => Promise<void>;
  gone: Promise<unknown>;
};

async function startHost(file: string, role: string, share: number): Promise<Host> {
  const child = spawn(process.execPath, ['--import', 'tsx', host, file, role, String(share)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const told: Told[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    told.push(JSON.parse(line) as Told);
    for (const look of [...waiting]) look();
  });
  const heard = (key: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(
        () =>
          reject(
            new Error(`the ${role} host did not say ${key}: ${JSON.stringify(told.slice(-2)).slice(0, 300)}`),
          ),
        120_000,
      );
      const look = (): void => {
        if (!told.some((line) => key in line)) return;
        clearTimeout(late);
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await heard('ready');
  return { child, told, say: (line) => void child.stdin.write(`${line}\n`), heard, gone };
}
