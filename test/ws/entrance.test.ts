/** Who may connect, and how others are told: before a WebSocket exists. */
import { createHash, randomBytes } from 'node:crypto';
import { connect as dial } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createWebSocketHandler } from '../../src/ws/index.js';
import { createBus, record } from '../support/bus.js';
import { nodes, open, serve, token, tokens } from './serve.js';

const bearer = (value: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${value}` },
});

describe('an upgrade', () => {
  it('is proven by a header, by a subprotocol, and by the query only where that is switched on', async () => {
    const strict = await serve();
    expect((await strict.refused()).status).toBe(401);
    expect((await strict.refused({ path: `/nexus/ws?token=${tokens.reader}` })).status).toBe(401);
    await strict.connect();
    const alone = await open(new WebSocket(strict.url, `nexus.token.${tokens.reader}`));
    expect(alone.socket.protocol).toBe(`nexus.token.${tokens.reader}`);
    const both = await open(new WebSocket(strict.url, ['nexus', `nexus.token.${tokens.reader}`]));
    expect(both.socket.protocol).toBe('nexus');
    const lax = await serve({ ws: { queryToken: true } });
    await open(new WebSocket(`${lax.url}?token=${tokens.reader}`));
  });

  it('is turned down with an answer of HTTP', async () => {
    const { nexus, refused } = await serve({ ws: { origins: ['https://app.example.com'] } });
    const told = record(nexus, 'auth:denied');
    expect(await refused(bearer(token()))).toEqual({
      status: 401,
      body: {
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        code: 'NEXUS_UNAUTHENTICATED',
        detail: 'the request does not prove that it comes from a known node',
      },
    });
    expect(await refused(bearer(tokens.mute))).toMatchObject({
      status: 403,
      body: { code: 'NEXUS_PERMISSION_DENIED' },
    });
    for (const origin of ['https://evil.example.com', 'https://app.example.com.evil.com', 'null'])
      expect((await refused({ ...bearer(tokens.reader), origin })).status).toBe(403);
    expect(told.map(({ moment }) => moment.reason)).toEqual(['token', 'permission']);
  });

  it('is let in from an origin that is named, and from what is no browser', async () => {
    const { connect } = await serve({ ws: { origins: ['https://app.example.com'] } });
    await connect('reader', { ...bearer(tokens.reader), origin: 'https://app.example.com' });
    await connect('reader');
  });

  it('finds no room beyond the caps, and room again when one has left', async () => {
    const byNode = await serve({ ws: { maxConnectionsPerNode: 1 } });
    const first = await byNode.connect();
    expect((await byNode.refused(bearer(tokens.reader))).status).toBe(429);
    await byNode.connect('picky');
    first.socket.close();
    await first.closed;
    while (byNode.ws.connections > 1) await new Promise((resolve) => setImmediate(resolve));
    await byNode.connect();

    const byAddress = await serve({ ws: { maxConnectionsPerAddress: 1, trustProxy: 1 } });
    const from = (ip: string): object => ({
      headers: { authorization: `Bearer ${tokens.reader}`, 'x-forwarded-for': ip },
    });
    await byAddress.connect('reader', from('2001:db8::1'));
    expect((await byAddress.refused(from('2001:db8::2'))).status).toBe(429);
    await byAddress.connect('reader', from('2001:db8:0:1::2'));

    const inAll = await serve({ ws: { maxConnections: 1 } });
    await inAll.connect();
    expect(await inAll.refused(bearer(tokens.picky))).toMatchObject({
      status: 503,
      body: { code: 'NEXUS_OVERLOADED' },
    });
  });

  it('that is no WebSocket is turned down, and counts for nothing', async () => {
    const { port, ws } = await serve();
    const key = randomBytes(16).toString('base64');
    const requests = [
      'Upgrade: h2c',
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13',
      `Upgrade: websocket\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Key: ${key}`,
    ];
    for (const lines of requests) {
      const answer = await new Promise<string>((resolve) => {
        const socket = dial(port, '127.0.0.1', () =>
          socket.write(
            `GET /nexus/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nAuthorization: Bearer ${tokens.reader}\r\n${lines}\r\n\r\n`,
          ),
        );
        let text = '';
        socket.on('data', (chunk) => (text += chunk.toString()));
        socket.on('close', () => resolve(text));
      });
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(ws.connections).toBe(0);
  });

  it('may bring its first message along', async () => {
    const { port } = await serve();
    const key = randomBytes(16).toString('base64');
    const mask = randomBytes(4);
    const text = Buffer.from('{"action":"ping"}');
    const frame = Buffer.concat([
      Buffer.from([0x81, 0x80 | text.length]),
      mask,
      text.map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
    ]);
    const answer = await new Promise<string>((resolve) => {
      const socket = dial(port, '127.0.0.1', () => {
        const head = `GET /nexus/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nAuthorization: Bearer ${tokens.reader}\r\n\r\n`;
        socket.write(Buffer.concat([Buffer.from(head), frame]));
      });
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk.toString();
        if (!all.includes('pong')) return;
        socket.destroy();
        resolve(all);
      });
    });
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    expect(answer).toContain(`Sec-WebSocket-Accept: ${accept}`);
  });

  it('is not taken any more once the handler or the Nexus has closed', async () => {
    const first = await serve();
    await first.ws.close();
    expect((await first.refused(bearer(tokens.reader))).status).toBe(503);
    const second = await serve();
    await second.nexus.close();
    expect((await second.refused(bearer(tokens.reader))).status).toBe(503);
  });
});

describe('createWebSocketHandler', () => {
  it('refuses what cannot be meant', () => {
    const { nexus } = createBus({ nodes: nodes() });
    const wrong = [
      { path: 'ws' },
      { path: '/ws?x' },
      { queryToken: 'yes' },
      { origins: ['*'] },
      { origins: ['https://a.example/'] },
      { maxConnections: 0 },
      { heartbeatMs: 1.5 },
      { highWaterMarkBytes: -1 },
      { messageRate: { perSecond: 0 } },
      { trustProxy: -1 },
    ];
    for (const options of wrong)
      expect(() => createWebSocketHandler(nexus, options as never)).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }),
      );
    expect(() => createWebSocketHandler({} as never)).toThrow(/createNexus/);
  });

  it('leaves a server that it is detached from', async () => {
    const bus = createBus({ nodes: nodes() });
    const { server, port } = await serve();
    const other = createWebSocketHandler(bus.nexus, { path: '/other' });
    const listeners = server.listenerCount('upgrade');
    const detach = other.attach(server);
    await open(new WebSocket(`ws://127.0.0.1:${port}/other`, bearer(tokens.reader)));
    detach();
    expect(server.listenerCount('upgrade')).toBe(listeners);
  });
});
