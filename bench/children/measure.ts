/** One measurement, in a process of its own: `{ "kind", "file", "events", "inFlight", … }` as its argument. */
import { bareGroupCommit, nexusEndToEnd } from '../end-to-end.js';
import type { Measured, Task } from '../measure.js';

const task = JSON.parse(process.argv[2] ?? '{}') as Task & { file: string };
const { kind, file, events, inFlight, ...company } = task;
const perSecond =
  kind === 'bare'
    ? bareGroupCommit(file, events, inFlight)
    : await nexusEndToEnd(file, events, inFlight, company);
const { user, system } = process.cpuUsage();
const measured: Measured = {
  perSecond,
  cpuSeconds: (user + system) / 1e6,
  memoryMb: process.memoryUsage().rss / 2 ** 20,
};
process.stdout.write(JSON.stringify(measured));
