/** A host process of the crash proof: dispatches without pause, fails at random, has children; tells its parent what was acknowledged. */
import { createNexus } from '../../src/create-nexus.js';

const [file = '', mode = 'work'] = process.argv.slice(2);
const started = performance.now();
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const nexus = createNexus({ storage: file, logger: false });
let first = true;
nexus.on('delivery:started', () => {
  if (first) tell({ firstDeliveryMs: performance.now() - started });
  first = false;
});
nexus.onEvent(
  'WORK',
  { name: 'flaky', retry: { initialMs: 20, maxMs: 100, maxAttempts: 1_000 } },
  async () => {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    if (Math.random() < 0.2) throw new Error('at random');
  },
);
nexus.onEvent('WORK', { name: 'parent' }, (payload, ctx) => {
  ctx.dispatch('CHILD', { of: payload.n });
});
nexus.onEvent('CHILD', { name: 'child' }, () => undefined);
await nexus.start();

if (mode === 'drain') {
  for (;;) {
    await nexus.idle();
    const { deliveries } = await nexus.stats();
    if (deliveries.pending + deliveries.running === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  tell({ drained: true });
  await nexus.close();
} else {
  for (let n = 0; ; n++) {
    void nexus.dispatch('WORK', { n: `${process.pid}-${n}` }).then(({ id }) => tell({ id }));
    // About 600 events a second.
    if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
