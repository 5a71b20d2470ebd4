/** A host process of the stale-owner proof: holds slow deliveries under a short lease. Takes commands on standard input. */
import { createInterface } from 'node:readline';
import { createNexus } from '../../src/create-nexus.js';

const [file = ''] = process.argv.slice(2);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const nexus = createNexus({ storage: file, logger: false, leaseMs: 300 });
const release: (() => void)[] = [];

nexus.onEvent('SLOW', { name: 'slow', timeoutMs: 600_000 }, async (payload, ctx) => {
  tell({ started: payload.n });
  await new Promise<void>((resolve) => release.push(resolve));
  ctx.dispatch('SLOW_DONE', { by: process.pid });
});
nexus.onEvent('PING', { name: 'ping' }, (payload) => tell({ pong: payload.n }));
await nexus.start();
tell({ ready: true });

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, argument] = line.split(' ');
  if (command === 'dispatch') void nexus.dispatch('SLOW', { n: argument });
  if (command === 'ping') void nexus.dispatch('PING', { n: argument });
  if (command === 'release') {
    for (const each of release.splice(0)) each();
    setTimeout(() => tell({ released: true }), 30);
  }
});
