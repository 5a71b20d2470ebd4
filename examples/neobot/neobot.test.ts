/** Neobot as a whole: real sockets, real files, a real process that is told to stop. */
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EventSource } from 'eventsource';
import { pino } from 'pino';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createTestNexus, type FakeNode, type FakeRequest } from '@neo-protocol/nexus/testing';
import { needsBetterSqlite3 } from '../../test/support/better-sqlite3.js';
import type { Config } from './config.js';
import { startNeobot } from './neobot.js';

beforeEach(needsBetterSqlite3);

/** Stand-ins for the gateway and the factory, and what Neobot needs to know of them. */
async function surroundings() {
  const kit = createTestNexus();
  const folder = mkdtempSync(join(tmpdir(), 'neobot-'));
  onTestFinished(async () => {
    await kit.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const [gateway, factory] = [await kit.fakeNode('whatsapp'), await kit.fakeNode('factory')];
  const config: Config = {
    folder,
    port: 0,
    flowpaySecret: 'flowpay-secret-of-this-test',
    panelToken: 'panel-token-of-this-test',
    whatsApp: { url: gateway.url, token: 'whatsapp-token-of-this-test' },
    factory: { url: factory.url, apiKey: 'api-key-of-this-test', secret: 'factory-secret-of-this-test' },
  };
  return { gateway, factory, config };
}

/** Resolves with the next request; what answers it may take its time. */
function asked(node: FakeNode, meanwhile: Promise<unknown> = Promise.resolve()): Promise<FakeRequest> {
  return new Promise((resolve) => {
    node.next(async (request) => {
      resolve(request);
      await meanwhile;
      return { status: 202 };
    });
  });
}

async function post(url: string, body: unknown, headers: Record<string, string>): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return response.status;
}
const signed = (body: unknown, secret: string) => ({
  'x-nexus-signature': createHmac('sha256', secret).update(JSON.stringify(body)).digest('hex'),
});
const payment = { orderId: 'o-1', amount: '10.00', currency: 'BRL', payerId: 'EQana', status: 'confirmed' };
const minted = {
  contractAddress: 'EQneo',
  status: 'confirmed',
  metadata: { orderId: 'o-1', txHash: '0x1', recipient: 'EQana', amount: '10.00' },
};

it('greets, mints and tells, while others watch', async () => {
  const { gateway, factory, config } = await surroundings();
  const lines: string[] = [];
  const log = pino({ name: 'neobot' }, { write: (line: string) => void lines.push(line) });
  const neobot = await startNeobot(config, log);
  onTestFinished(async () => {
    await neobot.close();
  });
  const { url, nexus } = neobot;

  const authorization = `Bearer ${config.panelToken}`;
  const source = new EventSource(`${url}/nexus/events/stream?after=0`, {
    fetch: (at, init) => fetch(at, { ...init, headers: { ...init.headers, authorization } }),
  });
  onTestFinished(() => source.close());
  const streamed = new Promise((resolve) => source.addEventListener('MINT_CONFIRMED', resolve));
  const socket = new WebSocket(`${url.replace('http', 'ws')}/nexus/ws`, { headers: { authorization } });
  onTestFinished(() => socket.terminate());
  const pushed = new Promise<string>((resolve) =>
    socket.on('message', (data: Buffer) => {
      if (data.toString().includes('"event":"MINT_CONFIRMED"')) resolve(data.toString());
    }),
  );
  socket.on('open', () => socket.send(JSON.stringify({ action: 'subscribe', events: ['*'], after: 0 })));

  const write = (id: string, text: string) =>
    post(
      `${url}/whatsapp`,
      { id, from: '+55 11', text },
      { authorization: `Bearer ${config.whatsApp.token}` },
    );
  const greeting = asked(gateway);
  expect(await write('m-1', 'hello')).toBe(200);
  expect(await write('m-1', 'hello')).toBe(200);
  expect((await greeting).json).toMatchObject({
    to: '+55 11',
    text: expect.stringMatching(/^Welcome/) as string,
  });
  expect(await write('m-2', 'wallet EQana')).toBe(200);

  const order = asked(factory);
  expect(await post(`${url}/nexus/webhook/flowpay`, payment, signed(payment, config.flowpaySecret))).toBe(
    202,
  );
  expect((await order).json).toMatchObject({ targetAddress: 'EQana', refTransactionId: 'o-1' });
  const told = asked(gateway);
  expect(await post(`${url}/nexus/webhook/factory`, minted, signed(minted, config.factory.secret))).toBe(202);
  expect((await told).json).toEqual({ to: '+55 11', text: '10.00 tokens are in your wallet.' });
  await Promise.all([streamed, pushed]);
  await nexus.idle();
  expect([gateway.requests.length, factory.requests.length]).toEqual([2, 1]);

  // Its own routes are as they were, and so are its own refusals.
  expect(await (await fetch(`${url}/status`)).json()).toEqual({ contacts: 1 });
  expect((await fetch(`${url}/nowhere`)).status).toBe(404);
  expect(await post(`${url}/whatsapp`, {}, { authorization: 'Bearer guessed' })).toBe(401);
  expect(await post(`${url}/whatsapp`, {}, { authorization: `Bearer ${config.whatsApp.token}` })).toBe(400);

  expect(await nexus.stats()).toMatchObject({ connections: { webSocket: 1, sse: 1 } });
  expect(await neobot.close()).toMatchObject({ interrupted: 0, unrecorded: 0 });
  expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
    expect.objectContaining({ name: 'neobot', part: 'nexus' }),
  );
  expect(lines.join('')).not.toMatch(/secret-of-this-test|token-of-this-test|api-key-of-this-test/);
});

