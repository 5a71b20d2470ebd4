import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus, memoryStorage } from '@neo-protocol/nexus';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { lineOf } from './tail.js';

const token = 'a-token-for-this-test-alone';
const main = fileURLToPath(new URL('./main.ts', import.meta.url));

async function start() {
  const nexus = createNexus({
    storage: memoryStorage(),
    logger: false,
    nodes: { watcher: { secrets: [], tokens: [token], subscribe: ['*'] } },
  });
  const server = createServer(createHttpHandler(nexus, { basePath: '/nexus' }));
  const sockets = createWebSocketHandler(nexus);
  sockets.attach(server);
  onTestFinished(async () => {
    await Promise.all([nexus.close(), sockets.close()]);
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { nexus, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/nexus` };
}

function run(args: readonly string[], asToken = token) {
  const env = { ...process.env, NEXUS_TOKEN: asToken };
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...args], { env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const notes = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
  return {
    line: async () => String((await lines.next()).value),
    note: async () => String((await notes.next()).value),
    exit: new Promise<number | null>((resolve) => child.once('exit', resolve)),
    stop: () => void child.kill('SIGTERM'),
  };
}

describe('the live tail', () => {
  it('prints events as they come, over a lost connection, and goes on where its file says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-tail-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const cursor = `--cursor=${join(folder, 'cursor')}`;
    const { nexus, server, url } = await start();
    await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-1' });

    const first = run([url, 'PAYMENT_RECEIVED', 'MINT_CONFIRMED', '--after=0', cursor]);
    expect(await first.note()).toMatch(/^-- connected \((sse|websocket)\)$/);
    expect(await first.line()).toMatch(/ {5}1 PAYMENT_RECEIVED nexus \{"orderId":"o-1"\}$/);
    server.closeAllConnections();
    await nexus.dispatch('OTHER', {});
    await nexus.dispatch('MINT_CONFIRMED', { text: '\u001b[2J\u202eolá' });
    expect(await first.line()).toContain('MINT_CONFIRMED nexus {"text":"\\u001b[2J\\u{202e}olá"}');
    first.stop();
    expect(await first.exit).toBe(0);
    expect(readFileSync(join(folder, 'cursor'), 'utf8')).toBe('3');

    await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-2' });
    const second = run([url, 'PAYMENT_RECEIVED', cursor]);
    expect(await second.line()).toContain('"o-2"');
    second.stop();
    expect(await second.exit).toBe(0);
  }, 60_000);

  it('ends with 1 and the reason when its token is no good', async () => {
    const { url } = await start();
    const tail = run([url], 'some-other-token-of-nobody');
    expect(await tail.note()).toContain('over: NEXUS_UNAUTHENTICATED');
    expect(await tail.exit).toBe(1);
  }, 60_000);

  it('gives a type its color, and lets nobody else color anything', () => {
    const event = { id: 'i', seq: 1, type: 'A', payload: { a: '\u0007' }, source: '\u001b[1m', timestamp: 0 };
    const line = lineOf(event, { color: true });
    expect(line).toContain('\u001b[31mA\u001b[0m');
    expect(line).toContain('\\u{1b}[1m');
    expect(line).not.toContain('\u001b[1m');
  });
});
