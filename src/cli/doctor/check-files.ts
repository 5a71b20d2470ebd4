/** The database, its disk, the file of the nodes, and a database of the host that has an outbox. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createNexus, loadPermissions, loadSqliteDriver, NexusError, sqliteStorage } from '../../index.js';
import { messageOf } from '../message-of.js';
import { showBytes, showDuration } from '../time.js';
import { bad, ok, warn, type Finding } from './finding.js';

type Env = Readonly<Record<string, string | undefined>>;

/** Under the default floor a host takes no events. */
const FLOOR_BYTES = 64 * 1024 * 1024;
const LARGE_WAL_BYTES = 64 * 1_000_000;

export function checkDisk(path: string): Finding[] {
  const wanted = dirname(resolve(path));
  let folder = wanted;
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const cure = 'let this user write it: SQLite needs files beside the database';
    return [bad('disk', `the folder ${folder} cannot be written`, cure)];
  }
  if (folder !== wanted)
    return [
      warn(
        'disk',
        `there is no folder ${wanted} yet`,
        '`nexus serve` makes it; for a host of your own, create it',
      ),
    ];
  const { bavail, bsize, blocks } = statfsSync(folder);
  const [free, size] = [bavail * bsize, blocks * bsize];
  const floor = Math.min(FLOOR_BYTES, size / 8);
  const says = `${showBytes(free)} of ${showBytes(size)} are free for ${folder}`;
  if (free < floor)
    return [bad('disk', says, `a host takes no events under ${showBytes(Math.round(floor))}: free space`)];
  if (free < floor * 4) return [warn('disk', says, 'free space soon')];
  return [ok('disk', says)];
}

/** Looks as a reader does, so it may be in use. */
export async function checkDatabase(
  path: string,
): Promise<{ findings: Finding[]; newest: number | undefined }> {
  if (!existsSync(path))
    return {
      findings: [warn('database', `there is none at ${path} yet`, 'the first host to start makes it')],
      newest: undefined,
    };
  const nexus = createNexus({ storage: sqliteStorage({ path, readonly: true }), logger: false });
  try {
    await nexus.start();
    const stats = await nexus.stats();
    const health = await nexus.health();
    const [event] = (await nexus.events.list({ limit: 1 })).items;
    const { dead, pending, retrying } = stats.deliveries;
    const findings = [
      ok('database', `${path} has the schema of this version; its head is seq ${stats.head}`),
      ...health.reasons.map((reason) =>
        bad('log', reason, 'see docs/operations.md, "When commits were lost"'),
      ),
    ];
    const { walBytes = 0, oldestDueAgeMs } = stats;
    if (walBytes > LARGE_WAL_BYTES)
      findings.push(
        warn(
          'write-ahead log',
          `${path}-wal is ${showBytes(walBytes)}`,
          'look for a connection that holds a read transaction open',
        ),
      );
    if (dead > 0)
      findings.push(
        warn(
          'dead letters',
          `${dead} deliveries are dead`,
          'see `nexus dead list`, then redrive or discard them',
        ),
      );
    if (oldestDueAgeMs > 300_000)
      findings.push(
        warn(
          'backlog',
          `${pending + retrying} deliveries wait, the oldest for ${showDuration(oldestDueAgeMs)}`,
          'is a host running that has these reactors? see `nexus reactors list`',
        ),
      );
    for (const { name, paused, lag } of await nexus.reactors.list())
      if (paused && lag > 0)
        findings.push(
          warn('reactors', `${name} is paused, ${lag} events behind`, `nexus reactors resume ${name}`),
        );
    return { findings, newest: event?.timestamp };
  } catch (error) {
    const code = NexusError.is(error) ? error.code : 'error';
    return {
      findings: [bad('database', `${path}: ${messageOf(error)}`, cures[code] ?? 'see docs/errors.md')],
      newest: undefined,
    };
  } finally {
    await nexus.close();
  }
}

const cures: Readonly<Record<string, string>> = {
  NEXUS_STORAGE_OLDER: 'start a host of this version, or `nexus migrate`',
  NEXUS_STORAGE_NEWER: 'upgrade @neo-protocol/nexus here',
  NEXUS_STORAGE_FOREIGN: 'give Nexus a file of its own',
  NEXUS_STORAGE_CORRUPT: 'stop the hosts and restore a backup',
};

