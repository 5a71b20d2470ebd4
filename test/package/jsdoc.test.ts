/** Whoever points at a name in an editor reads what it is: of every export, and of every option with unit and default. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { exports: subpaths } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};
const entries = Object.keys(subpaths)
  .filter((subpath) => /^\.(\/[a-z]+)?$/.test(subpath))
  .map((subpath) => ({ subpath, file: join(root, 'src', subpath.slice(2), 'index.ts') }));

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
  config: { compilerOptions: object };
};
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
const program = ts.createProgram(
  entries.map(({ file }) => file),
  options,
);
const checker = program.getTypeChecker();

function exportsOf(file: string): { name: string; symbol: ts.Symbol }[] {
  const source = program.getSourceFile(file);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${file} exports nothing`);
  return checker.getExportsOfModule(module).map((exported) => ({
    name: exported.name,
    symbol: exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported,
  }));
}

/** Its sentence and its tags. */
function told(symbol: ts.Symbol): string {
  const tags = symbol.getJsDocTags().map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`);
  return [ts.displayPartsToString(symbol.getDocumentationComment(checker)), ...tags].join('\n').trim();
}

/** Names whose own type says all there is to say. */
const isOptions = (name: string): boolean =>
  /Options$|^(NodeConfig|NodeWebhook|RetryPolicy|RateLimit)$/.test(name);

/** Milliseconds, bytes and their like are in the words, or the type has another one. */
function saysUnit(name: string, text: string): boolean {
  if (name.endsWith('Ms')) return /millisecond|epoch ms|\bms\b/i.test(text);
  if (name.endsWith('Bytes')) return /byte/i.test(text);
  return true;
}

function optionsIn(symbol: ts.Symbol): ts.Symbol[] {
  const declaration = symbol.declarations?.[0];
  if (!declaration || !(ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration)))
    return [];
  return checker
    .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol))
    .filter(({ declarations = [] }) =>
      declarations.every((each) => each.getSourceFile().fileName.startsWith(join(root, 'src'))),
    );
}

describe.each(entries)('$subpath', ({ file }) => {
  const all = exportsOf(file);

  it('says of every export what it is', () => {
    expect(all.filter(({ symbol }) => told(symbol).length < 10).map(({ name }) => name)).toEqual([]);
  });

  it('says of every option what it does, its unit and its default', () => {
    const poor = all
      .filter(({ name }) => isOptions(name))
      .flatMap(({ name, symbol }) =>
        optionsIn(symbol).flatMap((option) => {
          const text = told(option);
          const isOptional = (option.flags & ts.SymbolFlags.Optional) !== 0;
          const missing = [
            text === '' && 'words',
            !saysUnit(option.name, text) && 'its unit',
            isOptional && !text.includes('@default') && 'its default',
          ].filter((each) => each !== false);
          return missing.length > 0 ? [`${name}.${option.name}: ${missing.join(', ')}`] : [];
        }),
      );
    expect(poor).toEqual([]);
  });

  it('shows of every factory how it is called', () => {
    const factories = all.filter(({ name }) => /^(create|define|load)[A-Z]/.test(name));
    expect(
      factories.filter(({ symbol }) => !told(symbol).includes('@example')).map(({ name }) => name),
    ).toEqual([]);
  });
});
