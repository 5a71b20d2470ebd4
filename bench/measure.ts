/**
 * Measures in processes of their own. The compiler of the language makes faster code of functions that exist once, and a
 * host has one Nexus: a second one in the same process runs a tenth slower than what users run.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Company } from './end-to-end.js';

export type Task = Company & {
  /** `unhashed`: Nexus with a hash that is always the same. `verify`: events of a log that are verified. */
  readonly kind: 'nexus' | 'bare' | 'unhashed' | 'verify';
  readonly events: number;
  readonly inFlight: number;
};

/** `cpuSeconds`: of the whole process, which a busy machine changes less than its speed. */
export type Measured = {
  readonly perSecond: number;
  readonly cpuSeconds: number;
  readonly memoryMb: number;
};

const child = fileURLToPath(new URL('./children/measure.ts', import.meta.url));

/** On a file of its own, or on one that `prepare` puts in its place. */
export function measure(task: Task, prepare?: (file: string) => void): Measured {
  return inFolderSync((file) => {
    prepare?.(file);
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', child, JSON.stringify({ ...task, file })],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    );
    if (status !== 0) throw new Error(`a measurement failed (${String(status)})`);
    return JSON.parse(stdout) as Measured;
  });
}

/** What the loader of the TypeScript that the measurements are written in takes, which no host has. */
export function loaderMb(): number {
  const rssMb = (...options: string[]): number => {
    const { stdout } = spawnSync(
      process.execPath,
      [...options, '-p', 'process.memoryUsage().rss / 2 ** 20'],
      {
        encoding: 'utf8',
      },
    );
    return Number(stdout);
  };
  return rssMb('--import', 'tsx') - rssMb();
}

// Beside the project, not in a temporary folder: that may be memory, where an fsync costs nothing.
function inFolderSync<T>(work: (file: string) => T): T {
  const folder = mkdtempSync(join(process.cwd(), '.bench-'));
  try {
    return work(join(folder, 'bench.db'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
