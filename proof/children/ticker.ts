/** A host process of the schedule proof: keeps two schedules until it is killed, or told to close. */
import { createInterface } from 'node:readline';
import { createNexus } from '../../src/create-nexus.js';

const [file = ''] = process.argv.slice(2);
const nexus = createNexus({ storage: file, logger: false });
nexus.schedule({ everyMs: 100 }, 'EACH', (tickAt) => ({ tickAt }), { name: 'each', missed: 'catchUp' });
nexus.schedule({ everyMs: 250 }, 'SOME', (tickAt) => ({ tickAt }), { name: 'some' });
await nexus.start();
process.stdout.write('{"ready":true}\n');

createInterface({ input: process.stdin }).on('line', () => {
  nexus.close().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
