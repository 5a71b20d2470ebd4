/** What the documents promise and show is true. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deliveryEdges } from '../src/core/delivery.js';
import { errorCodes } from '../src/core/errors.js';
import type { ReactorContext } from '../src/nexus.js';
import { firstSteps } from '../proof/new-user.js';
import { createTestNexus } from '../src/testing/index.js';
import { needsBetterSqlite3 } from './support/better-sqlite3.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** A folder in which a program finds this project. */
function workshop(): string {
  const folder = mkdtempSync(join(root, '.readme-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const run = promisify(execFile);
const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };
const tsx = ['--import', import.meta.resolve('tsx')];

/** What a program prints, each time it runs in the same folder; one of them may die. */
async function outputs(code: string, runs = 1): Promise<string[]> {
  const cwd = workshop();
  writeFileSync(join(cwd, 'program.mts'), code);
  const told: string[] = [];
  for (let i = 0; i < runs; i++) {
    const ended = await run(process.execPath, [...tsx, 'program.mts'], { cwd, env }).catch(
      (died: unknown) => died as { stdout: string; stderr: string },
    );
    // What it warns of, such as another driver, is not what it prints.
    told.push(ended.stdout || ended.stderr);
  }
  return told;
}

async function output(code: string): Promise<string> {
  const [told = ''] = await outputs(code);
  return told;
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

  it('shows 20 lines that run', async () => {
    const { commands, lines, code } = firstSteps(read('README.md'));
    expect(commands.length).toBeLessThanOrEqual(5);
    expect(lines.length).toBeLessThanOrEqual(20);
    expect(await output(code)).toContain('MINT_REQUESTED\n');
  });
});

describe('the links in the documents', () => {
  const documents = [
    ...readdirSync(root).filter((file) => file.endsWith('.md')),
    ...readdirSync(join(root, 'docs')).map((file) => `docs/${file}`),
    ...readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `examples/${file}`),
  ];
  /** Headings as they are linked to, and outside of code alone. */
  const anchorsOf = (file: string): string[] =>
    [...withoutCode(read(file)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const withoutCode = (text: string): string => text.replace(/^ *```[^]*?^ *```/gm, '');

  it.each(documents)('%s', (document) => {
    const links = [...withoutCode(read(document)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? document : join(document, '..', path);
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('lead to every page from the index', () => {
    const index = read('docs/README.md');
    const pagesThereAre = readdirSync(join(root, 'docs')).filter((file) => file !== 'README.md');
    expect(pagesThereAre.filter((file) => !index.includes(`](${file})`))).toEqual([]);
  });
});

/** Programs of a document, each with what it prints: blocks of text that follow it, one for each run. */
function programsOf(file: string): { where: string; code: string; printed: string[] }[] {
  const text = read(file);
  const body = '((?:(?!^```)[^])*)^```\\n';
  const paragraph = '(?:(?!```|#)[^\\n]+\\n)+\\n';
  const shown = new RegExp(`^\`\`\`ts\\n${body}((?:\\n(?:${paragraph})?\`\`\`text\\n${body})+)`, 'gm');
  return [...text.matchAll(shown)].map(({ 1: code = '', 2: rest = '', index }) => ({
    where: `${file}:${text.slice(0, index).split('\n').length}`,
    code,
    printed: [...rest.matchAll(/```text\n([^]*?)^```\n/gm)].map(([, printed = '']) => printed),
  }));
}

const pages = readdirSync(join(root, 'docs')).map((file) => `docs/${file}`);

describe('the programs in the documents', () => {
  const programs = pages.flatMap(programsOf);

  it('are all that are said to print something', () => {
    const said = pages.flatMap((page) => [...read(page).matchAll(/^```text$/gm)]);
    expect(programs.flatMap(({ printed }) => printed)).toHaveLength(said.length);
    expect(programs.length).toBeGreaterThan(4);
  });

  it.for(programs)('$where', async ({ code, printed }, context) => {
    if (code.includes("'better-sqlite3'")) needsBetterSqlite3(context);
    const port = String(await freePort());
    expect(await outputs(code.replace(/\b(3000|345\d)\b/g, port), printed.length)).toEqual(printed);
  });
});

describe('docs/start.md', () => {
  it('lets others in as it says', async () => {
    const cwd = workshop();
    const chapter = /## Let others in\n([^]*?)\n## /.exec(read('docs/start.md'))?.[1] ?? '';
    const [host = ''] = [...chapter.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code);
    const shell = [...chapter.matchAll(/```sh\n([^]*?)```/g)].map(([, code]) => code).join('\n');
    const port = String(await freePort());
    writeFileSync(join(cwd, 'host.mts'), host.replaceAll('3000', port));
    const node = [process.execPath, ...tsx].join(' ');
    const script = shell
      .replaceAll('3000', port)
      .replaceAll('node host.mjs', `${node} host.mts > host.log`)
      .replaceAll('npx nexus', `${node} ${join(root, 'src/cli/main.ts')}`);
    const { stdout } = await run('bash', ['-ec', script], { cwd, env });
    expect(stdout).toContain('"status":"dispatched","event":"ORDER_PAID"');
    expect(stdout).toMatch(/ORDER_PAID[^]*ok/);
  });
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

describe('docs/guarantees.md', () => {
  const rows = [...read('docs/guarantees.md').matchAll(/^\| (\(new\)|`\w+`) \| `(\w+)` \|.*\| (.+) \|$/gm)];

  it('has every edge of a delivery, and no other', () => {
    const shown = new Set(rows.flatMap(([, from, to]) => (from === '(new)' ? [] : [`${from} → \`${to}\``])));
    const legal = Object.entries(deliveryEdges).flatMap(([from, to]) =>
      Object.keys(to).map((each) => `\`${from}\` → \`${each}\``),
    );
    expect([...shown].sort()).toEqual(legal.sort());
  });

  it('has every reason for which one ends', () => {
    const union = /export type EndReason =([^;]*);/.exec(read('src/core/delivery.ts'))?.[1] ?? '';
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => reason);
    const named = rows.flatMap(([, , , recorded = '']) =>
      [...recorded.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name),
    );
    expect(reasons.length).toBeGreaterThan(5);
    expect(named).toEqual(expect.arrayContaining(reasons));
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
