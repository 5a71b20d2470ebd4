/** A Nexus with its WebSocket handler in a process of its own; says its memory when asked, dispatches when told. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createNexus } from '../../src/index.js';
import { createWebSocketHandler } from '../../src/ws/index.js';

const folder = mkdtempSync(join(tmpdir(), 'nexus-live-'));
const token = randomBytes(24).toString('hex');
const nexus = createNexus({
  storage: join(folder, 'nexus.db'),
  logger: false,
  nodes: { reader: { secrets: [], subscribe: ['*'], tokens: [token] } },
});
const heartbeatMs = Number(process.argv[2] ?? 30_000);
const ws = createWebSocketHandler(nexus, {
  heartbeatMs,
  maxConnectionsPerNode: 20_000,
  maxConnectionsPerAddress: 20_000,
});
const server = createServer();
ws.attach(server);
await nexus.start();
await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
const say = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
say({ port: (server.address() as AddressInfo).port, token });

const commands: Record<string, (argument: number) => Promise<void>> = {
  /** Events at once, of a KiB, each with the instant at which it was said. */
  say: async (count) => {
    const filler = 'x'.repeat(1_000);
    const items = Array.from({ length: count }, () => ({
      type: 'TICK',
      payload: { at: performance.timeOrigin + performance.now(), filler },
    }));
    await nexus.dispatchMany(items);
  },
  status: async () => {
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const { connections } = await nexus.stats();
    const sockets = await new Promise<number>((resolve) =>
      server.getConnections((_error, count) => resolve(count)),
    );
    if (global.gc) global.gc();
    const { rss, heapUsed } = process.memoryUsage();
    const listeners = server.listenerCount('upgrade') + server.listenerCount('connection');
    say({ rss, heapUsed, timers, sockets, listeners, open: ws.connections, connections });
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', argument] = line.split(' ');
  await commands[name]?.(Number(argument));
}
await nexus.close();
server.close();
server.closeAllConnections();
rmSync(folder, { recursive: true, force: true });
