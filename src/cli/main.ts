#!/usr/bin/env node
/** The program `nexus`. */
import { readFileSync } from 'node:fs';
import { runCli } from './run-cli.js';
import { verbs } from './verbs.js';

type End = 'SIGINT' | 'SIGTERM' | 'EPIPE';
const aborted = new AbortController();
let by: End | undefined;
const end = (how: End): void => {
  if (by !== undefined && how !== 'EPIPE') process.exit(how === 'SIGINT' ? 130 : 143);
  by ??= how;
  aborted.abort();
};
process.on('SIGINT', () => end('SIGINT'));
process.on('SIGTERM', () => end('SIGTERM'));
// `nexus tail | head`: who has read enough is no error, and nothing more is written to nobody.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') end('EPIPE');
    else process.exit(1);
  });

async function main(): Promise<void> {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  // The timers of the library let a process end: not this one, while it waits for something.
  const awake = setInterval(() => undefined, 60_000);
  const code = await runCli(verbs, process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    ending: { signal: aborted.signal, by: () => by },
    version,
  });
  clearInterval(awake);
  process.exitCode = code;
  // Whatever a library may have left open; what was written is out first.
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

void main();
