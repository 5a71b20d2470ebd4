/** The tree is the architecture: this reads the imports and says where they break it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.split(sep).join('/'))
  .sort();

/** The floor and room of a file; a room imports only from floors below its own, or from itself. */
function placeOf(file: string): { floor: number; room: string } {
  const [first = '', second = ''] = file.split('/');
  if (['core', 'protocol', 'nodes', 'sdk'].includes(first)) return { floor: 0, room: first };
  if (first === 'contract' || file === 'nexus.ts' || /^storage\/[^/]+$/.test(file))
    return { floor: 1, room: 'contract' };
  if (first === 'engine' || first === 'webhooks') return { floor: 2, room: first };
  if (first === 'storage') return { floor: 2, room: `storage/${second}` };
  const door = [
    'index',
    'create-nexus',
    'options',
    'default-logger',
    'define-reactor',
    'load-reactors',
    'ingress-door',
    'node-desk',
    'load-permissions',
    'permissions-file',
    'checkpoint-note',
    'keep-checkpoints',
    'hmac-sha256',
  ];
  if (door.some((name) => file === `${name}.ts`)) return { floor: 3, room: 'door' };
  if (['http', 'fastify', 'koa', 'next', 'ws', 'testing', 'metrics', 'alerts'].includes(first))
    return { floor: 4, room: first };
  if (['cli', 'dashboard'].includes(first)) return { floor: 5, room: first };
  throw new Error(
    `src/${file} is in no room of the house: give it one, or add the room to docs/architecture.md and here`,
  );
}

/** Rooms on the ground floor that stand on others there: the catalogue is written with core, nodes with its errors, the client with both. */
const stairs = new Set(['protocol → core', 'nodes → core', 'sdk → core', 'sdk → nodes']);

type Import = { from: string; to: string; external: boolean };

function importsOf(file: string, text = readFileSync(join(root, file), 'utf8')): Import[] {
  const specifiers = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ];
  return specifiers.map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    const external = !specifier.startsWith('.');
    const to = external ? specifier : posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
    return { from: file, to, external };
  });
}

function violation({ from, to, external }: Import): string | undefined {
  const here = placeOf(from);
  if (external) {
    if (to === 'zod' && here.room !== 'protocol' && here.floor !== 3)
      return `${from} imports zod: only protocol/ may`;
    // The one thing of the ground floor that loads a package does it when its schemas are read.
    const loadsZod = from === 'protocol/zod-schema.ts' && to === 'node:module';
    if (here.floor === 0 && to !== 'zod' && !loadsZod)
      return `${from} imports ${to}: the ground floor is pure`;
    return undefined;
  }
  const there = placeOf(to);
  if (there.floor < here.floor || there.room === here.room || stairs.has(`${here.room} → ${there.room}`))
    return undefined;
  return `${from} (${here.room}, floor ${here.floor}) imports ${to} (${there.room}, floor ${there.floor})`;
}

const imports = files.flatMap((file) => importsOf(file));

describe('the house', () => {
  it('imports only from floors below', () => {
    expect(imports.map(violation).filter(Boolean)).toEqual([]);
  });

  it('would say so if it did not', () => {
    const bad =
      "import { x } from '../storage/sqlite/index.js';\nimport type { y } from '../create-nexus.js';\nimport z from 'zod';";
    expect(importsOf('engine/bad.ts', bad).map(violation).filter(Boolean)).toHaveLength(3);
    expect(
      importsOf('core/bad.ts', "import { hash } from 'node:crypto';").map(violation).filter(Boolean),
    ).toHaveLength(1);
    expect(
      importsOf('http/bad.ts', "import { createEngine } from '../ws/index.js';")
        .map(violation)
        .filter(Boolean),
    ).toHaveLength(1);
  });

  it('has no import cycle', () => {
    const graph = new Map(
      files.map((file) => [
        file,
        imports.filter((each) => each.from === file && !each.external).map((each) => each.to),
      ]),
    );
    const done = new Set<string>();
    const walk = (file: string, path: string[]): string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const to of graph.get(file) ?? []) {
        const cycle = walk(to, [...path, file]);
        if (cycle) return cycle;
      }
      done.add(file);
      return undefined;
    };
    expect(files.map((file) => walk(file, [])).find(Boolean)).toBeUndefined();
  });

  it('keeps the ground floor free of clocks and chance', () => {
    const impure = files.filter(
      (file) =>
        placeOf(file).floor === 0 &&
        // The client has no host who would pass them in.
        placeOf(file).room !== 'sdk' &&
        /Date\.now\(|Math\.random\(|new Date\(\)|\bprocess\.[a-z]/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(impure).toEqual([]);
  });

  it('hands out what is stored through core/versions.ts alone, which upcasts it', () => {
    const past = files.filter(
      (file) =>
        !['core/event.ts', 'core/versions.ts'].includes(file) &&
        /\b(withPayload|parsePayload)\b|JSON\.parse\([^)]*\.payload\b/.test(
          readFileSync(join(root, file), 'utf8'),
        ),
    );
    expect(past).toEqual([]);
  });

  it('has files that can be read at a sitting', () => {
    const sizes = files
      .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length - 1 }))
      .sort((a, b) => a.lines - b.lines);
    expect(sizes.filter(({ lines }) => lines > 400)).toEqual([]);
    expect(sizes[Math.floor(sizes.length / 2)]?.lines).toBeLessThanOrEqual(120);
    expect(sizes.filter(({ lines }) => lines > 250).length / sizes.length).toBeLessThanOrEqual(0.1);
  });

  it('names folders by nouns of the domain and files in kebab-case', () => {
    expect(files.filter((file) => /(^|\/)(utils|helpers|types|interfaces)\//.test(file))).toEqual([]);
    expect(files.filter((file) => !/^[a-z0-9-]+(\.d)?\.ts$/.test(posix.basename(file)))).toEqual([]);
  });

  it('uses neither any nor non-null assertions nor export *', () => {
    const found = files.filter((file) => {
      const code = readFileSync(join(root, file), 'utf8')
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
        .replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''");
      return /[:<,(|]\s*any\b|\bas any\b|[\w)\]]!(?:[.;,)[]|$)|export \*/m.test(code);
    });
    expect(found).toEqual([]);
  });
});
