import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadReactors } from '../src/load-reactors.js';
import { kit } from './testing/kit.js';

const reactor = (name: string) => `{ on: 'PAID', name: '${name}', handler: () => '${name}' }`;

/** A folder with these files. */
function folder(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'nexus-reactors-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

const names = async (...args: Parameters<typeof loadReactors>) =>
  (await loadReactors(...args)).map(({ name }) => name);

describe('loadReactors', () => {
  it('takes default and named exports, in the order of the files', async () => {
    const dir = folder({
      'b.mjs': `export const two = ${reactor('two')}; export const note = 'x'; export const three = ${reactor('three')};`,
      'a.mjs': `const one = ${reactor('one')}; export default one; export { one };`,
      'c.cjs': `module.exports = ${reactor('four')};`,
      'd.cjs': `module.exports = { five: ${reactor('five')}, note: 1 };`,
      'e.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = ${reactor('six')};`,
      'f.mjs': `export default [${reactor('seven')}, ${reactor('eight')}];`,
    });
    const found = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight'];
    expect((await names(dir)).sort()).toEqual([...found].sort());
    expect((await names(dir))[0]).toBe('one');
    expect((await names(pathToFileURL(dir))).length).toBe(8);
  });

  it('leaves out tests, declarations, dotfiles, other files, and folders unless asked', async () => {
    const bad = 'throw new Error("not to be loaded")';
    const dir = folder({
      'mint.mjs': `export default ${reactor('mint')};`,
      'mint.test.mjs': bad,
      'mint.spec.ts': bad,
      'mint.d.ts': bad,
      '.hidden.mjs': bad,
      'README.md': bad,
      'data.json': bad,
      '__tests__/x.mjs': bad,
      'deep/note.mjs': `export default ${reactor('note')};`,
    });
    expect(await names(dir)).toEqual(['mint']);
    expect(await names(dir, { recursive: true })).toEqual(['note', 'mint']);
  });

  it('loads TypeScript where the process can, and of source and output the output', async () => {
    const dir = folder({
      'mint.ts': `export default ${reactor('from source')} as const;`,
      'both.ts': `export default ${reactor('both source')} as const;`,
      'both.js': `exports.default = undefined; module.exports = ${reactor('both output')};`,
      'package.json': '{}',
    });
    expect(await names(dir)).toEqual(['both output', 'from source']);
  });

  it('calls a default export that is a function with what it is given', async () => {
    const dir = folder({
      'mint.mjs': `export default ({ name }) => ({ on: 'PAID', name, handler: () => 1 }); export const helper = () => { throw 1; };`,
    });
    expect(await names(dir, { deps: { name: 'given' } })).toEqual(['given']);
    await expect(loadReactors(dir)).rejects.toThrow(
      /mint\.mjs cannot be used.*pass what it needs as \{ deps \}/,
    );
    await expect(loadReactors(dir, { deps: null })).rejects.toMatchObject({
      code: 'NEXUS_REACTOR_FILE',
      cause: expect.any(TypeError) as unknown,
    });
  });

  it('names the file that cannot be used, and why', async () => {
    const broken = folder({ 'broken.mjs': 'import "./not-there.mjs";' });
    await expect(loadReactors(broken)).rejects.toMatchObject({
      code: 'NEXUS_REACTOR_FILE',
      message: expect.stringMatching(
        /broken\.mjs cannot be used as a file of reactors: .*not-there/,
      ) as string,
      details: { file: join(broken, 'broken.mjs') },
    });
    const empty = folder({ 'empty.mjs': 'export const handler = () => 1;' });
    await expect(loadReactors(empty)).rejects.toThrow('it exports no reactor (it exports handler)');
    const twice = folder({
      'a.mjs': `export default ${reactor('x')}`,
      'b.mjs': `export default ${reactor('x')}`,
    });
    await expect(loadReactors(twice)).rejects.toMatchObject({
      code: 'NEXUS_REACTOR_NAME_TAKEN',
      details: { name: 'x', files: [join(twice, 'a.mjs'), join(twice, 'b.mjs')] },
    });
  });

  it('refuses a folder that is not there, and what is no folder', async () => {
    await expect(loadReactors('/not/there')).rejects.toMatchObject({ code: 'NEXUS_NOT_FOUND' });
    await expect(loadReactors('')).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    await expect(loadReactors(7 as never)).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    expect(await loadReactors(folder({}))).toEqual([]);
  });

  it('gives what a Nexus registers', async () => {
    const dir = folder({
      'mint.mjs': `export default { on: 'PAID', name: 'mint', handler: (_, ctx) => void ctx.dispatch('MINT', {}) };`,
    });
    const t = kit({ reactors: await loadReactors(dir) });
    await t.dispatch('PAID', {});
    await t.drain();
    t.expectDispatched('MINT');
  });
});
