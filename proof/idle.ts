/** Idle costs next to nothing, and nothing keeps the process alive after close. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type IdleReport = {
  retrying: number;
  timersThatKeepAlive: number;
  cpuPercent: number;
  endedBy: 'itself' | 'a signal';
};

const child = fileURLToPath(new URL('./children/idler.ts', import.meta.url));

export function proveIdle(options: { seconds: number; retries: number }): IdleReport {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  try {
    const file = join(folder, 'idle.db');
    const run = (role: 'fill' | 'idle', amount: number): { stdout: string; status: number | null } =>
      spawnSync(process.execPath, ['--import', 'tsx', child, role, file, String(amount)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: (1.5 * options.seconds + 60) * 1_000,
      });
    run('fill', options.retries);
    const { stdout, status } = run('idle', options.seconds);
    return {
      ...(JSON.parse(stdout) as Omit<IdleReport, 'endedBy'>),
      endedBy: status === 0 ? 'itself' : 'a signal',
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
