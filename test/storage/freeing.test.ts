/** Where nothing that the driver made may be freed, nothing is, and only so much is made. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { sqliteStorage, type SqliteLike } from '../../src/storage/sqlite/index.js';
import { diesOfFreeing } from '../../src/storage/sqlite/load-driver.js';
import { openDatabase } from '../support/database.js';

function filePath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-freeing-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'nexus.db');
}

it('garbage collection ends no process that has dropped a Nexus', { timeout: 60_000 }, () => {
  const child = fileURLToPath(new URL('./collected.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', child, filePath()], {
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: 'ended by itself' });
});

it.each([
  ['12.11.1', '24.19.0', true],
  ['12.11.1', '24.18.0', true],
  ['12.11.1', '26.3.0', true],
  [undefined, '24.19.0', true],
  ['12.11.1', '22.23.2', false],
  ['12.11.1', '20.19.0', false],
  ['13.2.0', '24.19.0', false],
])('version %s on Node %s: %s', (version, node, dies) => {
  expect(diesOfFreeing(version, node)).toBe(dies);
});

it('looking after other instances opens no connection each time', async () => {
  const path = filePath();
  const opened: SqliteLike[] = [];
  const storages = ['a', 'b', 'c'].map((instance) => {
    const storage = sqliteStorage({
      path,
      driver: (file, options) => {
        const connection = openDatabase(file, options);
        opened.push(connection);
        return connection;
      },
    });
    return { storage, instance };
  });
  const [first] = storages;
  for (const { storage, instance } of storages)
    await storage.open({ instance, leaseMs: 60_000, mode: 'run' });
  await first?.storage.recover({ limit: 1 });
  const before = opened.length;
  for (let n = 0; n < 20; n++)
    expect(await first?.storage.recover({ limit: 1 })).toEqual({ recovered: [], more: false });
  expect(opened.length).toBe(before);
  for (const { storage } of storages) await storage.close();
});

it('a connection prepares a text once, however much is asked for', async () => {
  const texts = new Set<string>();
  let prepared = 0;
  const storage = sqliteStorage({
    path: ':memory:',
    driver: (file, options) => {
      const connection = openDatabase(file, options);
      const made = new Set<object>();
      const prepare = connection.prepare.bind(connection);
      connection.prepare = (sql) => {
        const statement = prepare(sql);
        texts.add(sql);
        made.add(statement);
        prepared = made.size;
        return statement;
      };
      return connection;
    },
  });
  await storage.open({ instance: 'a', leaseMs: 60_000, mode: 'run' });
  const ask = async (n: number): Promise<void> => {
    const many = Array.from({ length: n }, (_, i) => `x${i}`);
    await storage.read.events({ types: many, limit: 10 });
    await storage.read.eventsById(many);
    await storage.read.deliveries({ states: many.map(() => 'dead'), limit: 10 });
  };
  await ask(1);
  const before = texts.size;
  for (let n = 2; n < 50; n++) await ask(n);
  expect(texts.size).toBe(before);
  expect(prepared).toBe(before);
  await storage.close();
});
