/** The few members of a SQLite driver that are used, so that another driver can follow. better-sqlite3 has them. */

export type SqliteValue = string | number | null;

/** A prepared statement with positional parameters. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): {
    readonly changes: number | bigint;
    readonly lastInsertRowid: number | bigint;
  };
  get(...values: SqliteValue[]): unknown;
  all(...values: SqliteValue[]): unknown[];
}

/** A synchronous connection. */
export interface SqliteLike {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  close(): unknown;
  readonly inTransaction: boolean;
  /** False once it is closed, where the driver tells. */
  readonly open?: boolean;
}
