/**
 * A host process of the full-disk proof. First as of an hour ago, for something that retention is to remove; then it
 * dispatches without pause, works off, keeps deliveries for a minute, lets dead letters go; it tells its parent all of it.
 */
import { createInterface } from 'node:readline';
import { NonRetryableError, NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import { systemClock } from '../../src/options.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../../test/support/database.js';

const [file = ''] = process.argv.slice(2);
const tell = (line: object): void =>
  void process.stdout.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);

const OLD_EVENTS = 5_000;
const now = (): number => Date.now() - 3_600_000;
const earlier = createNexus({
  logger: false,
  storage: sqliteStorage({ path: file, clock: { ...systemClock, now } }),
  clock: { ...systemClock, now },
});
earlier.onEvent('A', { name: 'work' }, () => undefined);
await earlier.start();
for (let i = 0; i < OLD_EVENTS; i += 1_000)
  await earlier.dispatchMany(
    Array.from({ length: 1_000 }, (_, n) => ({ type: 'A', payload: { n: i + n, text: '' } })),
  );
await earlier.idle();
await earlier.close();

const reading = openDatabase(file, { readonly: true });
const old = reading.prepare('SELECT count(*) AS n FROM nexus_deliveries WHERE seq <= ?');
const nexus = createNexus({ logger: false, storage: file, retention: { succeededMs: 60_000 } });
nexus.onEvent('A', { name: 'work', retry: { initialMs: 200, maxMs: 1_000 } }, async ({ n }) => {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 100));
  if (typeof n === 'number' && n % 20 === 0) throw new NonRetryableError('never');
  if (Math.random() < 0.1) throw new Error('at random');
});
let settled = 0;
nexus.on('delivery:succeeded', () => void (settled += 1));
await nexus.start();

let loading = true;
let said = 0;
const say = (): void => {
  const calledAt = Date.now();
  nexus.dispatch('A', { n: ++said, text: 'x'.repeat(Math.random() * 1_000) }).then(
    ({ id }) => tell({ id, calledAt }),
    (error: unknown) => tell({ refused: NexusError.is(error) ? error.code : String(error), calledAt }),
  );
};
const load = setInterval(() => {
  for (let i = 0; i < 3; i++) say();
}, 5);

/** What an operator does meanwhile, and how much of the old there still is. */
const retain = async (): Promise<object> => {
  const { discarded } = await nexus.deadLetters.discard({ limit: 1 });
  const { redriven } = await nexus.deadLetters.redrive({ limit: 5 });
  return { discarded, redriven, old: (old.get(OLD_EVENTS) as { n: number }).n };
};
const retaining = setInterval(() => {
  const stepsSettled = settled;
  settled = 0;
  retain().then(
    (step) => tell({ step, settled: stepsSettled }),
    (error: unknown) => tell({ step: { failed: String(error) }, settled: stepsSettled }),
  );
}, 250);

createInterface({ input: process.stdin }).on('line', () => {
  clearInterval(load);
  clearInterval(retaining);
  if (!loading) return;
  loading = false;
  const drain = async (): Promise<void> => {
    for (;;) {
      await nexus.idle();
      const { deliveries } = await nexus.stats();
      if (deliveries.pending + deliveries.running === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    tell({ drained: true, health: await nexus.health() });
    reading.close();
    await nexus.close();
    process.exit(0);
  };
  drain().catch((error: unknown) => tell({ failed: String(error) }));
});
