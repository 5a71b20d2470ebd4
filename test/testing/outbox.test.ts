import { expect, it, onTestFinished } from 'vitest';
import { createOutbox } from '../../src/index.js';
import { createTestNexus, type TestNexus } from '../../src/testing/index.js';
import { openDatabase } from '../support/database.js';

function start(): { t: TestNexus; db: ReturnType<typeof openDatabase> } {
  const t = createTestNexus();
  const db = openDatabase(':memory:');
  createOutbox(db);
  onTestFinished(async () => {
    await t.close();
    db.close();
  });
  return { t, db };
}

it('drain waits for what was said in a transaction of the host, also when nothing else stirs', async () => {
  const { t, db } = start();
  const outbox = t.nexus.within(db);
  await t.drain();
  for (let n = 1; n <= 3; n++) {
    outbox.dispatch('SAID', { n });
    await t.drain();
    expect(t.dispatched().map(({ payload }) => payload.n)).toHaveLength(n);
  }
});

it('the process that comes after a crash moves what waits in the database of the host', async () => {
  const { t, db } = start();
  const outbox = t.nexus.within(db);
  await t.drain();
  t.crashAfter('append');
  outbox.dispatch('SAID', { n: 1 });
  db.exec('BEGIN');
  await t.drain();
  outbox.dispatch('SAID', { n: 2 });
  db.exec('COMMIT');
  await t.advance('5s');
  expect(t.crashes).toBe(1);
  expect(t.dispatched().map(({ payload }) => payload.n)).toEqual([1, 2]);
});
