/** A disk that is small enough to be filled, where this process may mount one. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function onSmallDisk<T>(
  sizeMiB: number,
  work: (disk: string) => Promise<T>,
): Promise<T | { skipped: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-disk-'));
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', disk]).status === 0;
  try {
    if (mounted) return await work(disk);
    return { skipped: 'a small disk cannot be mounted here (it takes Linux, and the right to mount)' };
  } finally {
    if (mounted) spawnSync('umount', [disk]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Adds to a file until nothing more goes in. */
export function fillDisk(disk: string, filler: string): void {
  const fd = openSync(filler, 'a');
  try {
    for (let bytes = 1024 * 1024; bytes >= 4_096 && statfsSync(disk).bavail > 0;) {
      try {
        writeSync(fd, Buffer.alloc(bytes, 1));
      } catch {
        bytes /= 2;
      }
    }
  } finally {
    closeSync(fd);
  }
}
