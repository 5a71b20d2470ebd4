/** The reference can be written: what `npm run docs` would warn of is an error. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

it(
  'has no signature with a type that is not exported, and no link that leads nowhere',
  { timeout: 120_000 },
  () => {
    // Types are checked by the type checker; that again would take three times as long.
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typedoc/bin/typedoc'), '--emit', 'none', '--skipErrorChecking'],
      { cwd: root, encoding: 'utf8' },
    );
    expect(stdout + stderr).not.toMatch(/warning|error/i);
    expect(status).toBe(0);
  },
);
