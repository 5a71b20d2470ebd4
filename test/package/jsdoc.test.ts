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

/** What a program says of its exports. */
function reader(program: ts.Program) {
  const checker = program.getTypeChecker();
  const isOurs = ({ declarations = [] }: ts.Symbol): boolean =>
    declarations.length > 0 &&
    declarations.every((each) => !each.getSourceFile().fileName.includes('/node_modules/'));

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

  /** The members of a type that are written here, not inherited from a library. */
  const membersOf = (type: ts.Type): ts.Symbol[] => checker.getPropertiesOfType(type).filter(isOurs);
  const isInternal = (symbol: ts.Symbol): boolean => told(symbol).includes('@internal');
  const isFunction = (symbol: ts.Symbol): boolean =>
    checker.getNonNullableType(checker.getTypeOfSymbol(symbol)).getCallSignatures().length > 0;

  /** The objects that a type is made of: the parts of unions, the elements of arrays. */
  function objectsIn(type: ts.Type, seen = new Set<ts.Type>()): ts.Type[] {
    if (seen.has(type)) return [];
    seen.add(type);
    if (checker.isArrayType(type))
      return checker.getTypeArguments(type as ts.TypeReference).flatMap((each) => objectsIn(each, seen));
    if (type.isUnion()) return type.types.flatMap((each) => objectsIn(each, seen));
    return type.flags & ts.TypeFlags.Object && membersOf(type).length > 0 ? [type] : [];
  }
  /** Somebody implements it; what it is made of is no option. */
  const isService = (type: ts.Type): boolean =>
    membersOf(type).some((member) => !(member.flags & ts.SymbolFlags.Optional) && isFunction(member));
  const typeOf = (symbol: ts.Symbol): ts.Type[] =>
    symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)
      ? [checker.getDeclaredTypeOfSymbol(symbol)]
      : [];

  /** All members below some types, with the way to them. */
  function below(
    from: readonly { path: string; type: ts.Type }[],
    isWanted: (type: ts.Type) => boolean,
  ): { path: string; member: ts.Symbol }[] {
    const seen = new Set<ts.Type>();
    const walk = (path: string, type: ts.Type): { path: string; member: ts.Symbol }[] => {
      if (seen.has(type)) return [];
      seen.add(type);
      return membersOf(type)
        .filter((member) => !isInternal(member))
        .flatMap((member) => {
          const way = { path: `${path}.${member.name}`, member };
          const inner = isFunction(member) ? [] : objectsIn(checker.getTypeOfSymbol(member)).filter(isWanted);
          return [way, ...inner.flatMap((each) => walk(way.path, each))];
        });
    };
    return from.flatMap(({ path, type }) => walk(path, type));
  }

  const functionsOf = (file: string): { name: string; symbol: ts.Symbol }[] =>
    exportsOf(file).filter(({ symbol }) => symbol.flags & ts.SymbolFlags.Function);

  /** What a caller may say: types that are called options, and whatever plain data a function takes. */
  function optionsOf(file: string): { path: string; member: ts.Symbol }[] {
    const named = exportsOf(file)
      .filter(({ name }) => /(Options|Filter|Config|Policy|Definition|Limit|Rules|Webhook)$/.test(name))
      .flatMap(({ name, symbol }) => typeOf(symbol).map((type) => ({ path: name, type })));
    const taken = functionsOf(file).flatMap(({ name, symbol }) =>
      checker
        .getTypeOfSymbol(symbol)
        .getCallSignatures()
        .flatMap(({ parameters }) => parameters)
        .flatMap((parameter) => objectsIn(checker.getTypeOfSymbol(parameter)))
        .filter((type) => !isService(type))
        .map((type) => ({ path: name, type })),
    );
    return below([...named, ...taken], (type) => !isService(type));
  }

  return {
    exportsOf,
    functionsOf,
    told,
    optionsOf,
    /** Every member of every exported type, those of nameless types in it as well. */
    membersOf: (file: string) =>
      below(
        exportsOf(file).flatMap(({ name, symbol }) =>
          typeOf(symbol).flatMap((type) => objectsIn(type).map((each) => ({ path: name, type: each }))),
        ),
        (type) => type.symbol.name === '__type',
      ),
    isFunction,
  };
}

