/** Every TypeScript block of the documents type-checks, whole programs and fragments alike, against the package as it is. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** What fragments take for given: a reader knows it from the page. Only what a block does not declare is added. */
const given: Readonly<Record<string, string>> = {
  nexus: "declare const nexus: import('@neo-protocol/nexus').Nexus;",
  client: "declare const client: import('@neo-protocol/nexus/sdk').NexusClient;",
  server: "declare const server: import('node:http').Server;",
  app: "declare const app: import('express').Express;",
  express: "import express from 'express';",
  createServer: "import { createServer } from 'node:http';",
  z: "import { z } from 'zod';",
  signal: 'declare const signal: AbortSignal;',
  lastSeq: 'declare const lastSeq: number;',
  ...Object.fromEntries(
    ['token', 'url', 'secret', 'path', 'gateway'].map((name) => [name, `declare const ${name}: string;`]),
  ),
  // Of the reader's own; nothing is known of them but their names.
  ...Object.fromEntries(
    'alerts cutOff db factory flow freshDatabase http journalStorage log logger myApp notify orders page pager payment privateKey publicKey queue show'
      .split(' ')
      .map((name) => [name, `declare const ${name}: any;`]),
  ),
};

/** Blocks that are proven in another way, and why. */
const elsewhere = (document: string, before: string, code: string): boolean =>
  // Its blocks are one program, which test/docs.test.ts runs.
  document === 'docs/testing.md' ||
  // Compared by test/docs.test.ts with the example, which compiles and runs.
  /<!-- from \S+ -->\n\n$/.test(before) ||
  // Points at a file that the reader is about to write; examples/toy-storage is that file, and runs.
  code.includes("'./my-storage.js'");

const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];
const blocks = documents.flatMap((document) => {
  const text = read(document);
  return [...text.matchAll(/^ *```ts\n([\s\S]*?)^ *```/gm)].flatMap(({ 1: code = '', index }) => {
    const before = text.slice(0, index);
    const isElsewhere = elsewhere(document, before, code);
    return isElsewhere ? [] : [{ document, line: before.split('\n').length, code }];
  });
});

/** The values that each subpath exports, by name. */
function exported(): Map<string, string> {
  const { exports: subpaths } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
  const all = new Map<string, string>();
  for (const subpath of Object.keys(subpaths).filter((each) => each !== './package.json')) {
    const names = read(`test/package/exports/${subpath === '.' ? 'index' : subpath.slice(2)}.txt`);
    for (const name of names.trim().split('\n'))
      all.set(name, all.get(name) ?? `@neo-protocol/nexus${subpath.slice(1)}`);
  }
  return all;
}
const importable = exported();

/** A module of the block: on its first line, what it takes for given. */
function moduleOf(code: string): string {
  const used = new Set(code.match(/(?<![.\w'"/-])[A-Za-z_]\w*/g));
  const isDeclared = (name: string): boolean =>
    new RegExp(
      `\\b(const|let|function|class)\\s+${name}\\b|import[^;]*\\b${name}\\b[^;]*from|\\b(const|let) [{[][^;=}\\]]*\\b${name}\\b`,
    ).test(code);
  const prefix = [...used]
    .filter((name) => !isDeclared(name))
    .flatMap((name) => {
      const from = importable.get(name);
      return from === undefined
        ? [Object.hasOwn(given, name) ? given[name] : '']
        : [`import { ${name} } from '${from}';`];
    });
  return `${prefix.join(' ')} export {};\n${code}`;
}

it('every block of TypeScript type-checks', { timeout: 120_000 }, () => {
  const files = new Map(blocks.map(({ code }, i) => [join(root, `block-${i}.ts`), moduleOf(code)]));
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const host = ts.createCompilerHost(options);
  const fromDisk = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? fromDisk(name, target, ...rest)
      : ts.createSourceFile(name, text, target, true);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  const wrong = [...files.keys()].flatMap((name, i) => {
    const source = program.getSourceFile(name);
    const block = blocks[i];
    if (!source || !block) throw new Error(`${name} was not read`);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) =>
        `${block.document}:${block.line + source.getLineAndCharacterOfPosition(start).line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
  expect(blocks.length).toBeGreaterThan(30);
  expect(wrong).toEqual([]);
});
