/** Node, the SQLite driver, the clock, and whether a port is free. */
import { createServer } from 'node:net';
import { createNexus, sqliteStorage } from '../../index.js';
import { messageOf } from '../message-of.js';
import { bad, ok, type Finding } from './finding.js';

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', `Node ${version}`);
  return bad('node', `Node ${version} is too old`, 'install Node 20.19 or newer');
}

/** Opened in memory: whether the driver loads, and does what it should. */
export async function checkDriver(): Promise<Finding> {
  const nexus = createNexus({ storage: sqliteStorage({ path: ':memory:' }), logger: false });
  try {
    await nexus.start();
    return ok('sqlite', 'the driver loads and works');
  } catch (error) {
    return bad('sqlite', messageOf(error), 'install or rebuild better-sqlite3 as the message says');
  } finally {
    await nexus.close();
  }
}

/** Nobody's clock can be trusted by itself; one that is behind what was logged is wrong for sure. */
export function checkClock(now: number, newest: number | undefined): Finding {
  const date = new Date(now).toISOString();
  if (now < Date.UTC(2024, 0))
    return bad('clock', `the clock says ${date}`, 'set it (NTP): signatures, leases and schedules go by it');
  if (newest !== undefined && newest > now + 60_000)
    return bad(
      'clock',
      `the newest event is of ${new Date(newest).toISOString()}, but the clock says ${date}`,
      'set the clock (NTP), here or where that event was said',
    );
  return ok('clock', date);
}

export async function checkPort(port: number, host: string): Promise<Finding> {
  const taken = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (taken === undefined) return ok('port', `${host}:${port} is free`);
  const live = await fetch(`http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}/health/live`, {
    signal: AbortSignal.timeout(2_000),
  }).catch(() => undefined);
  if (live?.ok) return ok('port', `${host}:${port} is taken, by something that answers as a Nexus does`);
  return bad(
    'port',
    `${host}:${port} cannot be listened on (${taken})`,
    'choose another with PORT, or stop what holds it',
  );
}
