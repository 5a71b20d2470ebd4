/**
 * Proof of life: each instance holds an exclusive lock on its own tiny side file for as long as its process lives. The
 * kernel frees it with the process, so a lock that can be had is a death that is proven, at once and without guessing.
 */
import { existsSync, rmSync } from 'node:fs';
import type { SqliteDriver, SqliteLike } from './sqlite-like.js';

export interface Liveness {
  /** Holds this instance's lock. Returns its release, which also removes the file. */
  hold(instance: string): () => void;
  isDead(instance: string): boolean;
  /** Removes what a dead instance left. */
  forget(instance: string): void;
  /** Gives up what it looks with. */
  close(): void;
}

export function createLiveness(path: string, driver: SqliteDriver): Liveness {
  const fileOf = (instance: string): string => `${path}-live-${instance}`;
  const forget = (instance: string): void => {
    for (const suffix of ['', '-journal']) rmSync(fileOf(instance) + suffix, { force: true });
  };
  let probe: SqliteLike | undefined;
  return {
    hold: (instance) => {
      const lock = driver(fileOf(instance), { readonly: false, busyMs: 0 });
      lock.exec('BEGIN EXCLUSIVE');
      return () => {
        lock.close();
        forget(instance);
      };
    },
    isDead: (instance) => {
      if (!existsSync(fileOf(instance))) return true;
      // One connection for all that it ever looks at: this is called for as long as the process lives.
      probe ??= driver(':memory:', { readonly: false, busyMs: 0 });
      return canLock(probe, fileOf(instance));
    },
    forget,
    close: () => {
      probe?.close();
      probe = undefined;
    },
  };
}

function canLock(probe: SqliteLike, file: string): boolean {
  try {
    probe.exec(`ATTACH '${file.replaceAll("'", "''")}' AS other`);
  } catch {
    // Held, so it lives; any other failure proves nothing, and the lease decides.
    return false;
  }
  try {
    probe.exec('BEGIN EXCLUSIVE; ROLLBACK');
    return true;
  } catch {
    return false;
  } finally {
    probe.exec('DETACH other');
  }
}

/** For a database in memory: nobody but this connection can hold anything. */
export function createLocalLiveness(): Liveness {
  const living = new Set<string>();
  return {
    hold: (instance) => {
      living.add(instance);
      return () => void living.delete(instance);
    },
    isDead: (instance) => !living.has(instance),
    forget: () => undefined,
    close: () => undefined,
  };
}
