/** Loads better-sqlite3, and says what to do where it cannot be loaded. */
import { createRequire } from 'node:module';
import { NexusError } from '../../core/errors.js';
import type { SqliteDriver, SqliteLike } from './sqlite-like.js';

type Constructor = new (
  path: string,
  options: { readonly: boolean; fileMustExist: boolean; timeout: number },
) => SqliteLike;

/** @throws NexusError NEXUS_SQLITE_BINDING */
export async function loadDriver(): Promise<SqliteDriver> {
  refuseDeadlyVersion();
  let Database: Constructor;
  try {
    const loaded = (await import('better-sqlite3')) as unknown as { default: Constructor };
    Database = loaded.default;
    // The binding is loaded by the first connection, not by the import.
    new Database(':memory:', { readonly: false, fileMustExist: false, timeout: 0 }).close();
  } catch (error) {
    throw bindingError(error);
  }
  return (path, { readonly, busyMs }) =>
    new Database(path, { readonly, fileMustExist: readonly, timeout: busyMs });
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

/** Version 13 needs Node-API 10; without it, it does not throw but kills the process at the first connection. */
function refuseDeadlyVersion(): void {
  const version = installedVersion();
  if (version === undefined) return;
  refuseVersion(version, Number(process.versions.napi ?? 0));
}

/** @throws NexusError NEXUS_SQLITE_BINDING when this version would kill a process with this Node-API. */
export function refuseVersion(version: string, napi: number): void {
  if (Number(version.split('.')[0]) < 13 || napi >= 10) return;
  throw new NexusError(
    'NEXUS_SQLITE_BINDING',
    `better-sqlite3 ${version} needs Node-API 10 (Node 22.14 or later); this is Node ${process.version} with Node-API ${napi}. Install better-sqlite3@12, or a later Node.`,
    { details: { version, napi } },
  );
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
