/** The SQLite adapter. */
export { loadDriver as loadSqliteDriver } from './load-driver.js';
export { sqliteStorage, type SqliteStorageOptions } from './sqlite-storage.js';
export { createOutbox, type OutboxOptions } from './outbox-schema.js';
export { sqliteOutbox } from './outbox.js';
export type { SqliteDriver, SqliteLike, SqliteStatement, SqliteValue } from './sqlite-like.js';
