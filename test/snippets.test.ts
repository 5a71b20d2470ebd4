/** Every piece of TypeScript that is shown compiles: whole programs and fragments, in the documents and in the comments. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { typeErrors, type Snippet } from './support/snippets.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => `${folder}/${file}`);
const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** Blocks that are proven in another way, and why. */
const elsewhere = (document: string, before: string, code: string): boolean =>
  // Its blocks are one program, which test/docs.test.ts runs.
  document === 'docs/testing.md' ||
  // Compared by test/docs.test.ts with the example, which compiles and runs.
  /<!-- from \S+ -->\n\n$/.test(before) ||
  // Points at a file that the reader is about to write; examples/toy-storage is that file, and runs.
  code.includes("'./my-storage.js'");

/** The blocks of a document. */
function blocksOf(file: string): Snippet[] {
  const text = read(file);
  return [...text.matchAll(/^ *```ts\n([\s\S]*?)^ *```/gm)]
    .filter(({ 1: code = '', index }) => !elsewhere(file, text.slice(0, index), code))
    .map(({ 1: code = '', index }) => ({ file, line: lineAt(text, index) + 1, code }));
}

/** The examples of a source file: what follows `@example`, up to the next tag or the end of the comment. */
function examplesOf(file: string): Snippet[] {
  const text = read(file);
  return [...text.matchAll(/^ *(?:\/\*\*| \*) @example\b([\s\S]*?)(?=\n *\* @|\*\/)/gm)].map(
    ({ 1: code = '', index }) => ({
      file,
      line: lineAt(text, index),
      code: code.replace(/^ *\* ?/gm, ''),
    }),
  );
}

it('every block of the documents compiles', { timeout: 120_000 }, () => {
  const blocks = ['README.md', ...filesIn('docs', '.md')].flatMap(blocksOf);
  expect(blocks.length).toBeGreaterThan(30);
  expect(typeErrors(blocks)).toEqual([]);
});

it('every example of the comments compiles', { timeout: 120_000 }, () => {
  const sources = filesIn('src', '.ts');
  const examples = sources.flatMap(examplesOf);
  const tags = sources.reduce((count, file) => count + read(file).split('@example').length - 1, 0);
  expect(examples).toHaveLength(tags);
  expect(typeErrors(examples)).toEqual([]);
});
