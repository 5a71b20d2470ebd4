/** How large the file is. Only asked of the file system: opening it here would lose the locks that SQLite has on it. */
import { statSync } from 'node:fs';
import type { StorageSizes } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';

export function createSizes(db: SqliteLike, path: string): () => StorageSizes {
  if (path === ':memory:') {
    const size = db.prepare(
      'SELECT page_count * page_size AS databaseBytes, 0 AS walBytes FROM pragma_page_count, pragma_page_size',
    );
    return () => size.get() as StorageSizes;
  }
  const bytes = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return () => ({ databaseBytes: bytes(path), walBytes: bytes(`${path}-wal`) });
}
