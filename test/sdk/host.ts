/** A host with a Nexus on a real socket, which can be stopped and started again on the same port, and what stands before it. */
import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { createHttpHandler, type HttpHandlerOptions } from '../../src/http/index.js';
import type { Nexus, NexusOptions } from '../../src/nexus.js';
import { createMemoryDatabase, memoryStorage } from '../../src/storage/memory/index.js';
import { createWebSocketHandler, type WebSocketHandlerOptions } from '../../src/ws/index.js';

/** A secret or token that exists for this run only. */
export function secret(): string {
  return randomBytes(24).toString('hex');
}

export type Host = {
  readonly nexus: Nexus;
  /** Where the handler is mounted. */
  readonly url: string;
  readonly port: number;
  /** Closes the Nexus and its server; the database stays. */
  readonly stop: () => Promise<void>;
};
export type HostOptions = Partial<NexusOptions> & {
  readonly database?: ReturnType<typeof createMemoryDatabase>;
  readonly port?: number;
  readonly http?: HttpHandlerOptions;
  /** `false`: none is mounted. */
  readonly ws?: WebSocketHandlerOptions | false;
};

/** A Nexus in memory behind its handlers at /nexus, on real time. Give it the database and port of one that was stopped to start that again. */
export async function startHost(options: HostOptions = {}): Promise<Host> {
  const { database = createMemoryDatabase(), port: wanted, http, ws, ...rest } = options;
  const nexus = createNexus({ logger: false, storage: memoryStorage({ database }), ...rest });
  const limits = { rateLimit: false, nodeRateLimit: false } as const;
  const server = createServer(createHttpHandler(nexus, { basePath: '/nexus', ...limits, ...http }));
  const sockets = ws === false ? undefined : createWebSocketHandler(nexus, ws);
  sockets?.attach(server);
  const end = async (): Promise<void> => {
    await Promise.all([nexus.close({ timeoutMs: 0 }), sockets?.close(), stop(server)]);
  };
  onTestFinished(end);
  const { url, port } = await start(server, wanted);
  return { nexus, url: `${url}/nexus`, port, stop: end };
}

/** Listens on loopback; gone when the test ends. */
export async function listen(server: Server): Promise<{ readonly url: string; readonly port: number }> {
  onTestFinished(() => stop(server));
  return await start(server, 0);
}

async function start(server: Server, port = 0): Promise<{ readonly url: string; readonly port: number }> {
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', listening);
  });
  const taken = (server.address() as AddressInfo).port;
  return { url: `http://127.0.0.1:${taken}`, port: taken };
}

/** Waits for a fact; how long is a matter of the machine, not of the test. */
export async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitUntil(fact, { timeout: 60_000, interval: 5 });
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await new Promise((closed) => server.close(closed));
}

/** A server that answers as it is told. */
export async function answering(listener: RequestListener): Promise<string> {
  return (await listen(createServer(listener))).url;
}

/** How many bytes of a chunk are passed on before the connection is cut; all of it: it is not. `drop`: it is swallowed. */
export type Decide = (chunk: Buffer, passed: number) => number | 'drop';

/** A TCP proxy that cuts connections as `decide` says of the chunks that come back. */
export async function proxy(
  target: () => number,
  decide: Decide,
): Promise<{ readonly port: number; readonly cuts: number }> {
  const open = new Set<Socket>();
  const state = { cuts: 0 };
  const server = createTcpServer((near) => {
    const far = connect(target(), '127.0.0.1');
    let passed = 0;
    const end = (): void => {
      near.destroy();
      far.destroy();
      open.delete(near);
    };
    open.add(near);
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      const allowed = decide(chunk, passed);
      if (allowed === 'drop') return;
      if (allowed < chunk.length) {
        state.cuts += 1;
        far.pause();
        near.write(chunk.subarray(0, allowed), end);
        return;
      }
      passed += chunk.length;
      if (!near.write(chunk)) {
        far.pause();
        near.once('drain', () => far.resume());
      }
    });
  });
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((closed) => server.close(closed));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, { port });
}
