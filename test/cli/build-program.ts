/** The program `nexus`, built from what is there now. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where it is: bundled once for each state of the sources, however many files of tests ask. */
export function program(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).sort())
    if (name.endsWith('.ts')) hash.update(name).update(readFileSync(join(root, 'src', name)));
  const modules = join(root, 'node_modules');
  const name = `.nexus-cli-${hash.digest('hex').slice(0, 16)}`;
  const main = join(modules, name, 'main.js');
  if (existsSync(main)) return main;
  for (const old of readdirSync(modules))
    if (/^\.nexus-cli-[0-9a-f]{16}$/.test(old)) rmSync(join(modules, old), { recursive: true, force: true });
  const draft = mkdtempSync(join(modules, '.nexus-draft-'));
  const options = ['--no-config', '--format', 'esm', '--target', 'node20', '--shims', '--silent'];
  const built = spawnSync(
    join(modules, '.bin', 'tsup'),
    ['src/cli/main.ts', ...options, '--out-dir', draft],
    { cwd: root, encoding: 'utf8' },
  );
  if (built.status !== 0) throw new Error(`the program could not be built: ${built.stdout}${built.stderr}`);
  try {
    renameSync(draft, join(modules, name));
  } catch {
    // Another file of tests was first.
    rmSync(draft, { recursive: true, force: true });
  }
  return main;
}
