import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeSqliteDriver } from '../../src/storage/sqlite/node-sqlite.js';
import { bindingError, refuseVersion } from '../../src/storage/sqlite/load-driver.js';

describe("Node's own SQLite", () => {
  const driver = nodeSqliteDriver();
  const from2216 = driver ? it : it.skip;

  from2216(
    'names its errors as better-sqlite3 does, for they decide what happens (skipped below Node 22.16)',
    () => {
      const open = driver!;
      const folder = mkdtempSync(join(tmpdir(), 'nexus-driver-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const path = join(folder, 'a.db');
      const one = open(path, { readonly: false, busyMs: 0 });
      one.exec('CREATE TABLE t (a UNIQUE); BEGIN IMMEDIATE');
      const two = open(path, { readonly: false, busyMs: 0 });
      const other = open(path, { readonly: true, busyMs: 0 });
      const code = (work: () => unknown): unknown => {
        try {
          return work();
        } catch (error) {
          return (error as { code?: unknown }).code;
        }
      };
      expect(code(() => two.exec('BEGIN IMMEDIATE'))).toBe('SQLITE_BUSY');
      expect(code(() => other.exec('DELETE FROM t'))).toBe('SQLITE_READONLY');
      expect(code(() => one.exec('INSERT INTO t VALUES (1), (1)'))).toBe('SQLITE_CONSTRAINT_8');
      expect(code(() => open(join(folder, 'no', 'b.db'), { readonly: false, busyMs: 0 }))).toBe(
        'SQLITE_CANTOPEN',
      );
      expect(one.inTransaction).toBe(true);
      one.exec('ROLLBACK');
      expect([
        one.inTransaction,
        one.prepare('SELECT 1 AS n').get(),
        one.prepare('SELECT a FROM t').get(),
      ]).toEqual([false, { n: 1 }, undefined]);
      for (const each of [one, two, other]) each.close();
      one.close();
      expect([one.open, one.inTransaction]).toEqual([false, false]);
    },
  );
});

describe('the driver', () => {
  it.each([
    ['13.2.0', 9, true],
    ['14.0.0', 9, true],
    ['13.2.0', 10, false],
    ['12.11.1', 9, false],
    ['12.11.1', 0, false],
  ])('%s is refused with Node-API %i: %s', (version, napi, refused) => {
    const work = (): void => refuseVersion(version, napi);
    if (!refused) return expect(work).not.toThrow();
    expect(work).toThrow(
      expect.objectContaining({
        code: 'NEXUS_SQLITE_BINDING',
        message: expect.stringMatching(
          /needs Node-API 10 .*Install better-sqlite3@12, or a later Node/,
        ) as string,
      }),
    );
  });

  it.each([
    ['ERR_MODULE_NOT_FOUND', /npm install better-sqlite3/],
    ['ERR_DLOPEN_FAILED', /npm rebuild better-sqlite3.*allowScripts/],
  ])('that fails with %s is told with its cure', (code, cure) => {
    const cause = Object.assign(new Error('x'), { code });
    expect(bindingError(cause)).toMatchObject({ code: 'NEXUS_SQLITE_BINDING', cause });
    expect(bindingError(cause).message).toMatch(cure);
  });
});
