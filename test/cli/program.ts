/** The program `nexus`, run in a process of its own. */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { onTestFinished } from 'vitest';
import { program } from './build-program.js';

export { program, root } from './build-program.js';

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type RunOptions = {
  readonly cwd: string;
  readonly env?: Record<string, string>;
  readonly input?: string;
};

/** Nothing of the surroundings of the tests gets in. */
export function environment(env: Record<string, string> = {}): Record<string, string> {
  // Where Node's own SQLite stands in, its warning would be in every stderr.
  const NODE_OPTIONS = '--disable-warning=NEXUS_SQLITE_FALLBACK';
  return { PATH: process.env.PATH ?? '', HOME: tmpdir(), NODE_OPTIONS, ...env };
}

/** Runs it to its end. */
export async function nexus(line: string | readonly string[], { cwd, env, input }: RunOptions): Promise<Ran> {
  const args = typeof line === 'string' ? line.split(' ') : line;
  return await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program(), ...args],
      { cwd, env: environment(env), maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => resolve({ code: error ? (child.exitCode ?? null) : 0, stdout, stderr }),
    );
    child.stdin?.end(input ?? '');
  });
}

/** The lines of NDJSON. */
export function ndjson(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export type Running = {
  readonly child: ChildProcess;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  /** Resolves once what it has said matches. */
  readonly said: (pattern: RegExp) => Promise<RegExpMatchArray>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
};

/** Starts any program that goes on; it is killed with the test. */
export function start(
  file: string,
  args: readonly string[],
  { cwd, env }: Omit<RunOptions, 'input'>,
): Running {
  const child = spawn(file, args, { cwd, env: environment(env), stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  const heard = (): void => waiting.forEach((look) => look());
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => {
      resolve(signal ?? code);
      heard();
    });
  });
  return {
    child,
    ended,
    output: () => ({ stdout, stderr }),
    said: async (pattern) =>
      await new Promise((resolve, reject) => {
        const look = (): void => {
          const match = `${stdout}${stderr}`.match(pattern);
          if (match) resolve(match);
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`it ended without saying ${String(pattern)}: ${stdout}${stderr}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
  };
}

/** Starts the program. */
export function startNexus(line: string, options: Omit<RunOptions, 'input'>): Running {
  return start(process.execPath, [program(), ...line.split(' ')], options);
}

const pty = spawnSync('script', ['--version'], { encoding: 'utf8' });
/** Why there is no terminal to test in, if there is none. */
export const noTerminal =
  pty.status === 0
    ? undefined
    : 'script (util-linux), which makes the pseudo-terminal, is not installed here';

/** Starts the program in a pseudo-terminal: what is written to its stdin is typed. */
export function startInTerminal(line: string, options: Omit<RunOptions, 'input'>): Running {
  const command = `stty cols 200; exec ${process.execPath} ${program()} ${line}`;
  return start('script', ['-qefc', command, '/dev/null'], {
    ...options,
    env: { TERM: 'xterm-256color', SHELL: '/bin/sh', ...options.env },
  });
}
