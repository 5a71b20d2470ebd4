/** Reactors out of a folder: a file each, or several. */
import { readdir } from 'node:fs/promises';
import { join, parse, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { invalidArgument, optionsArgument } from './core/arguments.js';
import type { AnyCatalogue, Catalogue } from './core/catalogue.js';
import { describeFailure, NexusError } from './core/errors.js';
import type { ReactorDefinition } from './nexus.js';

/** For `loadReactors`. */
export interface LoadReactorsOptions {
  /** Look into the folders below, too. @default false */
  recursive?: boolean;
  /**
   * Given to every default export that is a function: `export default (deps) => defineReactor(…)`. Without it such a file
   * is refused. @default none
   */
  deps?: unknown;
}

/**
 * The reactors that the files of a folder export, as default or by name, in the order of the files' names. A file is read
 * when this is called, not before. Left out: tests (`*.test.*`, `*.spec.*`, `__tests__`), declarations, and what begins with
 * a dot. TypeScript is loaded where the process can: under tsx and vitest, and on a Node that strips types.
 *
 * @param dir a path, as seen from the working directory, or a URL
 * @example for (const reactor of await loadReactors(new URL('./reactors/', import.meta.url))) nexus.register(reactor);
 * @throws NexusError NEXUS_NOT_FOUND (the folder), NEXUS_REACTOR_FILE (a file that cannot be loaded, or has no reactor), NEXUS_REACTOR_NAME_TAKEN (one name in two files), NEXUS_INVALID_OPTION
 */
export async function loadReactors<E extends Catalogue = AnyCatalogue>(
  dir: string | URL,
  options: LoadReactorsOptions = {},
): Promise<ReactorDefinition<E>[]> {
  if (!(dir instanceof URL) && (typeof dir !== 'string' || dir === ''))
    throw invalidArgument('dir', 'a path or a file URL', dir);
  const how = optionsArgument(options);
  const folder = resolve(dir instanceof URL ? fileURLToPath(dir) : dir);
  const files = compiledOnly(await filesIn(folder, how.recursive ?? false));
  const reactors: ReactorDefinition<E>[] = [];
  const owners = new Map<string, string>();
  for (const file of files) {
    for (const reactor of await reactorsOf<E>(file, how)) {
      const { name } = reactor;
      const owner = name === undefined ? undefined : owners.get(name);
      if (owner !== undefined && name !== undefined)
        throw new NexusError(
          'NEXUS_REACTOR_NAME_TAKEN',
          `two reactors are named "${name}": in ${owner} and in ${file}; give one of them another name`,
          { details: { name, files: [owner, file] } },
        );
      if (name !== undefined) owners.set(name, file);
      reactors.push(reactor);
    }
  }
  return reactors;
}

const source = /\.[cm]?[jt]s$/;
const leftOut = /^\.|\.d\.[cm]?ts$|\.(test|spec)\.[cm]?[jt]s$/;

async function filesIn(folder: string, recursive: boolean): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw new NexusError(
      'NEXUS_NOT_FOUND',
      `there is no folder of reactors at ${folder} that could be read (${describeFailure(cause).message})`,
      { cause, details: { folder } },
    );
  }
  const files: string[] = [];
  // By code units: the same order on every machine, whatever its locale.
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (leftOut.test(entry.name)) continue;
    if (entry.isDirectory()) {
      if (recursive && entry.name !== '__tests__' && entry.name !== 'node_modules')
        files.push(...(await filesIn(path, recursive)));
    } else if (source.test(entry.name)) files.push(path);
  }
  return files;
}

/** Where a compiler has put its output beside the source, one of the two is meant: the one that every Node can load. */
function compiledOnly(files: readonly string[]): string[] {
  const compiled = new Set(files.filter((file) => file.endsWith('js')).map(stemOf));
  return files.filter((file) => file.endsWith('js') || !compiled.has(stemOf(file)));
}

function stemOf(file: string): string {
  const { dir, name, ext } = parse(file);
  return join(dir, `${name}${ext.replace(/[jt]s$/, '')}`);
}

async function reactorsOf<E extends Catalogue>(
  file: string,
  { deps }: Partial<LoadReactorsOptions>,
): Promise<ReactorDefinition<E>[]> {
  const exports = await load(file);
  const values = Object.entries(exports).map(([name, value]) => {
    if (name !== 'default' || typeof value !== 'function') return value;
    if (deps !== undefined) return make(file, value as (deps: unknown) => unknown, deps);
    throw refused(file, 'its default export is a function: pass what it needs as { deps }');
  });
  // One that is exported under two names is one reactor.
  const found = [...new Set(values.flat())].filter(isReactor) as unknown as ReactorDefinition<E>[];
  if (found.length > 0) return found;
  const names = Object.keys(exports).join(', ') || 'nothing';
  throw refused(
    file,
    `it exports no reactor (it exports ${names}); export one made by defineReactor, or move the file out of the folder`,
  );
}

async function load(file: string): Promise<Record<string, unknown>> {
  let module: Record<string, unknown>;
  try {
    module = await importModule(pathToFileURL(file).href);
  } catch (cause) {
    const { code, message } = describeFailure(cause);
    const cure =
      code === 'ERR_UNKNOWN_FILE_EXTENSION'
        ? 'this process does not load TypeScript; compile it first, or run under tsx or a Node that strips types'
        : message;
    throw refused(file, cure, cause);
  }
  // Of CommonJS, `module.exports` is the default export, and may be there a second time.
  const whole = module.default;
  const isBag = typeof whole === 'object' && whole !== null && !Array.isArray(whole) && !isReactor(whole);
  return isBag ? { ...module, ...whole, ...('default' in whole ? {} : { default: undefined }) } : module;
}

/** Set by the bundler: 'esm' or 'cjs'. */
declare const TSUP_FORMAT: string | undefined;

/** Bundled as CommonJS an `import()` becomes a `require`, which takes neither URLs nor modules: there it is out of a text. */
async function importModule(url: string): Promise<Record<string, unknown>> {
  if (typeof TSUP_FORMAT === 'string' && TSUP_FORMAT === 'cjs') {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- a constant text, for want of another way past the bundler
    const native = new Function('url', 'return import(url)') as typeof importModule;
    return await native(url);
  }
  return (await import(url)) as Record<string, unknown>;
}

function make(file: string, factory: (deps: unknown) => unknown, deps: unknown): unknown {
  try {
    return factory(deps);
  } catch (cause) {
    throw refused(file, `its default export failed: ${describeFailure(cause).message}`, cause);
  }
}

function isReactor(value: unknown): value is ReactorDefinition {
  if (typeof value !== 'object' || value === null) return false;
  const { on, handler } = value as Partial<ReactorDefinition>;
  return typeof handler === 'function' && (typeof on === 'string' || Array.isArray(on));
}

function refused(file: string, why: string, cause?: unknown): NexusError {
  return new NexusError('NEXUS_REACTOR_FILE', `${file} cannot be used as a file of reactors: ${why}`, {
    details: { file },
    ...(cause !== undefined && { cause }),
  });
}
