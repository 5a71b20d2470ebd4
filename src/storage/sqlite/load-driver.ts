/** Loads better-sqlite3, or Node's own SQLite where that cannot be loaded, and says what to do where neither can. */
import { createRequire } from 'node:module';
import { NexusError } from '../../core/errors.js';
import { nodeSqliteDriver } from './node-sqlite.js';
import type { SqliteDriver, SqliteLike, SqliteStatement } from './sqlite-like.js';

type Constructor = new (
  path: string,
  options: { readonly: boolean; fileMustExist: boolean; timeout: number },
) => SqliteLike;

/** Connections that must not be freed, with their statements. */
const kept = new Set<SqliteLike>();

let loading: Promise<SqliteDriver> | undefined;

/**
 * The driver that `sqliteStorage` uses, for who looks at a database beside it.
 *
 * @example const open = await loadSqliteDriver(); const db = open('./nexus.db', { readonly: true, busyMs: 100 });
 * @throws NexusError NEXUS_SQLITE_BINDING
 */
export function loadDriver(): Promise<SqliteDriver> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<SqliteDriver> {
  try {
    return await loadBetterSqlite3();
  } catch (error) {
    const driver = nodeSqliteDriver();
    if (!driver) throw error;
    process.emitWarning(
      `${(error as Error).message.replace(' Or pass another storage adapter.', '')} Meanwhile Node's own SQLite is used, which works and is slower.`,
      { code: 'NEXUS_SQLITE_FALLBACK' },
    );
    return driver;
  }
}

async function loadBetterSqlite3(): Promise<SqliteDriver> {
  const version = installedVersion();
  if (version !== undefined) refuseVersion(version, Number(process.versions.napi ?? 0));
  const keep = diesOfFreeing(version, process.versions.node);
  try {
    const { default: Database } = (await import('better-sqlite3')) as unknown as { default: Constructor };
    const open = driverOf(Database, (connection) => {
      if (keep) kept.add(connection);
    });
    // The binding is loaded by the first connection, not by the import.
    open(':memory:', { readonly: false, busyMs: 0 }).close();
    return open;
  } catch (error) {
    throw bindingError(error);
  }
}

/** Connections that prepare each text once: that saves time, and bounds what is kept where nothing may be freed. */
function driverOf(Database: Constructor, opened: (connection: SqliteLike) => void): SqliteDriver {
  class Connection extends Database {
    readonly #statements = new Map<string, SqliteStatement>();

    override prepare(sql: string): SqliteStatement {
      const statement = this.#statements.get(sql) ?? super.prepare(sql);
      this.#statements.set(sql, statement);
      return statement;
    }
  }
  return (path, { readonly, busyMs }) => {
    const connection = new Connection(path, { readonly, fileMustExist: readonly, timeout: busyMs });
    opened(connection);
    return connection;
  };
}

/** The error for a driver that does not load, naming the cure that fits. */
export function bindingError(cause: unknown): NexusError {
  const code = (cause as { code?: unknown } | null)?.code;
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  const cure = missing
    ? 'it is not installed: npm install better-sqlite3'
    : `its native binding is missing or was built for another Node (this is ${process.version}): run npm rebuild better-sqlite3; where install scripts are blocked, allow them for it first (npm: "allowScripts": { "better-sqlite3": true } in package.json)`;
  return new NexusError(
    'NEXUS_SQLITE_BINDING',
    `better-sqlite3 cannot be loaded: ${cure}. Or pass another storage adapter.`,
    { cause },
  );
}

/**
 * Whether the process may abort when a connection or a statement is garbage collected. The objects of version 12 do that
 * on Node 24 when compiled with headers of 24.19 or later (nodejs/node#65446), on 26.0 to 26.3 with those of 26.4
 * (nodejs/node#65262): what they were compiled with does not show, and keeping them costs little.
 */
export function diesOfFreeing(version: string | undefined, node: string): boolean {
  return (version === undefined || major(version) < 13) && major(node) >= 24;
}

/**
 * Version 13 needs Node-API 10; without it, it does not throw but kills the process at the first connection.
 *
 * @throws NexusError NEXUS_SQLITE_BINDING when this version would kill a process with this Node-API.
 */
export function refuseVersion(version: string, napi: number): void {
  if (major(version) < 13 || napi >= 10) return;
  throw new NexusError(
    'NEXUS_SQLITE_BINDING',
    `better-sqlite3 ${version} needs Node-API 10 (Node 22.14 or later); this is Node ${process.version} with Node-API ${napi}. Install better-sqlite3@12, or a later Node.`,
    { details: { version, napi } },
  );
}

function major(version: string): number {
  return Number(version.split('.')[0]);
}

function installedVersion(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url)('better-sqlite3/package.json') as { version?: unknown };
    return typeof manifest.version === 'string' ? manifest.version : undefined;
  } catch {
    // Not installed, or its manifest is hidden: the import itself will say what is wrong.
    return undefined;
  }
}
