/** For the durability proof: one dispatch after another, a marker after each that was acknowledged. */
import { writeSync } from 'node:fs';
import { createNexus } from '../../src/create-nexus.js';

const [file = '', count = '0'] = process.argv.slice(2);
const nexus = createNexus({ storage: file, logger: false });
await nexus.start();
writeSync(1, 'MARK ready\n');
for (let n = 0; n < Number(count); n++) {
  await nexus.dispatch('A', { n });
  writeSync(1, `MARK ${n}\n`);
}
await nexus.close();
