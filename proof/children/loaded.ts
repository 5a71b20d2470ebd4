/** A host process of the full-disk proof: dispatches without pause, works off, deletes what is finished; tells its parent all of it. */
import { createInterface } from 'node:readline';
import { NonRetryableError, NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import { sqliteStorage, type SqliteLike } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../../test/support/database.js';

const [file = ''] = process.argv.slice(2);
const tell = (line: object): void =>
  void process.stdout.write(`${JSON.stringify({ at: Date.now(), ...line })}\n`);
let connection: SqliteLike | undefined;
const nexus = createNexus({
  logger: false,
  storage: sqliteStorage({
    path: file,
    driver: (path, how) => {
      const db = openDatabase(path, how);
      if (path === file) connection = db;
      return db;
    },
  }),
});
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

/** A small step of retention: some dead letters are let go, some finished deliveries deleted, and the file is checkpointed. */
const retain = async (): Promise<object> => {
  const { discarded } = await nexus.deadLetters.discard({ limit: 1 });
  const { redriven } = await nexus.deadLetters.redrive({ limit: 5 });
  const deleted = connection
    ?.prepare(
      `DELETE FROM nexus_deliveries WHERE (reactor, run, seq) IN (SELECT reactor, run, seq FROM nexus_deliveries WHERE state IN (2, 4) LIMIT 100)`,
    )
    .run().changes;
  const checkpoint = connection?.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
  return { discarded, redriven, deleted, checkpoint };
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
    await nexus.close();
    process.exit(0);
  };
  drain().catch((error: unknown) => tell({ failed: String(error) }));
});
