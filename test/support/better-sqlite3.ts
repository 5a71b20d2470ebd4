/** For tests of a host with a database of its own: `npm run test:nodes -- --without-driver` has none to give it. */
// eslint-disable-next-line no-restricted-imports -- it is the host's own driver that is meant here
import Database from 'better-sqlite3';
import type { TestContext } from 'vitest';

/** Kept: its objects may not be freed on every Node. */
const trial = open();

/** Skips a test, or as `beforeEach` all of a file. */
export function needsBetterSqlite3(context: Pick<TestContext, 'skip'>): void {
  if (trial === undefined) context.skip('better-sqlite3 cannot be loaded here');
}

function open(): unknown {
  try {
    return new Database(':memory:');
  } catch {
    return undefined;
  }
}
