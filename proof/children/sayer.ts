/** A host process of the bit-flip proof: dispatches in waves, tells every `seq` that was acknowledged, and waits to be killed. */
import { createNexus } from '../../src/create-nexus.js';

const [file = '', events = '0'] = process.argv.slice(2);
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const nexus = createNexus({ storage: file, logger: false });
nexus.onEvent('A', { name: 'reader' }, () => undefined);

let left = Number(events);
while (left > 0) {
  const wave = Math.min(left, 1 + Math.floor(Math.random() * 4));
  left -= wave;
  const told = await Promise.all(
    Array.from({ length: wave }, (_, n) =>
      nexus.dispatch('A', { n, text: 'x'.repeat(Math.random() * 3_000) }),
    ),
  );
  tell({ seqs: told.map(({ seq }) => seq) });
}
tell({ done: true });
setInterval(() => undefined, 1_000);
