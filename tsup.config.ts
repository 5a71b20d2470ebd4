import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsup';

/** One entry for each subpath that package.json exports: `./http` is src/http/index.ts. */
const { exports: subpaths } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, unknown>;
};
const rooms = Object.keys(subpaths)
  .filter((subpath) => /^\.\/[a-z]+$/.test(subpath))
  .map((subpath) => subpath.slice(2));

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    // The program, beside the subpaths so that it shares their chunks.
    'cli/main': 'src/cli/main.ts',
    ...Object.fromEntries(rooms.map((room) => [`${room}/index`, `src/${room}/index.ts`])),
  },
  format: ['esm', 'cjs'],
  // TypeScript 6 deprecates the baseUrl that the declaration bundler sets. What only tests may say is not in the declarations.
  dts: { compilerOptions: { ignoreDeprecations: '6.0', stripInternal: true } },
  // One copy of every class: without splitting, `instanceof` fails across subpaths.
  splitting: true,
  // The SQLite driver is found from the module's own place, in both formats.
  shims: true,
  clean: true,
  target: 'node20',
  sourcemap: true,
});
