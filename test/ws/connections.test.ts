/** How connections live and end: heartbeat, limits, revocation, slow readers, closing. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Nexus } from '../../src/nexus.js';
import { createWebSocketHandler } from '../../src/ws/index.js';
import { open, serve, tokens, type Client } from './serve.js';

const subscribe = (events: string[], after?: number): object => ({
  action: 'subscribe',
  events,
  ...(after !== undefined && { after }),
});
const gone = async (ws: { readonly connections: number }): Promise<void> => {
  while (ws.connections > 0) await new Promise((resolve) => setImmediate(resolve));
};

describe('a connection', () => {
  it('is gone within two heartbeats where its peer is, and stays where it answers', async () => {
    const { ws, connect, url } = await serve({ ws: { heartbeatMs: 50 } });
    const healthy = await connect();
    const silent = await open(
      new WebSocket(url, { headers: { authorization: `Bearer ${tokens.reader}` }, autoPong: false }),
    );
    expect(await silent.closed).toMatchObject({ code: 1006 });
    while (ws.connections > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(await healthy.ask({ action: 'ping' })).toMatchObject({ status: 'pong' });
  });

  it('is closed when it says nothing, too much, or too often', async () => {
    const mute = await serve({ ws: { handshakeMs: 20 } });
    expect(await (await mute.connect()).closed).toEqual({ code: 1008, reason: 'NEXUS_TIMEOUT' });
    const { connect } = await serve({ ws: { messageRate: { perSecond: 1, burst: 5 } } });
    const hasty = await connect();
    for (let i = 0; i < 6; i++) hasty.say({ action: 'ping' });
    expect(await hasty.closed).toEqual({ code: 1008, reason: 'NEXUS_RATE_LIMITED' });
    const pinging = await connect();
    for (let i = 0; i < 6; i++) pinging.socket.ping();
    expect(await pinging.closed).toEqual({ code: 1008, reason: 'NEXUS_RATE_LIMITED' });
    const long = await connect();
    long.say({ action: 'subscribe', events: ['x'.repeat(20_000)] });
    expect((await long.closed).code).toBe(1009);
  });

  it('is closed when its token, or a type it has subscribed to, is taken away', async () => {
    const { nexus, connect } = await serve();
    const revoked = await connect('picky');
    const narrowed = await connect('reader');
    const kept = await connect('reader');
    await narrowed.ask(subscribe(['MINT_CONFIRMED']));
    await kept.ask(subscribe(['*']));
    await nexus.dispatch('MINT_CONFIRMED', {});
    expect(await kept.next()).toMatchObject({ event: 'MINT_CONFIRMED' });
    await nexus.nodes.revoke('picky');
    expect(await revoked.closed).toEqual({ code: 4401, reason: 'NEXUS_UNAUTHENTICATED' });
    await nexus.nodes.put('reader', { secrets: [], subscribe: ['PAYMENT_*'], tokens: [tokens.reader] });
    expect(await narrowed.closed).toEqual({ code: 4403, reason: 'NEXUS_PERMISSION_DENIED' });
    await nexus.dispatch('MINT_CONFIRMED', {});
    await nexus.dispatch('PAYMENT_RECEIVED', {});
    expect(await kept.next()).toMatchObject({ event: 'PAYMENT_RECEIVED' });
  });

  it('is closed with 1001 by the handler and by the Nexus', async () => {
    const { nexus, ws, connect } = await serve();
    const client = await connect();
    const closing = nexus.close();
    expect(await client.closed).toEqual({ code: 1001, reason: 'NEXUS_CLOSED' });
    await closing;
    await gone(ws);
    const other = await serve();
    const left = await other.connect();
    await other.ws.close();
    expect(other.ws.connections).toBe(0);
    expect((await left.closed).code).toBe(1001);
  });

  it('counts while it is open', async () => {
    const { nexus, ws, connect } = await serve();
    const clients = await Promise.all([connect(), connect(), connect()]);
    expect(ws.connections).toBe(3);
    expect((await nexus.stats()).connections).toEqual({ webSocket: 3, sse: 0 });
    for (const { socket } of clients) socket.terminate();
    await gone(ws);
    expect((await nexus.stats()).connections).toEqual({ webSocket: 0, sse: 0 });
  });

  it('survives what is no frame', async () => {
    const { ws, connect } = await serve();
    const client = await connect();
    const raw = (client.socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket;
    raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    expect((await client.closed).code).toBe(1002);
    await gone(ws);
  });
});

describe('a reader that is slow', () => {
  const fill = async (nexus: Nexus, from: number, count: number): Promise<void> => {
    const text = 'x'.repeat(10_000);
    for (let n = from; n < from + count; n += 100) {
      const items = Array.from({ length: 100 }, (_, i) => ({
        type: 'TICK',
        payload: { n: n + i, text },
      }));
      await nexus.dispatchMany(items);
    }
  };
  const expectAll = async (client: Client, from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) expect((await client.next()).payload).toMatchObject({ n });
  };

  it('is held, served nobody else the slower, and is caught up from the log', async () => {
    const { nexus, connect, waiting } = await serve({ ws: { highWaterMarkBytes: 65_536 } });
    const slow = await connect();
    const healthy = await connect();
    await slow.ask(subscribe(['TICK'], 0));
    await healthy.ask(subscribe(['TICK'], 0));
    slow.socket.pause();
    await fill(nexus, 0, 6_000);
    await expectAll(healthy, 0, 6_000);
    // The mark, and what is handed out in one step.
    expect(waiting()).toBeLessThan(65_536 * 2 + 20_000);
    slow.socket.resume();
    await expectAll(slow, 0, 6_000);
    await fill(nexus, 6_000, 100);
    await expectAll(slow, 6_000, 6_100);
  });

  it('is closed with 1013 after a while, and goes on behind the last it had', async () => {
    const { nexus, ws, connect, server, port } = await serve({
      ws: { highWaterMarkBytes: 65_536, heartbeatMs: 20, slowLimitMs: 50 },
    });
    const slow = await connect();
    await slow.ask(subscribe(['TICK'], 0));
    slow.socket.pause();
    await fill(nexus, 0, 3_000);
    await gone(ws);
    slow.socket.resume();
    await slow.closed;
    const { unread } = slow;
    for (let n = 0; n < unread.length; n++) expect(unread[n]?.payload).toMatchObject({ n });
    createWebSocketHandler(nexus, { path: '/patient' }).attach(server);
    const headers = { authorization: `Bearer ${tokens.reader}` };
    const again = await open(new WebSocket(`ws://127.0.0.1:${port}/patient`, { headers }));
    await again.ask(subscribe(['TICK'], Number(unread.at(-1)?.seq ?? 0)));
    await expectAll(again, unread.length, 3_000);
  });
});
