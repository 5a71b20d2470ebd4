/** One event among a thousand kills the process of its handler: it alone ends `crashed`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../test/support/database.js';

export type PoisonReport = { starts: number; crashed: number[]; succeeded: number; other: number };

const child = fileURLToPath(new URL('./children/poisoned.ts', import.meta.url));

export function provePoison(): PoisonReport {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  const file = join(folder, 'poison.db');
  try {
    let starts = 0;
    for (let ended = false; !ended && starts < 20; starts++) {
      ended =
        spawnSync(process.execPath, ['--import', 'tsx', child, file, starts === 0 ? 'first' : 'again'], {
          stdio: 'inherit',
        }).status === 0;
    }
    const db = openDatabase(file, { readonly: true });
    const rows = db.prepare('SELECT seq, state, reason FROM nexus_deliveries').all() as {
      seq: number;
      state: number;
      reason: string | null;
    }[];
    db.close();
    const crashed = rows
      .filter(({ state, reason }) => state === 3 && reason === 'crashed')
      .map(({ seq }) => seq);
    const succeeded = rows.filter(({ state }) => state === 2).length;
    return { starts, crashed, succeeded, other: rows.length - crashed.length - succeeded };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
