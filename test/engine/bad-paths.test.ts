import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import { openDatabase } from '../support/database.js';

async function refused(work: () => unknown): Promise<NexusError> {
  try {
    await work();
  } catch (error) {
    if (NexusError.is(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a path that cannot be used', () => {
  type Case = { code: string; message: RegExp; make: (path: string) => void; cure: (path: string) => void };
  const remove = (path: string): void => rmSync(path, { recursive: true, force: true });
  const cases: Record<string, Case> = {
    'in a folder that is not there': {
      code: 'NEXUS_STORAGE',
      message: /create the folder first/,
      make: () => undefined,
      cure: (path) => mkdirSync(dirname(path)),
    },
    'below a file': {
      code: 'NEXUS_STORAGE',
      message: /ENOTDIR.*give a path that this process may read and write|an existing, writable folder/,
      make: (path) => writeFileSync(dirname(path), 'text'),
      cure: (path) => {
        remove(dirname(path));
        mkdirSync(dirname(path));
      },
    },
    'of a folder': {
      code: 'NEXUS_STORAGE',
      message: /is not a file but a folder; give the path of a file/,
      make: (path) => mkdirSync(path, { recursive: true }),
      cure: remove,
    },
    'of a text file': {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /is not a SQLite database; it was left untouched/,
      make: (path) => {
        mkdirSync(dirname(path));
        writeFileSync(path, 'notes\n'.repeat(100));
      },
      cure: remove,
    },
    "of another application's database": {
      code: 'NEXUS_STORAGE_FOREIGN',
      message: /the database of another application; it was left untouched/,
      make: (path) => {
        mkdirSync(dirname(path));
        const db = openDatabase(path);
        db.exec('PRAGMA journal_mode = WAL; CREATE TABLE orders (id)');
        db.close();
      },
      cure: remove,
    },
  };

  it.each(Object.entries(cases))(
    '%s: told at every call, nothing made, and start works once it is cured',
    async (_what, each) => {
      const root = mkdtempSync(join(tmpdir(), 'nexus-bad-'));
      onTestFinished(() => remove(root));
      const path = join(root, 'data', 'nexus.db');
      each.make(path);
      const before = tree(root);
      const nexus = createNexus({ storage: path, logger: false });
      onTestFinished(async () => {
        await nexus.close({ timeoutMs: 0 });
      });
      const seen: unknown[] = [];
      const failed = new Promise((resolve) => nexus.on('storage:error', resolve));
      nexus.onEvent('A', ({ n }) => void seen.push(n));
      expect(await failed).toMatchObject({ retrying: false, error: { code: each.code } });
      for (const call of [() => nexus.start(), () => nexus.dispatch('A', { n: 1 }), () => nexus.stats()]) {
        const error = await refused(call);
        expect(error.code).toBe(each.code);
        expect(error.message).toMatch(each.message);
        expect(error.message).toContain(path);
      }
      expect(await nexus.health()).toMatchObject({ status: 'down' });
      expect(tree(root)).toEqual(before);
      each.cure(path);
      await nexus.start();
      const { id, seq } = await nexus.dispatch('A', { n: 2 });
      await nexus.settled(id);
      expect([seq, seen]).toEqual([1, [2]]);
      expect((await nexus.health()).status).toBe('ok');
    },
  );

  it.each([
    ['a device', '/dev/null', 'NEXUS_STORAGE', /is not a file but a special file/],
    ['a name that is too long', join(tmpdir(), 'x'.repeat(300)), 'NEXUS_STORAGE', /may read and write/],
    ['a NUL', join(tmpdir(), 'a\0b'), 'NEXUS_STORAGE', /may read and write/],
  ])('of %s', async (_what, storage, code, message) => {
    const nexus = createNexus({ storage, logger: false });
    const error = await refused(() => nexus.start());
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    await nexus.close();
  });

  it('leaves no file behind when nothing was ever started', async () => {
    const root = mkdtempSync(join(tmpdir(), 'nexus-idle-'));
    onTestFinished(() => remove(root));
    const nexus = createNexus({ storage: join(root, 'nexus.db'), logger: false, autoStart: false });
    nexus.onEvent('A', () => undefined);
    await refused(() => nexus.dispatch('a b', {}));
    await nexus.close();
    expect(readdirSync(root)).toEqual([]);
  });
});

/** Every file below, with its content. */
function tree(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, entry.isFile() ? readFileSync(path).toString('base64') : 'folder'];
    }),
  );
}
