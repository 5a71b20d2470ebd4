/** A Nexus behind its WebSocket handler on a real server, and plain `ws` clients. */
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import type { NexusOptions } from '../../src/nexus.js';
import type { NodeConfig } from '../../src/nodes/node-config.js';
import {
  createWebSocketHandler,
  type WebSocketHandler,
  type WebSocketHandlerOptions,
} from '../../src/ws/index.js';
import { createBus, type Bus } from '../support/bus.js';

export const tokens = { reader: token(), picky: token(), admin: token(), mute: token() };

export function token(): string {
  return randomBytes(24).toString('hex');
}

/** `reader` may see everything, `picky` payments alone, `admin` the library's own types too, `mute` nothing. */
export const nodes = (): Record<string, NodeConfig> => ({
  reader: { secrets: [], subscribe: ['*'], tokens: [tokens.reader] },
  picky: { secrets: [], subscribe: ['PAYMENT_*'], tokens: [tokens.picky] },
  admin: { secrets: [], subscribe: ['*', 'nexus.log.gap'], tokens: [tokens.admin], admin: true },
  mute: { secrets: [], tokens: [tokens.mute] },
});

export type Message = Record<string, unknown>;

export interface Client {
  readonly socket: WebSocket;
  readonly say: (message: unknown) => void;
  /** The next message that came. */
  readonly next: () => Promise<Message>;
  /** Says, and gives the next message. */
  readonly ask: (message: unknown) => Promise<Message>;
  /** What came and was not read. */
  readonly unread: readonly Message[];
  /** With which code it ended. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export type Live = Bus & {
  readonly server: Server;
  readonly ws: WebSocketHandler;
  readonly port: number;
  /** What waits for the slowest client in the server's memory, bytes. */
  readonly waiting: () => number;
  readonly url: string;
  readonly connect: (as?: keyof typeof tokens, options?: ClientOptions) => Promise<Client>;
  /** The status and the body with which an upgrade is turned down. */
  readonly refused: (
    options?: ClientOptions & { path?: string },
  ) => Promise<{ status: number; body: Message }>;
};

export async function serve(
  options: { bus?: Partial<NexusOptions>; ws?: WebSocketHandlerOptions; server?: Server } = {},
): Promise<Live> {
  const bus = createBus({ nodes: nodes(), ...options.bus });
  const server = options.server ?? createServer((_request, response) => response.end('host'));
  const ws = createWebSocketHandler(bus.nexus, options.ws);
  ws.attach(server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  const port = await listen(server);
  const path = options.ws?.path ?? '/nexus/ws';
  const url = `ws://127.0.0.1:${port}${path}`;
  return {
    ...bus,
    server,
    ws,
    port,
    waiting: () => Math.max(...[...sockets].map((socket) => socket.writableLength)),
    url,
    connect: async (as = 'reader', client = {}) =>
      await open(new WebSocket(url, { headers: { authorization: `Bearer ${tokens[as]}` }, ...client })),
    refused: async ({ path: other, ...client } = {}) =>
      await refusal(new WebSocket(other === undefined ? url : `ws://127.0.0.1:${port}${other}`, client)),
  };
}

/** Listens on any port of loopback; gone when the test ends, with what was upgraded. */
export async function listen(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return (server.address() as AddressInfo).port;
}

export async function open(socket: WebSocket): Promise<Client> {
  const client = clientOf(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, response) => {
      reject(new Error(`refused with ${response.statusCode ?? 0}`));
    });
  });
  return client;
}

function clientOf(socket: WebSocket): Client {
  const unread: Message[] = [];
  const readers: ((message: Message) => void)[] = [];
  socket.on('message', (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Message;
    const reader = readers.shift();
    if (reader) reader(message);
    else unread.push(message);
  });
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  const say = (message: unknown): void =>
    socket.send(typeof message === 'string' || message instanceof Buffer ? message : JSON.stringify(message));
  const next = (): Promise<Message> => {
    const message = unread.shift();
    return message ? Promise.resolve(message) : new Promise((resolve) => readers.push(resolve));
  };
  return {
    socket,
    say,
    next,
    unread,
    closed,
    ask: (message) => {
      const answer = next();
      say(message);
      return answer;
    },
  };
}

async function refusal(socket: WebSocket): Promise<{ status: number; body: Message }> {
  return await new Promise((resolve, reject) => {
    socket.on('open', () => reject(new Error('it was let in')));
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = response.headers['content-type']?.includes('json') === true;
        resolve({
          status: response.statusCode ?? 0,
          body: isJson ? (JSON.parse(text) as Message) : { text },
        });
      });
    });
  });
}
