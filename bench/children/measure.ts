/** One measurement, in a process of its own: `{ "kind", "file", "events", "inFlight", … }` as its argument. */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { verifiedPerSecond } from '../audit.js';
import { bareGroupCommit, nexusEndToEnd } from '../end-to-end.js';
import type { Measured, Task } from '../measure.js';

const task = JSON.parse(process.argv[2] ?? '{}') as Task & { file: string };
const { kind, file, events, inFlight, ...company } = task;

/** The same program, but nothing is hashed. */
function withoutHashing(): void {
  const constant = 'ab'.repeat(32);
  Object.assign(crypto, { hash: () => constant });
  syncBuiltinESMExports();
}

async function run(): Promise<Measured> {
  if (kind === 'verify') return await verifiedPerSecond(file, events);
  if (kind === 'unhashed') withoutHashing();
  const perSecond =
    kind === 'bare'
      ? bareGroupCommit(file, events, inFlight)
      : await nexusEndToEnd(file, events, inFlight, company);
  const { user, system } = process.cpuUsage();
  return { perSecond, cpuSeconds: (user + system) / 1e6, memoryMb: process.memoryUsage().rss / 2 ** 20 };
}

process.stdout.write(JSON.stringify(await run()));
