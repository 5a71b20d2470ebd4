/** `nexus health`: whether it works, and its numbers. */
import { reading } from '../database.js';
import { exitCodes } from '../exit-codes.js';
import { createRemote, jsonOf } from '../remote.js';
import { plain, type Terminal } from '../terminal.js';
import { showBytes, showDuration } from '../time.js';
import { databaseOption, defineVerb, hostOption } from '../verb.js';

export const health = defineVerb({
  name: 'health',
  summary: 'Say whether it works, and the numbers of the moment',
  about: `Over HTTP it asks /health/ready, which needs no token; with the token of an admin it has the reasons. The exit code is 0 for ok and
degraded, 1 for down, 5 where nobody answers: so it serves as the check of a container.`,
  over: ['file', 'http'],
  options: { ...databaseOption, ...hostOption },
  examples: [
    { line: 'nexus health', says: 'of the file: backlog, dead letters, sizes' },
    { line: 'nexus health --url http://127.0.0.1:3000', says: 'HEALTHCHECK of a container' },
  ],
  run: async (call) => {
    const { terminal } = call;
    if (call.options.url !== undefined) {
      const response = await createRemote(call).ask('/health/ready');
      const found = await jsonOf(response);
      if (terminal.json) terminal.data(found);
      else showHealth(terminal, found);
      return response.ok ? exitCodes.ok : exitCodes.failed;
    }
    const { health: found, stats } = await reading(call, async (nexus) => ({
      health: await nexus.health(),
      stats: await nexus.stats(),
    }));
    // What only a process can tell of itself would be that of the command line.
    const { head, deliveries, oldestDueAgeMs, databaseBytes, walBytes } = stats;
    const numbers = { head, deliveries, oldestDueAgeMs, databaseBytes, walBytes };
    if (terminal.json) terminal.data({ ...found, ...numbers });
    else {
      showHealth(terminal, { ...found });
      const { pending, retrying, running, dead } = deliveries;
      terminal.table([
        ['head', `seq ${head}`],
        ['deliveries', `${pending} pending, ${retrying} retrying, ${running} running, ${dead} dead`],
        ['oldest due', showDuration(oldestDueAgeMs)],
        ['database', databaseBytes === undefined ? 'unknown' : showBytes(databaseBytes)],
        ['write-ahead log', walBytes === undefined ? 'unknown' : showBytes(walBytes)],
      ]);
    }
    return found.status === 'down' ? exitCodes.failed : exitCodes.ok;
  },
});

function showHealth(terminal: Terminal, { status, reasons }: Readonly<Record<string, unknown>>): void {
  const tone = status === 'ok' ? 'good' : status === 'degraded' ? 'warn' : 'bad';
  terminal.out(terminal.paint(tone, plain(String(status))));
  if (Array.isArray(reasons)) for (const reason of reasons) terminal.out(`  ${plain(String(reason))}`);
  else if (typeof reasons === 'number' && reasons > 0)
    terminal.out(`  ${reasons} reasons, which an admin's token would show`);
}
