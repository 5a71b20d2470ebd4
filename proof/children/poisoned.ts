/** A host whose handler kills its process on one event. */
import { createNexus } from '../../src/create-nexus.js';

const [file = '', mode = ''] = process.argv.slice(2);
const nexus = createNexus({ storage: file, logger: false });
nexus.onEvent('A', { name: 'r', from: 'beginning' }, async (payload) => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  if (payload.poison === true) process.kill(process.pid, 'SIGKILL');
});
if (mode === 'first')
  await nexus.dispatchMany(
    Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { poison: n === 500 } })),
  );
await nexus.idle();
await nexus.close();
