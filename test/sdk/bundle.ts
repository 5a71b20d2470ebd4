/** The SDK as a page gets it: one file, made by the bundler that the package is built with. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

/** The minified text of an entry for browsers, as an ES module or as a script that sets a global. */
export async function bundle(
  entry: URL | string,
  options: { readonly format?: 'esm' | 'iife'; readonly globalName?: string } = {},
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-sdk-'));
  try {
    await build({
      entry: { sdk: typeof entry === 'string' ? entry : fileURLToPath(entry) },
      format: [options.format ?? 'esm'],
      ...(options.globalName !== undefined && { globalName: options.globalName }),
      outDir: folder,
      platform: 'browser',
      target: 'es2022',
      minify: true,
      splitting: false,
      dts: false,
      config: false,
      silent: true,
    });
    const [file = ''] = readdirSync(folder);
    return readFileSync(join(folder, file), 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
