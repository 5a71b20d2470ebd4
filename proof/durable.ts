/** Every acknowledged commit was preceded by an fsync of the write-ahead log, as the system calls show. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type DurableReport = { acknowledged: number; withoutSync: number } | { skipped: string };

const marker = fileURLToPath(new URL('./children/marker.ts', import.meta.url));

export function proveDurable(options: { dispatches: number }): DurableReport {
  if (spawnSync('strace', ['-V']).status !== 0)
    return { skipped: 'strace is not installed (Debian: strace; it exists on Linux only)' };
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  try {
    const trace = join(folder, 'trace');
    execFileSync(
      'strace',
      [
        '-f',
        '-y',
        '-qq',
        '-e',
        'trace=write,pwrite64,fsync,fdatasync',
        '-o',
        trace,
        process.execPath,
        '--import',
        'tsx',
        marker,
        join(folder, 'durable.db'),
        String(options.dispatches),
      ],
      { stdio: 'ignore' },
    );
    let acknowledged = 0;
    let withoutSync = 0;
    let wrote = false;
    let synced = false;
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      if (/pwrite64\(\d+<[^>]*-wal>/.test(line)) {
        wrote = true;
        // Written after the last sync: not durable until the next one.
        synced = false;
      } else if (/f(data)?sync\(\d+<[^>]*-wal>/.test(line)) synced = wrote;
      else if (/write\(1<[^>]*>, "MARK \d/.test(line)) {
        acknowledged += 1;
        if (!synced) withoutSync += 1;
        wrote = synced = false;
      } else if (line.includes('MARK ready')) wrote = synced = false;
    }
    return { acknowledged, withoutSync };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
