/** The two storages, so that a process on them can be killed and its lease made to run out. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/core/clock.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import { sqliteStorage, type SqliteLike } from '../../src/storage/sqlite/index.js';
import type { Storage } from '../../src/storage/storage.js';
import { openDatabase } from '../support/database.js';

export interface Backend {
  /** A storage for a new process, with what can befall that process. */
  process(): { storage: Storage; kill: () => void; expire: () => void };
  remove(): void;
}

export function memoryBackend(clock: Clock): Backend {
  const database = createMemoryDatabase();
  return {
    process: () => {
      const storage = memoryStorage({ database, clock });
      const own: string[] = [];
      const watched: Storage = Object.create(storage, {
        open: {
          value: (options: Parameters<Storage['open']>[0]) => {
            own.push(options.instance);
            return storage.open(options);
          },
        },
      }) as Storage;
      return {
        storage: watched,
        kill: () => own.forEach((id) => database.kill(id)),
        expire: () => {
          const instance = database.instances.get(own.at(-1) ?? '');
          if (instance) instance.leaseUntil = 0;
        },
      };
    },
    remove: () => undefined,
  };
}

export function sqliteBackend(clock: Clock): Backend {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-model-'));
  const path = join(folder, 'model.db');
  return {
    process: () => {
      const opened: SqliteLike[] = [];
      let instance = '';
      const watches: (() => void)[] = [];
      const storage = sqliteStorage({
        path,
        clock,
        driver: (file, options) => {
          const db = openDatabase(file, options);
          // The sequences test logic, not disks; syncing is proven elsewhere.
          opened.push(db);
          return db;
        },
      });
      const watched: Storage = Object.create(storage, {
        open: {
          value: (options: Parameters<Storage['open']>[0]) => {
            instance = options.instance;
            return storage.open(options);
          },
        },
        onChange: {
          value: (hint: () => void) => {
            const end = storage.onChange(hint);
            watches.push(end);
            return end;
          },
        },
      }) as Storage;
      return {
        storage: watched,
        kill: () => {
          opened.forEach((db) => db.close());
          // A process takes its timers and its open files with it; without connections nothing can be written any more.
          watches.forEach((end) => end());
          void storage.close().catch(() => undefined);
        },
        expire: () => {
          const other = openDatabase(path, { busyMs: 1_000 });
          other.prepare('UPDATE nexus_instances SET lease_until = 0 WHERE id = ?').run(instance);
          other.close();
        },
      };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