it('finishes what it has begun when it is told to stop, and does not do it again', async () => {
  const { gateway, factory, config } = await surroundings();
  let mayMint: () => void = () => undefined;
  const order = asked(factory, new Promise<void>((resolve) => (mayMint = resolve)));

  const first = run(config);
  const { url } = await first.line('listening');
  expect(
    await post(`${String(url)}/nexus/webhook/flowpay`, payment, signed(payment, config.flowpaySecret)),
  ).toBe(202);
  await order;
  first.stop();
  await first.line('stopping');
  mayMint();
  expect(await first.line('stopped')).toMatchObject({ drained: 1, interrupted: 0, unrecorded: 0 });
  expect(await first.exit).toBe(0);

  const second = run(config);
  const again = await second.line('listening');
  const told = asked(gateway);
  const authorization = `Bearer ${config.whatsApp.token}`;
  await post(`${String(again.url)}/whatsapp`, { id: 'm-1', from: '+55 11', text: 'hi' }, { authorization });
  await told;
  second.stop();
  expect(await second.exit).toBe(0);
  expect(factory.requests).toHaveLength(1);
}, 60_000);

function run(config: Config) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('./main.ts', import.meta.url))],
    {
      env: {
        ...process.env,
        NEOBOT_FOLDER: config.folder,
        PORT: '0',
        FLOWPAY_SECRET: config.flowpaySecret,
        PANEL_TOKEN: config.panelToken,
        WHATSAPP_URL: config.whatsApp.url,
        WHATSAPP_TOKEN: config.whatsApp.token,
        FACTORY_URL: config.factory.url,
        FACTORY_API_KEY: config.factory.apiKey,
        FACTORY_SECRET: config.factory.secret,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    exit,
    stop: () => child.kill('SIGTERM'),
    /** The next line of its log that says so. */
    line: async (message: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const next = await lines.next();
        if (next.done === true) throw new Error(`it ended without saying "${message}"`);
        const line = JSON.parse(next.value) as Record<string, unknown>;
        if (line.msg === message) return line;
      }
    },
  };
}
