/** Node's own SQLite as a driver, from Node 22.16 on, for where better-sqlite3 cannot be loaded. */
import type { SqliteDriver, SqliteLike, SqliteStatement } from './sqlite-like.js';

/** The few members of `node:sqlite` that are used. */
type NodeSqlite = {
  readonly DatabaseSync: new (path: string, options: { readOnly: boolean; timeout: number }) => NodeDatabase;
};
type NodeDatabase = Pick<SqliteLike, 'prepare' | 'exec'> & {
  close(): void;
  readonly isTransaction?: boolean;
  readonly isOpen: boolean;
};

/** Undefined where this Node has none, or one that cannot tell whether a transaction is open. */
export function nodeSqliteDriver(): SqliteDriver | undefined {
  const sqlite = builtIn();
  if (!sqlite) return undefined;
  const { DatabaseSync } = sqlite;
  const trial = new DatabaseSync(':memory:', { readOnly: false, timeout: 0 });
  const fits = typeof trial.isTransaction === 'boolean';
  trial.close();
  if (!fits) return undefined;
  return (path, { readonly, busyMs }) =>
    connection(named(() => new DatabaseSync(path, { readOnly: readonly, timeout: busyMs })));
}

function builtIn(): NodeSqlite | undefined {
  // Not imported: bundlers that do not know the module would look for it, and Node 20 would fail to load this file.
  const get = (process as { getBuiltinModule?: (name: string) => unknown }).getBuiltinModule;
  return get?.('node:sqlite') as NodeSqlite | undefined;
}

function connection(db: NodeDatabase): SqliteLike {
  const statements = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const statement = named(() => db.prepare(sql));
    return {
      run: (...values) => named(() => statement.run(...values)),
      get: (...values) => plain(named(() => statement.get(...values))),
      all: (...values) => named(() => statement.all(...values)).map(plain),
    };
  };
  return {
    prepare: (sql) => {
      const statement = statements.get(sql) ?? prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
    exec: (sql) => named(() => db.exec(sql)),
    close: () => {
      if (db.isOpen) named(() => db.close());
    },
    get inTransaction() {
      // Of a closed one it may not be asked.
      return db.isOpen && db.isTransaction === true;
    },
    get open() {
      return db.isOpen;
    },
  };
}

/** Its rows have no prototype; those that are handed on to users should be like any object. */
function plain(row: unknown): unknown {
  return row === undefined ? undefined : { ...(row as object) };
}

/** Result codes by number, for what their names decide. */
const codes: Readonly<Record<number, string>> = {
  1: 'SQLITE_ERROR',
  3: 'SQLITE_PERM',
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  19: 'SQLITE_CONSTRAINT',
  26: 'SQLITE_NOTADB',
};

/** Gives errors the names that better-sqlite3 gives them: the primary name, and the number of a more exact one. */
function named<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { errcode } = error as { errcode?: unknown };
    if (typeof errcode === 'number') {
      const name = codes[errcode & 0xff] ?? 'SQLITE_ERROR';
      Object.assign(error as object, { code: errcode > 0xff ? `${name}_${errcode >> 8}` : name });
    }
    throw error;
  }
}