/** The settings that decide what a power cut costs, and `quick_check` where it was asked for. */
export async function checkPragmas(path: string, deep: boolean): Promise<Finding[]> {
  if (!existsSync(path)) return [];
  const db = await openReadonly(path);
  if ('error' in db) return [bad('pragmas', db.error, 'see the message')];
  try {
    const mode = db.pragma('journal_mode');
    const findings = [
      mode === 'delete' && isCopy(db)
        ? ok('pragmas', 'a backup that no host has run yet, which sets its settings')
        : mode === 'wal'
          ? ok(
              'pragmas',
              'journal_mode is wal; a host sets synchronous=FULL on its own connection, and checks it when it opens',
            )
          : bad(
              'pragmas',
              `journal_mode is ${mode}, not wal`,
              'somebody has changed it: stop the hosts, and start one, which sets it',
            ),
    ];
    if (deep) {
      const check = db.pragma('quick_check');
      findings.push(
        check === 'ok'
          ? ok('pages', 'quick_check finds nothing wrong')
          : bad(
              'pages',
              `quick_check: ${check}`,
              'stop the hosts, keep a copy of the files, and restore a backup',
            ),
      );
    }
    return findings;
  } catch (error) {
    return [bad('pragmas', messageOf(error), 'see the message')];
  } finally {
    db.close();
  }
}

function isCopy(db: Looked): boolean {
  return db.meta('copied_at') !== undefined && db.meta('restored_at') === undefined;
}

/** A dispatch through `within` is as durable as the host's own transaction: what `synchronous` says, on the host's connection. */
export async function checkOutbox(path: string): Promise<Finding[]> {
  if (!existsSync(path)) return [bad('outbox', `there is no database at ${path}`, 'say where it is')];
  const db = await openReadonly(path);
  if ('error' in db) return [bad('outbox', db.error, 'see the message')];
  try {
    if (!db.has('nexus_outbox'))
      return [bad('outbox', `${path} has no outbox`, 'call createOutbox(db) once in the host')];
    const mode = db.pragma('journal_mode');
    const waiting = db.count('nexus_outbox');
    const durable =
      'what within(db) says survives a power cut only with `PRAGMA synchronous = FULL` (2) on the connection of the host';
    return [
      mode === 'wal'
        ? warn(
            'outbox',
            `${path}: ${waiting} rows wait; journal_mode is wal, whose usual default on a connection is synchronous=NORMAL (1): the last commits may be undone by a power cut, with their events`,
            `${durable}; NORMAL survives a kill of the process, and never breaks the database`,
          )
        : ok(
            'outbox',
            `${path}: ${waiting} rows wait; journal_mode is ${mode}, whose default is synchronous=FULL (2); ${durable}`,
          ),
    ];
  } catch (error) {
    return [bad('outbox', messageOf(error), 'see the message')];
  } finally {
    db.close();
  }
}

type Looked = {
  pragma(name: string): string;
  has(table: string): boolean;
  meta(key: string): unknown;
  count(table: string): number;
  close(): void;
};
/** With the driver itself: these questions are not of a log. */
async function openReadonly(path: string): Promise<Looked | { readonly error: string }> {
  try {
    const db = (await loadSqliteDriver())(path, { readonly: true, busyMs: 1_000 });
    const first = (sql: string, ...values: string[]): unknown =>
      Object.values((db.prepare(sql).get(...values) ?? {}) as Record<string, unknown>)[0];
    return {
      pragma: (name) => String(first(`PRAGMA ${name}`)),
      has: (table) => first(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`, table) === 1,
      meta: (key) => first('SELECT value FROM nexus_meta WHERE key = ?', key),
      count: (table) => Number(first(`SELECT count(*) FROM "${table}"`)),
      close: () => db.close(),
    };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

export function checkNodes(path: string, env: Env): Finding[] {
  if (!existsSync(path))
    return [
      warn(
        'nodes',
        `there is no file of nodes at ${path}`,
        'say where it is with --nodes; without nodes nobody may say anything over HTTP',
      ),
    ];
  const findings: Finding[] = [];
  try {
    const nodes = loadPermissions(path, env);
    createNexus({ storage: sqliteStorage({ path: ':memory:' }), logger: false, autoStart: false, nodes });
    const names = Object.keys(nodes);
    findings.push(ok('nodes', `${path} is right; it has ${names.length}: ${names.join(', ')}`));
  } catch (error) {
    findings.push(bad('nodes', messageOf(error), 'mend the file, or set the variables'));
  }
  return [...findings, ...checkMode(path, 0o022, 'can be written by others')];
}

export function checkMode(path: string, mask: number, what: string): Finding[] {
  if (process.platform === 'win32' || !existsSync(path)) return [];
  const mode = statSync(path).mode & 0o777;
  if ((mode & mask) === 0) return [];
  const wanted = mode & ~mask;
  return [warn('file modes', `${path} ${what} (${mode.toString(8)})`, `chmod ${wanted.toString(8)} ${path}`)];
}
