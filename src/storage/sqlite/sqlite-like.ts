/** What the adapter asks of a driver. */
import type { SqliteLike } from '../sqlite-like.js';

export type { SqliteLike, SqliteStatement, SqliteValue } from '../sqlite-like.js';

/** Opens a connection that gives up waiting for locks after `busyMs`. */
export type SqliteDriver = (
  path: string,
  options: { readonly readonly: boolean; readonly busyMs: number },
) => SqliteLike;
