/** Code that is shown, in documents and in comments: type-checked as it stands, against the package as it is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

export type Snippet = {
  /** The file that shows it, from the root. */
  readonly file: string;
  /** Where its first line is, from 1. */
  readonly line: number;
  readonly code: string;
};

/** What fragments take for given: a reader knows it from the page. Only what a snippet does not declare is added. */
const given: Readonly<Record<string, string>> = {
  nexus: "declare const nexus: import('@neo-protocol/nexus').Nexus;",
  client: "declare const client: import('@neo-protocol/nexus/sdk').NexusClient;",
  server: "declare const server: import('node:http').Server;",
  app: "declare const app: import('express').Express;",
  express: "import express from 'express';",
  fastify: "declare const fastify: import('fastify').FastifyInstance;",
  koa: "declare const koa: InstanceType<typeof import('koa')>;",
  request: 'declare const request: Request;',
  createServer: "import { createServer } from 'node:http';",
  readFile: "import { readFile } from 'node:fs/promises';",
  describe: "import { describe } from 'vitest';",
  it: "import { it } from 'vitest';",
  z: "import { z } from 'zod';",
  signal: 'declare const signal: AbortSignal;',
  lastSeq: 'declare const lastSeq: number;',
  ...Object.fromEntries(
    ['token', 'url', 'secret', 'path', 'gateway'].map((name) => [name, `declare const ${name}: string;`]),
  ),
  // Of the reader's own; nothing is known of them but their names.
  ...Object.fromEntries(
    'alerts cutOff db expect factory flow freshDatabase http journalStorage log logger map mint mintOnPayment myApp myFixture mySource note notify orders page pager payload payment privateKey publicKey queue seen show t'
      .split(' ')
      .map((name) => [name, `declare const ${name}: any;`]),
  ),
};

/** The values that each subpath exports, by name. */
const importable = ((): ReadonlyMap<string, string> => {
  const { exports: subpaths } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const all = new Map<string, string>();
  for (const subpath of Object.keys(subpaths).filter((each) => each !== './package.json')) {
    const list = join(root, 'test/package/exports', `${subpath === '.' ? 'index' : subpath.slice(2)}.txt`);
    for (const name of readFileSync(list, 'utf8').trim().split('\n'))
      all.set(name, all.get(name) ?? `@neo-protocol/nexus${subpath.slice(1)}`);
  }
  return all;
})();

/** A module of the snippet: on its first line, what it takes for given. */
function moduleOf(code: string): string {
  const used = new Set(code.match(/(?<![\w'"/-]|(?<!\.\.)\.)[A-Za-z_]\w*/g));
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

/** What is wrong, each with the place where it is shown. */
export function typeErrors(snippets: readonly Snippet[]): string[] {
  const files = new Map(snippets.map(({ code }, i) => [join(root, `snippet-${i}.ts`), moduleOf(code)]));
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
  return [...files.keys()].flatMap((name, i) => {
    const source = program.getSourceFile(name);
    const snippet = snippets[i];
    if (!source || !snippet) throw new Error(`${name} was not read`);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText }) =>
        `${snippet.file}:${snippet.line + source.getLineAndCharacterOfPosition(start).line - 1} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}
