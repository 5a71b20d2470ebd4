/** Inserts rows in groups: a statement per 64 rows costs about half of a statement per row. */
import type { SqliteLike, SqliteValue } from './sqlite-like.js';

/** Rows per statement, largest first. */
const GROUPS = [64, 8, 1];

export interface BulkInsert {
  /** The next value of a row. One by one, for a list of them would be an object per row. */
  put(value: SqliteValue): void;
  /** The row is whole. */
  end(): void;
  /** To be called before anything reads the table, and at the end. */
  flush(): void;
  /** Forgets what was not flushed: the transaction was rolled back. */
  reset(): void;
}

/** `into` is the statement up to VALUES, `row` the values of one row, such as `(?, 0, ?)`. */
export function createBulkInsert(db: SqliteLike, into: string, row: string): BulkInsert {
  const width = row.split('?').length - 1;
  const statements = GROUPS.map((rows) => ({
    size: rows * width,
    insert: db.prepare(`${into} VALUES ${new Array<string>(rows).fill(row).join()}`),
  }));
  const full = statements[0]?.size ?? width;
  const values = new Array<SqliteValue>(full).fill(null);
  let used = 0;

  const flush = (): void => {
    let from = 0;
    for (const { size, insert } of statements) {
      for (; used - from >= size; from += size) {
        insert.run(...(size === full ? values : values.slice(from, from + size)));
      }
    }
    used = 0;
  };
  return {
    put: (value) => {
      values[used++] = value;
    },
    end: () => {
      if (used === full) flush();
    },
    flush,
    reset: () => {
      used = 0;
    },
  };
}
