/** What the documents promise and show is true. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorCodes } from '../src/core/errors.js';
import type { ReactorContext } from '../src/nexus.js';
import { firstSteps } from '../proof/new-user.js';
import { createTestNexus } from '../src/testing/index.js';
import { needsBetterSqlite3 } from './support/better-sqlite3.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** What a program prints; its files are in a folder of its own. */
async function output(code: string): Promise<string> {
  const folder = mkdtempSync(join(root, '.readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'readme.mts'), code.replace(/\.\/(\w+\.db)/g, join(folder, '$1')));
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', join(folder, 'readme.mts')], {
    cwd: root,
  });
  return stdout;
}

/** The documents name a port; here several may run at once. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

describe('the README', () => {
  it('prints the promise word for word', () => {
    const promise = read('README.md')
      .split('\n')
      .filter((line) => line.startsWith('> '))
      .map((line) => line.slice(2))
      .join(' ');
    expect(promise).toBe(
      'An event for which `dispatch()` resolved, or the ingress answered 2xx, survives process kill, OS crash and power cut. Every reactor that was registered when it was committed runs for it **at least once**, or its delivery ends with a recorded reason: dead after its retries, or cancelled by an operator, by its maximum age or by removing the reactor. A handler may see the same event id again when its outcome was not recorded: after a crash, a lost lease, a timeout, a forced close or a storage failure, and when someone retries or replays. What a reactor dispatches through its context is appended in the transaction that completes it: once per event and reactor, however often it runs. The log is append-only and tamper-evident up to the last checkpoint stored elsewhere.',
    );
    expect(read('README.md')).not.toMatch(/exactly-once|immutable/i);
  });

  it('shows a transaction that runs', async (context) => {
    needsBetterSqlite3(context);
    const [, code = ''] =
      /## Within your own transaction\n[\s\S]*?```ts\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
    expect(await output(code)).toContain('ORDER_PLACED\n');
  });

  it('shows 20 lines that run', async () => {
    const { commands, lines, code } = firstSteps(read('README.md'));
    expect(commands.length).toBeLessThanOrEqual(5);
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(await output(code)).toContain('MINT_REQUESTED\n');
  });
});

describe('docs/sdk.md', () => {
  const blocks = [...read('docs/sdk.md').matchAll(/<!-- prints: (.*) -->\n\n```ts\n([\s\S]*?)```/g)];

  it('has programs', () => expect(blocks).toHaveLength(2));

  it.each(blocks.map(([, printed = '', code = '']) => ({ printed, code })))(
    'shows a program that prints $printed',
    async ({ printed, code }) => {
      const port = String(await freePort());
      expect(await output(code.replace(/\b345\d\b/g, port))).toBe(`${printed}\n`);
    },
  );
});

describe('docs/testing.md', () => {
  it('shows tests that pass', async () => {
    const blocks = [...read('docs/testing.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
    const told = await output(blocks.join('\n'));
    expect(told).toMatch(/^# fail 0$|^ℹ fail 0$/m);
    expect(told).toMatch(/^# pass 6$|^ℹ pass 6$/m);
  });

  it('shows a failure as it is told', async () => {
    const [, shown = ''] = /```\n(expected a [\s\S]*?)```/.exec(read('docs/testing.md')) ?? [];
    const [first = '', ...rest] = shown.trim().split('\n');
    const t = createTestNexus({
      reactors: [
        {
          on: 'PAID',
          handler: (_payload: never, ctx: ReactorContext) =>
            void ctx.dispatch('MINT_REQUESTED', { targetAddress: 'ana', amount: '10.00' }),
        },
      ],
    });
    await t.dispatch('PAID', {});
    await t.drain();
    let message = '';
    try {
      t.expectDispatched('MINT_REQUESTED', { amount: '12.00' });
    } catch (error) {
      message = (error as Error).message;
    }
    await t.close();
    expect(message.split('\n').slice(0, -1)).toEqual([first, ...rest.slice(0, -1)]);
  });
});

describe('docs/errors.md', () => {
  it('lists every code with its meaning, and no other', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(NEXUS_\w+)` \| (.*?) \| .+ \|$/gm)].map(
      ([, code, meaning]) => [code, meaning],
    );
    expect(Object.fromEntries(rows)).toEqual(errorCodes);
  });
});

describe('docs/mounting.md', () => {
  it('shows what the examples, which run, have', () => {
    const blocks = [...read('docs/mounting.md').matchAll(/<!-- from (\S+) -->\n\n```ts\n([\s\S]*?)```/g)];
    expect(blocks.length).toBeGreaterThan(6);
    const dense = (text: string): string => text.replace(/\s+/g, ' ').trim();
    for (const [, file = '', code = ''] of blocks) expect(dense(read(file)), file).toContain(dense(code));
  });
});
