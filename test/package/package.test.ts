/** What a user gets from the registry: the built package, looked at from outside. `npm test` builds it first. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
const specifierOf = (subpath: string): string => `@neo-protocol/nexus${subpath.slice(1)}`;

/** A folder with the packed package in it, as `npm install` would leave it, beside what it depends on. */
function consumer(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-consumer-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'node_modules', '@neo-protocol'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules', '@neo-protocol', 'nexus'));
  // What @types/node stands on is found where it is.
  for (const name of ['@types', 'undici-types', 'zod'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  return folder;
}

beforeAll(() => {
  if (!existsSync(join(root, 'dist', 'index.js')))
    throw new Error('there is no build to look at: run `npm run build` first');
});

describe('the package', () => {
  it('has in it what it should, and nothing else', () => {
    const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
    });
    const [packed] = JSON.parse(stdout) as { files: { path: string }[]; size: number }[];
    const strangers = packed?.files.filter(
      ({ path }) =>
        !/^(dist\/[\w./-]+\.(js|cjs|d\.ts|d\.cts|map)|(README|CHANGELOG|SECURITY)\.md|LICENSE|package\.json|examples\/config\/[\w.-]+\.json)$/.test(
          path,
        ),
    );
    expect(strangers).toEqual([]);
    expect(packed?.size).toBeLessThan(2_000_000);
  });

  it.each(subpaths)(
    'exports the same names from %s in both formats, and those that are known',
    async (subpath) => {
      const esm = (await import(join(root, target(subpath, 'import')))) as object;
      const cjs = createRequire(import.meta.url)(join(root, target(subpath, 'require'))) as object;
      const names = Object.keys(esm).sort();
      expect(Object.keys(cjs).sort()).toEqual(names);
      await expect(`${names.join('\n')}\n`).toMatchFileSnapshot(
        `exports/${subpath === '.' ? 'index' : subpath.slice(2)}.txt`,
      );
    },
  );

  it.each([
    { name: 'nodenext', type: 'module', options: { module: 'nodenext', moduleResolution: 'nodenext' } },
    { name: 'CommonJS', type: 'commonjs', options: { module: 'nodenext', moduleResolution: 'nodenext' } },
    { name: 'a bundler', type: 'module', options: { module: 'esnext', moduleResolution: 'bundler' } },
  ])('has types that hold under strict checks for $name', { timeout: 120_000 }, ({ type, options }) => {
    const folder = consumer();
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
    const names = subpaths.map((_, i) => `all${i}`);
    writeFileSync(
      join(folder, 'index.ts'),
      subpaths
        .map((subpath, i) => `import * as ${names[i] ?? ''} from '${specifierOf(subpath)}';`)
        .join('\n') + `\nexport const all = [${names.join(', ')}].length;\n`,
    );
    const config = {
      compilerOptions: {
        ...options,
        target: 'es2022',
        lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        preserveSymlinks: true,
        noEmit: true,
      },
      files: ['index.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const checked = spawnSync(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder],
      {
        encoding: 'utf8',
      },
    );
    expect(checked.stdout).toBe('');
    expect(checked.status).toBe(0);
  });

  it.each([
    { name: 'publint', args: ['publint', 'run', '--strict', '.'] },
    { name: 'attw', args: ['attw', '--pack', '.', '--profile', 'node16'] },
  ])('has nothing for $name to complain of', { timeout: 120_000 }, ({ args: [tool = '', ...args] }) => {
    const checked = spawnSync(join(root, 'node_modules', '.bin', tool), args, {
      cwd: root,
      encoding: 'utf8',
    });
    expect(checked.status, checked.stdout + checked.stderr).toBe(0);
  });
});

function target(subpath: string, format: 'import' | 'require'): string {
  const entry = manifest.exports[subpath] as Record<typeof format, { default: string }>;
  return entry[format].default;
}
