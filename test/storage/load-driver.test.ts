import { describe, expect, it } from 'vitest';
import { bindingError, refuseVersion } from '../../src/storage/sqlite/load-driver.js';

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
