/** Whatever a payload says, it says the same at the other end. */
import { createServer } from 'node:http';
import { EventSource } from 'eventsource';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createHttpHandler } from '../../src/http/index.js';
import { createWebSocketHandler } from '../../src/ws/index.js';
import { awkwardStrings } from '../support/awkward-strings.js';
import { createBus } from '../support/bus.js';
import { listen, nodes, open, tokens } from './serve.js';

const payloads = awkwardStrings.map((text, n) => ({
  n,
  text,
  list: [text],
  [`key ${text.slice(0, 20)}`]: text,
}));

describe('strings that are awkward', () => {
  it('are many', () => {
    expect(awkwardStrings.length).toBeGreaterThanOrEqual(515);
  });

  it('arrive as they were sent, over WebSocket, as server-sent events and in process', async () => {
    const { nexus } = createBus({ nodes: nodes(), maxPayloadBytes: 2 * 1024 * 1024 });
    const ws = createWebSocketHandler(nexus);
    const server = createServer(createHttpHandler(nexus, { rateLimit: false }));
    ws.attach(server);
    const port = await listen(server);
    const headers = { authorization: `Bearer ${tokens.reader}` };
    const client = await open(new WebSocket(`ws://127.0.0.1:${port}/nexus/ws`, { headers }));
    await client.ask({ action: 'subscribe', events: ['AWKWARD'], after: 0 });
    const bySse: unknown[] = [];
    const source = new EventSource(`http://127.0.0.1:${port}/events/stream?after=0`, {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } }),
    });
    onTestFinished(() => source.close());
    const allBySse = new Promise<void>((resolve) => {
      source.addEventListener('AWKWARD', ({ data }) => {
        bySse.push((JSON.parse(data as string) as { payload: unknown }).payload);
        if (bySse.length === payloads.length) resolve();
      });
    });
    for (const payload of payloads) await nexus.dispatch('AWKWARD', payload);
    for (const payload of payloads) expect((await client.next()).payload).toEqual(payload);
    await allBySse;
    expect(bySse).toEqual(payloads);
    let n = 0;
    for await (const event of nexus.feed({ after: 0 })) {
      expect(event.payload).toEqual(payloads[n]);
      if (++n === payloads.length) break;
    }
  });
});
