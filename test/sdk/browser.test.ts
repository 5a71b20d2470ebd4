/** The SDK in pages: its size, what it needs, and that it does there what it does here. */
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type * as Sdk from '../../src/sdk/index.js';
import { awkwardTexts } from './awkward-texts.js';
import { bundle } from './bundle.js';
import { noBrowser } from '../support/chromium.js';
import { openPage } from './chromium.js';
import { answering, proxy, secret, startHost } from './host.js';

const entry = new URL('../../src/sdk/index.ts', import.meta.url);

/** One of its exports alone, as a bundler of the user's takes it. */
async function alone(name: keyof typeof Sdk): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-sdk-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'entry.ts');
  writeFileSync(file, `export { ${name} } from ${JSON.stringify(fileURLToPath(entry))};`);
  return await bundle(file);
}

describe('the bundle', () => {
  it('is small: 8.5 KiB gzipped, and verifyRequest alone 2.5', async () => {
    const size = (code: string): number => gzipSync(code, { level: 9 }).length;
    expect(size(await bundle(entry))).toBeLessThanOrEqual(8.5 * 1_024);
    expect(size(await alone('createNexusClient'))).toBeLessThanOrEqual(7.5 * 1_024);
    expect(size(await alone('verifyRequest'))).toBeLessThanOrEqual(2.5 * 1_024);
  });

  it('imports nothing, and knows nothing of Node', async () => {
    const code = await bundle(entry);
    expect(code.match(/\b(?:import|require)\b|["']node:|\bprocess\b|\bBuffer\b/g)).toBeNull();
  });

  const dist = fileURLToPath(new URL('../../dist/sdk/', import.meta.url));
  const files = ['index.js', 'index.cjs'].map((name) => join(dist, name));
  it.skipIf(!files.every((file) => existsSync(file)))(
    'imports nothing but its own files as it is published (skipped before a build)',
    () => {
      const foreign = (file: string): string[] => {
        const code = readFileSync(file, 'utf8');
        const imports = [...code.matchAll(/(?:\bfrom|\brequire\(|\bimport\(?)\s*["']([^"']+)["']/g)];
        return imports.flatMap(([, to = '']) => (to.startsWith('.') ? foreign(join(file, '..', to)) : [to]));
      };
      expect(files.flatMap(foreign)).toEqual([]);
    },
  );
});

describe.skipIf(noBrowser)(`in a browser${noBrowser === undefined ? '' : `: skipped, ${noBrowser}`}`, () => {
  let script = '';
  beforeAll(async () => {
    script = await bundle(entry, { format: 'iife', globalName: 'sdk' });
  });

  /** A page of another origin than the Nexus, with the SDK on it. */
  async function pageWithSdk() {
    const site = await answering((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>page</title>');
    });
    const { page, errors } = await openPage();
    await page.goto(site);
    await page.addScriptTag({ content: script });
    return { page, errors, site };
  }

  it('signs and verifies as Node does', async () => {
    const { page, errors } = await pageWithSdk();
    const key = secret();
    const body = JSON.stringify({
      id: 'i',
      event: 'A',
      payload: { text: 'olá 🌍' },
      timestamp: '2026-03-01T00:00:00Z',
      seq: 1,
      source: 's',
    });
    const { headers, event, refused } = await page.evaluate(
      async ({ key: secretOfPage, body: text }) => {
        const { sdk } = globalThis as unknown as { sdk: typeof Sdk };
        const signed = await sdk.signRequest(text, secretOfPage, { signatures: ['nexus', 'standard'] });
        const wrong = await sdk
          .verifyRequest(`${text} `, signed, secretOfPage)
          .catch((error: unknown) => error);
        return {
          headers: signed,
          event: await sdk.verifyRequest(text, new Headers(signed), ['another secret', secretOfPage]),
          refused: (wrong as Sdk.NexusError).code,
        };
      },
      { key, body },
    );
    expect(headers['X-Nexus-Signature']).toBe(createHmac('sha256', key).update(body).digest('hex'));
    expect(event).toMatchObject({ type: 'A', payload: { text: 'olá 🌍' }, timestamp: Date.UTC(2026, 2, 1) });
    expect(refused).toBe('NEXUS_UNAUTHENTICATED');
    expect(errors).toEqual([]);
  });

  it.each(['websocket', 'sse'] as const)(
    'dispatches and hears over %s, also through cuts',
    async (transport) => {
      const { page, errors, site } = await pageWithSdk();
      const [token, key] = [secret(), secret()];
      const { nexus, port } = await startHost({
        nodes: { page: { secrets: [key], dispatch: ['*'], tokens: [token], subscribe: ['*'] } },
        http: { cors: { origins: [site] } },
      });
      const between = await proxy(
        () => port,
        (_chunk, passed) => Math.max(0, 20_000 - passed),
      );
      const url = `http://127.0.0.1:${between.port}/nexus`;
      const texts = awkwardTexts();
      const batch = texts.map((text, i) => ({ type: 'A', payload: { text, i } }));
      await nexus.dispatchMany(batch);
      const seen = await page.evaluate(
        async ({ transport: way, token: tokenOfPage, key: secretOfPage, url: base, count }) => {
          const { sdk } = globalThis as unknown as { sdk: typeof Sdk };
          const client = sdk.createNexusClient({
            url: base,
            node: 'page',
            secret: secretOfPage,
            token: tokenOfPage,
            transport: way,
            reconnect: { initialMs: 1, maxMs: 20 },
          });
          const payloads: unknown[] = [];
          await new Promise<void>((resolve) => {
            client.onEvent(
              '*',
              (payload) => {
                payloads.push(payload);
                if (payloads.length === count) void client.dispatch('LAST', { said: 'by the page' });
                if (payloads.length > count) resolve();
              },
              {
                after: 0,
                cursor: {
                  load: () => Number(localStorage.getItem('cursor') ?? 0),
                  save: (seq) => localStorage.setItem('cursor', String(seq)),
                },
              },
            );
          });
          await client.close();
          return { payloads, cursor: localStorage.getItem('cursor') };
        },
        { transport, token, key, url, count: texts.length },
      );
      expect(seen.payloads).toEqual([...batch.map(({ payload }) => payload), { said: 'by the page' }]);
      expect(seen.cursor).toBe(String(texts.length + 1));
      expect(between.cuts).toBeGreaterThan(2);
      expect(errors).toEqual([]);
    },
  );

  it('stops with an error when its token is no good, though a page cannot see why a WebSocket was refused', async () => {
    const { page, site } = await pageWithSdk();
    const { url } = await startHost({
      nodes: { page: { secrets: [], tokens: [secret()], subscribe: ['*'] } },
      http: { cors: { origins: [site] } },
    });
    const code = await page.evaluate(
      async ({ url: base, token }) => {
        const { sdk } = globalThis as unknown as { sdk: typeof Sdk };
        const client = sdk.createNexusClient({ url: base, token });
        return (await client.onEvent('*', () => undefined).closed)?.code;
      },
      { url, token: secret() },
    );
    expect(code).toBe('NEXUS_UNAUTHENTICATED');
  });
});
