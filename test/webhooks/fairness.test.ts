import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { proveEndpoints } from '../../proof/endpoints.js';

it('a dead endpoint and one that flaps fail alone: all others take everything at the first attempt', async () => {
  const { healthyFailures, flapped, hanging } = await proveEndpoints({ rounds: 0, events: 40 });
  expect(healthyFailures).toBe(0);
  expect(flapped.delivered).toBeGreaterThan(0);
  expect(flapped.failed).toBeGreaterThan(0);
  // It has its own slots, and no more.
  expect(hanging).toBe(16);
}, 60_000);

it('undici is loaded by the first delivery, never by an import', () => {
  const folder = fileURLToPath(new URL('../../src', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const loads = files.filter((file) =>
    /^(?:import|export) (?!type )[^;]*from 'undici'/m.test(readFileSync(`${folder}/${file}`, 'utf8')),
  );
  expect(loads).toEqual([]);
});
