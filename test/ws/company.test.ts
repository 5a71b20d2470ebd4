/** Beside the host's own sockets on one server: nothing of theirs is touched, and nothing of Nexus's by them. */
import { createServer } from 'node:http';
import { connect as dial } from 'node:net';
import { Server as SocketIo } from 'socket.io';
import { io } from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createWebSocketHandler } from '../../src/ws/index.js';
import { createBus } from '../support/bus.js';
import { listen, nodes, open, serve, tokens } from './serve.js';

const subscribe = { action: 'subscribe', events: ['TICK'] };

describe.each(['before', 'after'] as const)('a second ws server, attached %s Nexus', (when) => {
  it('keeps its path, and answers nothing on that of Nexus', async () => {
    const server = createServer();
    const echo = (): void => {
      const second = new WebSocketServer({ server, path: '/echo' });
      second.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer)));
      onTestFinished(() => second.close());
    };
    if (when === 'before') echo();
    const { nexus, connect, refused, port } = await serve({ server });
    if (when === 'after') echo();
    const mine = await connect();
    expect(await mine.ask(subscribe)).toMatchObject({ status: 'subscribed' });
    const theirs = await open(new WebSocket(`ws://127.0.0.1:${port}/echo`));
    expect(await theirs.ask({ hello: 1 })).toEqual({ hello: 1 });
    for (let n = 0; n < 20; n++) {
      await nexus.dispatch('TICK', { n });
      expect(await mine.next()).toMatchObject({ payload: { n } });
    }
    expect(mine.unread).toEqual([]);
    // Their answer to what is nobody's, and Nexus's to what is its own.
    expect((await refused({ path: '/elsewhere' })).status).toBe(400);
    expect((await refused()).status).toBe(401);
    mine.socket.close();
    expect(await mine.closed).toMatchObject({ code: 1005 });
  });

  it('keeps working when it is socket.io', async () => {
    const server = createServer();
    const start = (): void => {
      const socketIo = new SocketIo(server, { transports: ['websocket'] });
      socketIo.on('connection', (socket) => {
        socket.on('hello', (name: string, answer: (text: string) => void) => answer(`hello ${name}`));
      });
      // It would close the server that the test closes.
      onTestFinished(() => void socketIo.engine.close());
    };
    if (when === 'before') start();
    const { nexus, connect, port } = await serve({ server });
    if (when === 'after') start();
    const mine = await connect();
    await mine.ask(subscribe);
    const theirs = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
    onTestFinished(() => void theirs.close());
    expect(await theirs.emitWithAck('hello', 'neo')).toBe('hello neo');
    // Longer than socket.io waits before it ends what nobody took.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await nexus.dispatch('TICK', { n: 1 });
    expect(await mine.next()).toMatchObject({ payload: { n: 1 } });
    expect(await theirs.emitWithAck('hello', 'again')).toBe('hello again');
  });
});

describe('the path of Nexus', () => {
  it('is its only one: an upgrade that is not for it is left as it is', async () => {
    const { server, port } = await serve();
    const seen = new Promise<string>((resolve) =>
      server.on('upgrade', (request, socket) => {
        socket.end('HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n');
        resolve(request.url ?? '');
      }),
    );
    const answer = new Promise<string>((resolve) => {
      const socket = dial(port, '127.0.0.1', () =>
        socket.write(
          'GET /nexus/ws/else HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
        ),
      );
      let text = '';
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.on('close', () => resolve(text));
    });
    expect(await seen).toBe('/nexus/ws/else');
    expect(await answer).toMatch(/^HTTP\/1\.1 418 /);
  });

  it('may be handed to it by a host that deals out upgrades itself', async () => {
    const { nexus } = createBus({ nodes: nodes() });
    const ws = createWebSocketHandler(nexus, { path: '/live' });
    const taken: boolean[] = [];
    const server = createServer().on('upgrade', (request, socket, head) => {
      const ours = ws.upgrade(request, socket, head);
      taken.push(ours);
      if (!ours) socket.destroy();
    });
    const port = await listen(server);
    const headers = { authorization: `Bearer ${tokens.reader}` };
    const client = await open(new WebSocket(`ws://127.0.0.1:${port}/live?x=1`, { headers }));
    expect(await client.ask({ action: 'ping' })).toMatchObject({ status: 'pong' });
    await expect(open(new WebSocket(`ws://127.0.0.1:${port}/else`, { headers }))).rejects.toThrow();
    expect(taken).toEqual([true, false]);
  });
});
