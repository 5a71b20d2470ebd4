/** A host process of the several-processes proof. Its role says what it registers; it dispatches its share and drains on request. */
import { createInterface } from 'node:readline';
import { createNexus } from '../../src/create-nexus.js';

const [file = '', role = '', share = '0'] = process.argv.slice(2);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const nexus = createNexus({ storage: file, logger: false });
nexus.on('reactor:superseded', ({ reactor }) => tell({ superseded: reactor }));

const see = (reactor: string) => (_: unknown, ctx: { event: { seq: number } }) =>
  void handled.push([reactor, ctx.event.seq]);
const handled: [string, number][] = [];

if (role === 'equal') nexus.onEvent(['A', 'B'], { name: 'shared' }, see('shared'));
if (role === 'other') nexus.onEvent('A', { name: 'other' }, see('other'));
if (role === 'old') nexus.onEvent('A', { name: 'rolling' }, see('rolling'));
if (role === 'new') nexus.onEvent(['A', 'B'], { name: 'rolling' }, see('rolling'));
await nexus.start();
await nexus.reactors.list();
tell({ ready: true });

createInterface({ input: process.stdin }).on('line', (line) => {
  const work = async (): Promise<void> => {
    if (line === 'go') {
      const total = Number(share);
      const group = 50;
      for (let n = 0; n < total; n += group) {
        await Promise.all(
          Array.from({ length: Math.min(group, total - n) }, (_, i) =>
            nexus.dispatch((n + i) % 2 ? 'B' : 'A', { n: n + i }),
          ),
        );
      }
      tell({ dispatched: total });
    }
    if (line === 'drain') {
      const settle = async (): Promise<boolean> => {
        await nexus.idle();
        const { deliveries, head } = await nexus.stats();
        const rows = await nexus.reactors.list();
        return (
          deliveries.pending + deliveries.running === 0 &&
          rows.every(({ position, here }) => here !== 'running' || position === head)
        );
      };
      while (!(await settle())) await new Promise((resolve) => setTimeout(resolve, 50));
      tell({ drained: true, handled });
    }
    if (line === 'close') {
      await nexus.close();
      process.exit(0);
    }
  };
  work().catch((error: unknown) => tell({ failed: String(error) }));
});
