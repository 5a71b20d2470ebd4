import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus } from '../../src/nexus.js';
import { createOutbox } from '../../src/storage/sqlite/index.js';
import { record } from '../support/bus.js';
import { connect, folder, logged, transaction, waiting } from './support.js';

async function onFile(path = join(folder(), 'nexus.db')): Promise<{ nexus: Nexus; path: string }> {
  const nexus = createNexus({ storage: path, logger: false });
  onTestFinished(async () => {
    await nexus.close({ timeoutMs: 0 });
  });
  await nexus.start();
  return { nexus, path };
}

describe('tables of the host in the file of Nexus', () => {
  it('commit with their events', async () => {
    const { nexus, path } = await onFile();
    const db = connect(path, 5_000);
    db.exec('CREATE TABLE orders (n INTEGER PRIMARY KEY)');
    createOutbox(db);
    const got: unknown[] = [];
    nexus.onEvent('A', { name: 'r' }, ({ n }) => void got.push(n));
    for (let n = 1; n <= 20; n++) {
      const work = (): void => {
        db.prepare('INSERT INTO orders VALUES (?)').run(n);
        nexus.within(db).dispatch('A', { n });
        if (n % 3 === 0) throw new Error('no');
      };
      if (n % 3 === 0) expect(() => transaction(db, work)).toThrow('no');
      else transaction(db, work);
    }
    await nexus.idle();
    const orders = (db.prepare('SELECT n FROM orders ORDER BY n').all() as { n: number }[]).map(({ n }) => n);
    expect(await logged(nexus)).toEqual(orders);
    expect(got.sort((a, b) => Number(a) - Number(b))).toEqual(orders);
    expect(waiting(db)).toBe(0);
    const again = await onFile(path);
    again.nexus.within(connect(path, 5_000));
    await again.nexus.idle();
    expect(await logged(again.nexus)).toEqual(orders);
  });

  it(
    'may be written for seconds: what is dispatched meanwhile waits, and nothing is refused',
    { timeout: 30_000 },
    async () => {
      const { nexus, path } = await onFile();
      const db = connect(path, 5_000);
      createOutbox(db);
      const dead = record(nexus, 'delivery:dead', 'outbox:refused');
      let handled = 0;
      nexus.onEvent('A', { name: 'r' }, () => void (handled += 1));
      await nexus.dispatch('A', { n: 0 });
      db.exec('BEGIN IMMEDIATE');
      nexus.within(db).dispatch('A', { n: 1 });
      const answers = Promise.all(Array.from({ length: 50 }, (_, i) => nexus.dispatch('A', { n: i + 2 })));
      // How long it lasts is what is tested here.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      db.exec('COMMIT');
      expect((await answers).every(({ duplicate }) => !duplicate)).toBe(true);
      await nexus.idle();
      expect((await logged(nexus)).sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 52 }, (_, n) => n),
      );
      expect([handled, dead, waiting(db)]).toEqual([52, [], 0]);
      expect(await nexus.health()).toMatchObject({ status: 'ok' });
    },
  );
});
