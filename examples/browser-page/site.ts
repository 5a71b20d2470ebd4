/** Serves the page: its HTML, its script with the SDK in it, and where its Nexus is. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

/** The token is one that may only read what all who see the page may read: they have it. */
export async function createSite(settings: {
  readonly url: string;
  readonly token: string;
}): Promise<RequestListener> {
  const html = await readFile(new URL('./index.html', import.meta.url), 'utf8');
  const files = new Map([
    ['/', { type: 'text/html', text: html }],
    ['/page.js', { type: 'text/javascript', text: await bundle('./page.ts') }],
    ['/settings.json', { type: 'application/json', text: JSON.stringify(settings) }],
  ]);
  return (request, response) => {
    const file = files.get(request.url ?? '');
    const headers = {
      'content-type': `${file?.type ?? 'text/plain'}; charset=utf-8`,
      'cache-control': 'no-store',
    };
    response.writeHead(file ? 200 : 404, headers).end(file?.text);
  };
}

/** Any bundler will do. */
async function bundle(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nexus-page-'));
  try {
    await build({
      entry: { page: fileURLToPath(new URL(name, import.meta.url)) },
      format: ['esm'],
      platform: 'browser',
      target: 'es2022',
      minify: true,
      outDir: folder,
      outExtension: () => ({ js: '.js' }),
      dts: false,
      config: false,
      silent: true,
    });
    return await readFile(join(folder, 'page.js'), 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
