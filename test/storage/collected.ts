/** Opens and drops Nexuses, two at a time on one file, until their garbage has been collected again and again. */
import { createNexus } from '../../src/create-nexus.js';

const [file = ''] = process.argv.slice(2);

for (let round = 0; round < 25; round++) {
  const hosts = [1, 2].map(() => createNexus({ storage: file, logger: false }));
  for (const nexus of hosts) {
    nexus.onEvent('A', { name: 'a' }, () => undefined);
    const { id } = await nexus.dispatch('A', { round });
    await nexus.settled(id);
    await nexus.events.list({ type: 'A' });
  }
  for (const nexus of hosts) await nexus.close();
  // Collections that are asked for (gc) abort nothing; those that come of allocating do.
  for (let n = 0, garbage: object[] = []; n < 20_000; n++) garbage.push({ n, garbage: [n] });
  await new Promise((resolve) => setTimeout(resolve, 1));
}
process.stdout.write('ended by itself');
