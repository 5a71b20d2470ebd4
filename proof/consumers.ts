/**
 * The declarations of the built package under older and newer TypeScripts, strict and without skipLibCheck, as nodenext,
 * CommonJS and for a bundler. Fetches the compilers.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const versions = ['5.5', '5.6', '5.7', '5.8', '5.9', '6.0'];
const forms = [
  { name: 'nodenext', type: 'module', options: { module: 'nodenext', moduleResolution: 'nodenext' } },
  { name: 'CommonJS', type: 'commonjs', options: { module: 'nodenext', moduleResolution: 'nodenext' } },
  { name: 'bundler', type: 'module', options: { module: 'esnext', moduleResolution: 'bundler' } },
];

/** What does not compile, by version and form; needs a build. */
export function proveConsumers(): {
  readonly versions: readonly string[];
  readonly wrong: readonly string[];
} {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-consumers-'));
  try {
    mkdirSync(join(folder, 'node_modules/@neo-protocol'), { recursive: true });
    symlinkSync(root, join(folder, 'node_modules/@neo-protocol/nexus'));
    for (const name of ['@types', 'undici-types', 'zod'])
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    const used: string[] = [];
    const wrong: string[] = [];
    for (const version of versions) {
      const compilers = join(folder, `typescript-${version}`);
      mkdirSync(compilers);
      demand('npm', [
        'install',
        '--prefix',
        compilers,
        '--no-audit',
        '--no-fund',
        `typescript@~${version}.0`,
      ]);
      const compiler = join(compilers, 'node_modules/typescript/bin/tsc');
      used.push(demand(process.execPath, [compiler, '--version']).replace('Version ', ''));
      for (const form of forms) {
        writeConsumer(folder, form);
        const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], {
          encoding: 'utf8',
        });
        if (status !== 0) wrong.push(`${version}, ${form.name}: ${stdout.slice(0, 500)}`);
      }
    }
    return { versions: used, wrong };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeConsumer(folder: string, { type, options }: (typeof forms)[number]): void {
  const { exports: subpaths } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const imports = Object.keys(subpaths)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath, i) => `import * as all${i} from '@neo-protocol/nexus${subpath.slice(1)}';`);
  const all = imports.map((_, i) => `all${i}`).join(', ');
  writeFileSync(join(folder, 'index.ts'), `${imports.join('\n')}\nexport const all = [${all}].length;\n`);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type }));
  const compilerOptions = {
    ...options,
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    preserveSymlinks: true,
    noEmit: true,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
}

function demand(command: string, options: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${options.join(' ')} failed:\n${stdout}\n${stderr}`);
  return stdout.trim();
}
