/** What importing the package loads: asked of the module loader, on what is built and shipped. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Options } from 'tsup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import config from '../tsup.config.js';

const root = fileURLToPath(new URL('..', import.meta.url));
// Inside the project, so that its dependencies are found; its name is ignored by git.
const dist = mkdtempSync(join(root, '.proof-modules-'));
const run = promisify(execFile);

beforeAll(async () => {
  await build({
    ...(config as Options),
    config: false,
    dts: false,
    clean: false,
    sourcemap: false,
    silent: true,
    outDir: dist,
  });
}, 60_000);
afterAll(() => rmSync(dist, { recursive: true, force: true }));

/** Tells every module that is resolved, imports and requires alike. */
const spy = `
  import { register } from 'node:module';
  import Module from 'node:module';
  const hook = 'export async function resolve(specifier, context, next) { const found = await next(specifier, context); process._rawDebug("loads " + found.url); return found; }';
  register('data:text/javascript,' + encodeURIComponent(hook));
  const load = Module._load;
  Module._load = function (request, parent, ...rest) {
    try { process._rawDebug('loads ' + Module._resolveFilename(request, parent)); } catch {}
    return load.call(this, request, parent, ...rest);
  };
`;

/** The packages and the entry files of ours that a program loads. */
async function loaded(
  program: string,
  format: 'module' | 'commonjs',
): Promise<{ packages: string[]; own: string[]; text: string; printed: string }> {
  const file = join(dist, `program-${randomUUID()}.${format === 'module' ? 'mjs' : 'cjs'}`);
  writeFileSync(file, program);
  const { stdout, stderr } = await run(
    process.execPath,
    // Node 26 warns of the spy itself.
    ['--disable-warning=DEP0205', '--import', `data:text/javascript,${encodeURIComponent(spy)}`, file],
    { cwd: root, maxBuffer: 64 * 1024 * 1024 },
  );
  const packages = [...stderr.matchAll(/^loads .*node_modules\/((?:@[^/\s]+\/)?[^/\s]+)\//gm)].map(
    ([, name]) => name ?? '',
  );
  const own = [...stderr.matchAll(/^loads (?:file:\/\/)?(\/.*\.c?js)$/gm)].map(([, file]) => file ?? '');
  return {
    packages: [...new Set(packages)],
    own: [...new Set(own)].filter((file) => file.startsWith(dist)),
    text: stderr,
    printed: stdout,
  };
}

const late = [
  'zod',
  'pino',
  'undici',
  'ws',
  'better-sqlite3',
  'croner',
  'prom-client',
  '@opentelemetry/api',
  'vitest',
];
const index = (format: 'module' | 'commonjs', room = ''): string => {
  const file = JSON.stringify(join(dist, room, format === 'module' ? 'index.js' : 'index.cjs'));
  return format === 'module' ? `const nexus = await import(${file});` : `const nexus = require(${file});`;
};

describe.each(['module', 'commonjs'] as const)('as %s', (format) => {
  it('importing the package loads what it always needs, and nothing of the rest', async () => {
    const { packages, own } = await loaded(index(format), format);
    expect(packages.filter((name) => late.includes(name))).toEqual([]);
    // The spy sees what is loaded.
    expect(packages).toContain('eventemitter3');
    // The kit has the conformance suite in it: nobody pays for that in production.
    expect(own.length).toBeGreaterThan(0);
    expect(
      own.filter((file) => /createTestNexus|keeps the storage contract/.test(readFileSync(file, 'utf8'))),
    ).toEqual([]);
  });

  it('a Nexus in memory needs no driver, one on a file loads it when it opens', async () => {
    const inMemory = `${index(format)} void nexus.createNexus({ storage: nexus.memoryStorage(), logger: false }).start().then(() => process.exit(0));`;
    expect((await loaded(inMemory, format)).packages.filter((name) => late.includes(name))).toEqual([]);
    const sqlite = `${index(format)} void nexus.createNexus({ storage: ':memory:', logger: false }).start().then(() => process.exit(0));`;
    expect((await loaded(sqlite, format)).packages).toContain('better-sqlite3');
  });

  it('zod is loaded when a schema of the protocol is read, and no earlier', async () => {
    const named = `${index(format)} console.log(Object.keys(nexus.protocolEvents).length);`;
    const unread = await loaded(named, format);
    expect(unread.packages.filter((name) => late.includes(name))).toEqual([]);
    expect(Number(unread.printed)).toBeGreaterThan(10);
    const read = `${index(format)} console.log(nexus.protocolEvents.VOTE_CAST.safeParse({}).success);`;
    const { packages, printed } = await loaded(read, format);
    expect(packages).toContain('zod');
    expect(printed).toBe('false\n');
  });

  it('a Nexus that is given no logger loads pino, and writes at once', async () => {
    const nodes = "{ shop: { secrets: ['a-secret-of-a-test-of-32-bytes--'], dispatch: ['UNHEARD_OF'] } }";
    const warned = `${index(format)} nexus.createNexus({ storage: nexus.memoryStorage(), events: nexus.protocolEvents, nodes: ${nodes} }); process.exit(0);`;
    const { packages, printed } = await loaded(warned, format);
    expect(packages).toContain('pino');
    expect(JSON.parse(printed)).toMatchObject({
      level: 40,
      name: 'nexus',
      pid: expect.any(Number) as number,
    });
  });

  it('the test kit needs no test runner', async () => {
    const kit = `${index(format, 'testing')} void nexus.createTestNexus().nexus.start().then(() => process.exit(0));`;
    expect((await loaded(kit, format)).packages.filter((name) => late.includes(name))).toEqual([]);
  });

  it('reactors are loaded out of files when they are asked for', async () => {
    const folder = join(dist, `reactors-${format}`);
    mkdirSync(folder);
    const reactor = (name: string): string => `{ on: 'PAID', name: '${name}', handler: () => 1 }`;
    writeFileSync(join(folder, 'a.mjs'), `export default await Promise.resolve(${reactor('a')});`);
    writeFileSync(join(folder, 'b.cjs'), `module.exports = ${reactor('b')};`);
    const asked = `${index(format)} void nexus.loadReactors(${JSON.stringify(folder)}).then(
      (reactors) => console.error('found ' + reactors.map(({ name }) => name)),
      (error) => console.error('threw', error),
    );`;
    const { text } = await loaded(asked, format);
    expect(text).toContain('found a,b');
    expect(text).not.toContain('Warning');
  });
});
