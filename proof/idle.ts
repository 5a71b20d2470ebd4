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
    const args = [
      '--import',
      'tsx',
      child,
      join(folder, 'idle.db'),
      String(options.seconds),
      String(options.retries),
    ];
    const { stdout, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: (options.seconds + 60) * 1_000,
    });
    return {
      ...(JSON.parse(stdout) as Omit<IdleReport, 'endedBy'>),
      endedBy: status === 0 ? 'itself' : 'a signal',
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
