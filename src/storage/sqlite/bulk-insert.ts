/** Inserts rows in groups: a statement per 64 rows costs about half of a statement per row. */
import type { SqliteLike, SqliteValue } from './sqlite-like.js';

/** Rows per statement, largest first. */
const GROUPS = [64, 8, 1];

export interface BulkInsert {
  add(...row: SqliteValue[]): void;
  /** To be called before anything reads the table, and at the end. */
  flush(): void;
  /** Forgets what was not flushed: the transaction was rolled back. */
  reset(): void;
}

/** `into` is the statement up to VALUES, `row` the values of one row, such as `(?, 0, ?)`. */
export function createBulkInsert(db: SqliteLike, into: string, row: string): BulkInsert {
  const width = row.split('?').length - 1;
  const statements = GROUPS.map((rows) => ({
    values: rows * width,
    insert: db.prepare(`${into} VALUES ${new Array<string>(rows).fill(row).join()}`),
  }));
  const full = statements[0]?.values ?? width;
  let values: SqliteValue[] = [];

  const flush = (): void => {
    let from = 0;
    for (const { values: size, insert } of statements) {
      for (; values.length - from >= size; from += size) {
        insert.run(...(values.length === size ? values : values.slice(from, from + size)));
      }
    }
    values = [];
  };
  return {
    add: (...row) => {
      for (const value of row) values.push(value);
      if (values.length >= full) flush();
    },
    flush,
    reset: () => {
      values = [];
    },
  };
}