/** Milliseconds, bytes and instants are in the words. */
function lacksUnit(name: string, text: string): boolean {
  if (/^ms$|Ms$/.test(name)) return !/millisecond|\bms\b/i.test(text);
  if (name.endsWith('Bytes')) return !/bytes?\b/i.test(text);
  if (/[a-z]At$|^(at|timestamp)$/.test(name)) return !/epoch ms|\bISO\b/i.test(text);
  return false;
}

/** What an option lacks, if anything. */
function poverty({ name, flags }: ts.Symbol, text: string): string[] {
  const isOptional = (flags & ts.SymbolFlags.Optional) !== 0;
  const lacks = [
    [text === '', 'words'],
    [lacksUnit(name, text), 'its unit'],
    [isOptional && !/@default \S/.test(text), 'its default'],
  ] as const;
  return lacks.flatMap(([is, what]) => (is ? [what] : []));
}

const { exportsOf, functionsOf, told, optionsOf, membersOf, isFunction } = reader(
  ts.createProgram(
    entries.map(({ file }) => file),
    options,
  ),
);

/** Of these everybody reads everything. */
const central = new Set(
  'Nexus NexusLifecycle NexusEvent NexusStats ReactorContext Reactor Explanation Health Schedule'.split(' '),
);
/** What somebody else has made, and the reader knows from there. */
const foreign =
  /Like$|^(AsymmetricMatcher|HasDispatched|MetricsRegister|RequestHeaders|SqliteStatement|StandardSchemaV1|UpgradeServer)$/;

describe.each(entries)('$subpath', ({ file }) => {
  it('says of every export what it is', () => {
    const poor = exportsOf(file).filter(({ symbol }) => told(symbol).length < 10);
    expect(poor.map(({ name }) => name)).toEqual([]);
  });

  it('says of every option what it does, its unit and its default, however deep it is', () => {
    const poor = optionsOf(file).flatMap(({ path, member }) => {
      const lacks = poverty(member, told(member));
      return lacks.length > 0 ? [`${path}: ${lacks.join(', ')}`] : [];
    });
    expect(poor).toEqual([]);
  });

  it('says of everything that is measured in what', () => {
    const poor = membersOf(file).filter(({ member }) => lacksUnit(member.name, told(member)));
    expect(poor.map(({ path }) => path)).toEqual([]);
  });

  it('says of every method, and of all that everybody reads, what it is', () => {
    const poor = membersOf(file).filter(({ path, member }) => {
      const [owner = '', ...way] = path.split('.');
      const isRead = central.has(owner) ? way.length === 1 : isFunction(member) && !foreign.test(owner);
      return isRead && told(member) === '';
    });
    expect(poor.map(({ path }) => path)).toEqual([]);
  });

  it('shows of every function how it is called', () => {
    const poor = functionsOf(file).filter(({ symbol }) => !told(symbol).includes('@example'));
    expect(poor.map(({ name }) => name)).toEqual([]);
  });
});

describe('this check', () => {
  it('sees what is missing, at the top and further in', () => {
    const path = join(root, 'poor.ts');
    const text = `
      /** Options of poor things. */
      export interface PoorOptions {
        waitMs?: number;
        /** How long, milliseconds. */
        restMs?: number;
        /** How much. @default 1 */
        sizeBytes?: number;
        /** Of a kind. @default none */
        inner?: { readonly untilAt: number; deep?: readonly { name?: string }[] };
      }
      /** Makes it. */
      export function createPoor(options: { whole?: PoorOptions }): void {}
    `;
    const host = ts.createCompilerHost(options);
    const fromDisk = host.getSourceFile.bind(host);
    host.getSourceFile = (name, target, ...rest) =>
      name === path ? ts.createSourceFile(name, text, target, true) : fromDisk(name, target, ...rest);
    const poor = reader(ts.createProgram([path], options, host));
    const found = poor
      .optionsOf(path)
      .map((each) => `${each.path}: ${poverty(each.member, poor.told(each.member)).join(', ')}`);
    expect(found).toEqual([
      'PoorOptions.waitMs: words, its unit, its default',
      'PoorOptions.restMs: its default',
      'PoorOptions.sizeBytes: its unit',
      'PoorOptions.inner: ',
      'PoorOptions.inner.untilAt: words, its unit',
      'PoorOptions.inner.deep: words, its default',
      'PoorOptions.inner.deep.name: words, its default',
      'createPoor.whole: words, its default',
    ]);
    expect(
      poor.functionsOf(path).filter(({ symbol }) => !poor.told(symbol).includes('@example')),
    ).toHaveLength(1);
  });
});
