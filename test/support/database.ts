/** Databases opened beside Nexus. With Nexus's own driver, because objects of another one may not be freed everywhere. */
import { loadDriver } from '../../src/storage/sqlite/load-driver.js';
import type { SqliteLike } from '../../src/storage/sqlite/index.js';

const driver = await loadDriver();

export function openDatabase(path: string, { readonly = false, busyMs = 5_000 } = {}): SqliteLike {
  return driver(path, { readonly, busyMs });
}
