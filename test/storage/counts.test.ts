import { expect, it } from 'vitest';
import { createCounts } from '../../src/storage/sqlite/counts.js';
import { openDatabase } from '../support/database.js';

it('counts deliveries in pieces that leave the event loop free, over runs and reactors', async () => {
  const db = openDatabase(':memory:');
  db.exec(`
    CREATE TABLE nexus_reactors (key INTEGER PRIMARY KEY);
    CREATE TABLE nexus_deliveries (reactor INTEGER, run INTEGER, seq INTEGER, state INTEGER,
      PRIMARY KEY (reactor, run, seq)) WITHOUT ROWID;
    INSERT INTO nexus_reactors VALUES (1), (2);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
    INSERT INTO nexus_deliveries
      SELECT 1, 0, i, i % 5 FROM n UNION ALL SELECT 1, 1, i, 2 FROM n UNION ALL SELECT 2, 0, i, 0 FROM n WHERE i <= 20000;
  `);
  let turns = 0;
  const tick = (): void => {
    turns += 1;
    immediate = setImmediate(tick);
  };
  let immediate = setImmediate(tick);
  const one = await createCounts(db)(1);
  const all = await createCounts(db)();
  clearImmediate(immediate);
  expect(one).toEqual({ pending: 6_000, running: 6_000, succeeded: 36_000, dead: 6_000, cancelled: 6_000 });
  expect(all).toEqual({ ...one, pending: 26_000 });
  expect(turns).toBeGreaterThanOrEqual(6);
  db.close();
});
