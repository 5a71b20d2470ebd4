/** A flipped bit in the write-ahead log of a killed process: what it takes away is told, exactly, and no reader is misled. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNexus } from '../src/create-nexus.js';
import type { LogLoss, Nexus } from '../src/nexus.js';
import { openDatabase } from '../test/support/database.js';
import { chainWhole } from './crash.js';

export type BitflipReport = {
  /** Runs in which acknowledged events were gone. */
  lossy: number;
  /** Of these, the ones that were reported with the exact number. */
  exact: number;
  /** Runs in which nothing that was acknowledged was gone, and false alarms among them. */
  harmless: number;
  falseAlarms: number;
  /** Acknowledged events that were lost over all runs. */
  lost: number;
  /** Runs in which the next event did not come above everything that was ever acknowledged. */
  numbersUsedTwice: number;
  /** Cursors from which reading on did not show the gap. */
  cursorsMisled: number;
  chainWhole: boolean;
};

/** How often a file is used: what a loss leaves behind must not disturb the next, and new files have losses of their own. */
const LIVES = 8;

const sayer = fileURLToPath(new URL('./children/sayer.ts', import.meta.url));

export async function proveBitflip(options: { runs: number }): Promise<BitflipReport> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const report: BitflipReport = {
    lossy: 0,
    exact: 0,
    harmless: 0,
    falseAlarms: 0,
    lost: 0,
    numbersUsedTwice: 0,
    cursorsMisled: 0,
    chainWhole: true,
  };
  try {
    for (let n = 0; report.lossy < options.runs; n++) {
      const file = join(folder, `bitflip-${n}.db`);
      for (let life = 0; life < LIVES && report.lossy < options.runs; life++) {
        const acknowledged = await sayAndDie(file, 5 + Math.floor(Math.random() * 60));
        flipOneBit(`${file}-wal`);
        await reopen(file, acknowledged, report);
      }
      const db = openDatabase(file, { readonly: true });
      report.chainWhole &&= chainWhole(db);
      db.close();
    }
    return report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One life of the host, until it has told of everything; its file stays as the kill leaves it. */
async function sayAndDie(file: string, events: number): Promise<number[]> {
  const child = spawn(process.execPath, ['--import', 'tsx', sayer, file, String(events)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const acknowledged: number[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { seqs, done } = JSON.parse(line) as { seqs?: number[]; done?: boolean };
    acknowledged.push(...(seqs ?? []));
    if (done) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('exit', resolve));
  if (acknowledged.length !== events) throw new Error(`the host ended before it was killed`);
  return acknowledged;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;

/** In a random frame of those that count: its page or its own header. */
function flipOneBit(wal: string): void {
  const bytes = readFileSync(wal);
  const frameBytes = FRAME_HEADER_BYTES + bytes.readUInt32BE(8);
  const salts = bytes.subarray(16, 24);
  let frames = 0;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes, frames++)
    if (!bytes.subarray(at + 8, at + 16).equals(salts)) break;
  const at = HEADER_BYTES + Math.floor(Math.random() * frames * frameBytes);
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << Math.floor(Math.random() * 8)), at);
  writeFileSync(wal, bytes);
}

async function reopen(file: string, acknowledged: readonly number[], report: BitflipReport): Promise<void> {
  const nexus = createNexus({ storage: file, logger: false });
  try {
    const told: LogLoss[] = [];
    nexus.on('log:lost', (loss) => void told.push(loss));
    const before = acknowledged[0] ?? 0;
    const last = acknowledged.at(-1) ?? 0;
    const { items } = await nexus.events.list({ after: before - 1, limit: 1_000 });
    const there = new Set(items.filter(({ type }) => type === 'A').map(({ seq }) => seq));
    const missing = acknowledged.filter((seq) => !there.has(seq));
    if (missing.length === 0) {
      report.harmless += 1;
      report.falseAlarms += told.length;
    } else {
      report.lossy += 1;
      report.lost += missing.length;
      const health = await nexus.health();
      const said = health.reasons.some((reason) =>
        reason.startsWith(`${missing.length} acknowledged events`),
      );
      const [loss] = told;
      if (told.length === 1 && said && loss?.events === missing.length && loss.from === missing[0])
        report.exact += 1;
      for (const cursor of [before - 1, missing[0] ?? 0, last])
        if (!(await seesGap(nexus, cursor, last))) report.cursorsMisled += 1;
    }
    const { seq } = await nexus.dispatch('A', {});
    if (seq <= last) report.numbersUsedTwice += 1;
  } finally {
    await nexus.close();
  }
}

/** Reading on from a cursor that somebody kept, in pages, comes to the gap. */
async function seesGap(nexus: Nexus, cursor: number, last: number): Promise<boolean> {
  await nexus.waitFor('nexus.log.gap', { after: cursor, timeoutMs: 1_000 });
  for (let after: number | undefined = cursor; after !== undefined;) {
    const page: Awaited<ReturnType<Nexus['events']['list']>> = await nexus.events.list({ after, limit: 7 });
    if (page.items.some(({ type, payload }) => type === 'nexus.log.gap' && payload.to === last)) return true;
    after = page.next;
  }
  return false;
}
