/** Sends the same messages to everyone who is connected: as a Nexus does, or as a bare ws server sends a prepared string. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';
import type * as Main from '../../src/index.js';
import type * as Ws from '../../src/ws/index.js';
import { paymentOf } from '../payment.js';

const [kind, token = ''] = process.argv.slice(2);
const server = createServer();
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function bare(): Promise<(count: number) => Promise<void>> {
  const wss = new WebSocketServer({ server, perMessageDeflate: false });
  wss.on('connection', (socket) => socket.on('message', () => socket.send('{"status":"subscribed"}')));
  const text = (seq: number, type: string): string =>
    JSON.stringify({
      event: type,
      payload: paymentOf(seq),
      timestamp: Date.now(),
      id: '01995a1c-5d3e-7c4b-8f00-3b1d2c4e5f60',
      seq,
      source: 'nexus',
    });
  return await Promise.resolve(async (count: number) => {
    for (let n = 1; n <= count; n++) {
      const prepared = text(n, n === count ? 'THE_END' : 'PAYMENT');
      for (const client of wss.clients) client.send(prepared);
      await turn();
    }
  });
}

async function nexus(): Promise<(count: number) => Promise<void>> {
  const at = (path: string): string => new URL(`../../dist/${path}.js`, import.meta.url).href;
  const { createNexus, memoryStorage } = (await import(at('index'))) as typeof Main;
  const { createWebSocketHandler } = (await import(at('ws/index'))) as typeof Ws;
  const bus = createNexus({
    storage: memoryStorage(),
    logger: false,
    nodes: { reader: { secrets: [], subscribe: ['*'], tokens: [token] } },
  });
  createWebSocketHandler(bus, {
    path: '/',
    maxConnectionsPerNode: 100_000,
    maxConnectionsPerAddress: 100_000,
  }).attach(server);
  await bus.start();
  return async (count) => {
    for (let n = 1; n <= count; n++) await bus.dispatch(n === count ? 'THE_END' : 'PAYMENT', paymentOf(n));
  };
}

const broadcast = await (kind === 'nexus' ? nexus() : bare());
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
say({ port: (server.address() as AddressInfo).port });
for await (const line of createInterface({ input: process.stdin })) await broadcast(Number(line));
process.exit(0);
