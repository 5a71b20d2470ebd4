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
  /**
   * Copies an attached database into a file, a step per turn of the event loop; `progress` says how many pages the next
   * step takes. Without it a backup is one statement, and blocks the event loop for as long as it takes.
   */
  backup?(
    path: string,
    options: {
      readonly attached: string;
      readonly progress: (at: { readonly totalPages: number; readonly remainingPages: number }) => number;
    },
  ): Promise<unknown>;
}
