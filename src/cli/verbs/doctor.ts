/** `nexus doctor`: looks at everything a host stands on. */
import { pathOf } from '../database.js';
import {
  checkDatabase,
  checkDisk,
  checkMode,
  checkNodes,
  checkOutbox,
  checkPragmas,
} from '../doctor/check-files.js';
import { checkClock, checkDriver, checkNode, checkPort } from '../doctor/check-runtime.js';
import { bad, ok, type Finding } from '../doctor/finding.js';
import { exitCodes, usageError } from '../exit-codes.js';
import { messageOf } from '../message-of.js';
import { nodesOption, nodesPath } from '../nodes-file.js';
import { createRemote, jsonOf } from '../remote.js';
import type { Cell } from '../terminal.js';
import { databaseOption, defineVerb, hostOption } from '../verb.js';

export const doctor = defineVerb({
  name: 'doctor',
  summary: 'Look at everything a host stands on, and say what to do',
  about: `Node, the SQLite driver, the database and its settings, the disk, the clock, the file of the nodes, the port; with --url a running
host as well. It changes nothing. The exit code is 1 where something is bad; warnings do not change it.`,
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    ...nodesOption,
    outbox: {
      kind: 'file',
      value: 'file',
      many: true,
      help: 'A database of the host that has an outbox: says what its synchronous means',
    },
    port: {
      kind: 'whole',
      value: 'port',
      env: 'PORT',
      help: 'Whether this port is free, or a Nexus is on it',
    },
    host: {
      kind: 'text',
      value: 'host',
      env: 'HOST',
      otherwise: '127.0.0.1',
      help: 'The address for --port',
    },
    deep: { kind: 'flag', help: 'Read every page of the database too (quick_check)' },
  },
  examples: [
    { line: 'nexus doctor', says: 'before the first start' },
    { line: 'nexus doctor --deep --outbox shop.db --json', says: 'all there is, for a program' },
  ],
  run: async (call) => {
    const { options, terminal, env } = call;
    const { port, host = '127.0.0.1' } = options;
    if (port !== undefined && (port < 1 || port > 65_535)) throw usageError('--port must be from 1 to 65535');
    const path = pathOf(call);
    const driver = await checkDriver();
    // Without the driver nothing can be said of files.
    const loads = driver.state === 'ok';
    const database = loads ? await checkDatabase(path) : { findings: [], newest: undefined };
    const variables = options['env-file'];
    const findings: Finding[] = [
      checkNode(),
      driver,
      ...checkDisk(path),
      ...database.findings,
      ...(loads ? await checkPragmas(path, options.deep) : []),
      ...(loads ? (await Promise.all(options.outbox.map(checkOutbox))).flat() : []),
      checkClock(Date.now(), database.newest),
      ...checkNodes(nodesPath(call), env),
      ...checkMode(path, 0o007, 'has payloads, and is open to everybody'),
      ...(variables === undefined
        ? []
        : checkMode(variables, 0o077, 'holds secrets, and others may read it')),
      ...(port === undefined ? [] : [await checkPort(port, host)]),
      ...(options.url === undefined ? [] : [await checkHost(call)]),
    ];
    if (terminal.json) for (const finding of findings) terminal.data(finding);
    else {
      terminal.table(
        findings.map(({ about, state, says, cure }): Cell[] => [
          { tone: state === 'ok' ? 'good' : state, text: state },
          about,
          cure === undefined ? says : `${says} → ${cure}`,
        ]),
      );
    }
    return findings.some(({ state }) => state === 'bad') ? exitCodes.failed : exitCodes.ok;
  },
});

async function checkHost(call: Parameters<typeof createRemote>[0]): Promise<Finding> {
  try {
    const response = await createRemote(call).ask('/health/ready');
    const { status, reasons, head } = await jsonOf(response);
    const date = Date.parse(response.headers.get('date') ?? '');
    const skewMs = Number.isNaN(date) ? 0 : Math.abs(Date.now() - date);
    if (skewMs > 60_000)
      return bad(
        'host',
        `its clock is ${Math.round(skewMs / 1_000)} s off ours`,
        'set both (NTP): Standard Webhooks take 300 s at most',
      );
    const says = `${String(call.options.url)} is ${String(status)}, head ${String(head)}`;
    if (response.ok) return ok('host', says);
    return bad('host', says, `see its reasons (${JSON.stringify(reasons)})`);
  } catch (error) {
    return bad('host', messageOf(error), 'is it running, and is --url right?');
  }
}
