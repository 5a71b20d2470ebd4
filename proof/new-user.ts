/** Somebody new, with an empty folder, the packed package and the README: what it says, done to the letter. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The commands and the program of the README's first chapter. */
export function firstSteps(readme: string): {
  readonly commands: readonly string[];
  /** Without those that are empty or a comment. */
  readonly lines: readonly string[];
  readonly code: string;
} {
  const chapter = /## In 20 lines\n\n```sh\n([\s\S]*?)```\n\n```ts\n([\s\S]*?)```/.exec(readme);
  const [, shell = '', code = ''] = chapter ?? [];
  return {
    commands: shell.trim().split(/ && |\n/),
    lines: code.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//')),
    code,
  };
}

/** Times the whole way: the network and the disk of this machine are in it. */
export function proveNewUser(): {
  readonly commands: number;
  readonly lines: number;
  readonly seconds: number;
  /** The last line that is not one of the log. */
  readonly printed: string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-new-user-'));
  try {
    run('npm run build && npm pack --ignore-scripts --pack-destination "$FOLDER"', root, { FOLDER: folder });
    const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz')) ?? '';
    const { commands, lines, code } = firstSteps(readFileSync(join(root, 'README.md'), 'utf8'));
    // What an editor does between two commands; and the package is the one of now, not a published one.
    mkdirSync(join(folder, 'hello'));
    writeFileSync(join(folder, 'hello', 'hello.mjs'), code);
    const script = commands
      .join('\n')
      .replace('mkdir ', 'mkdir -p ')
      .replace('@neo-protocol/nexus', join(folder, tarball));
    const began = performance.now();
    const told = run(`set -e\n${script}`, folder).trim().split('\n');
    const printed = told.findLast((line) => !line.startsWith('{')) ?? '';
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    return { commands: commands.length, lines: lines.length, seconds, printed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(script: string, cwd: string, env: Record<string, string> = {}): string {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${script} failed:\n${stdout}\n${stderr}`);
  return stdout;
}
