import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', 'http/index': 'src/http/index.ts' },
  format: ['esm', 'cjs'],
  // TypeScript 6 deprecates the baseUrl that the declaration bundler sets.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // One copy of every class: without splitting, `instanceof` fails across subpaths.
  splitting: true,
  // The SQLite driver is found from the module's own place, in both formats.
  shims: true,
  clean: true,
  target: 'node20',
  sourcemap: true,
});
