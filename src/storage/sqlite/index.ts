/** The SQLite adapter. */
export { sqliteStorage, type SqliteStorageOptions } from './sqlite-storage.js';
export type { SqliteDriver, SqliteLike, SqliteStatement, SqliteValue } from './sqlite-like.js';
