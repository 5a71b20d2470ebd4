/** Hearing of events from afar, over both transports: in order, from where one was, whatever the network does. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  createNexusClient,
  NexusError,
  type ConnectionState,
  type NexusClient,
  type NexusClientOptions,
  type RemoteEvent,
} from '../../src/sdk/index.js';
import { createMemoryDatabase } from '../../src/storage/memory/index.js';
import { awkwardTexts } from './awkward-texts.js';
import { listen, proxy, secret, startHost, until, type Host, type HostOptions } from './host.js';

const token = secret();
const nodes = { reader: { secrets: [], tokens: [token], subscribe: ['*'] } };
const fast = { reconnect: { initialMs: 1, maxMs: 10 } } as const;

/** `native`: the WebSocket of Node itself, from version 22 on; otherwise that of the package ws. */
type Way = 'websocket' | 'sse' | 'native';
const ways: Way[] = ['websocket', 'sse', ...('WebSocket' in globalThis ? (['native'] as const) : [])];

function clientOf(url: string, way: Way | 'auto', options: Partial<NexusClientOptions> = {}): NexusClient {
  const transport = way === 'native' ? 'websocket' : way;
  const given = way === 'native' ? {} : { WebSocket };
  const client = createNexusClient({ url, token, transport, ...given, ...fast, ...options });
  onTestFinished(async () => await client.close());
  return client;
}

async function host(options: HostOptions = {}): Promise<Host> {
  return await startHost({ nodes, ...options });
}

async function say(nexus: Host['nexus'], from: number, to: number, type = 'A'): Promise<void> {
  for (let n = from; n < to; n += 500)
    await nexus.dispatchMany(
      Array.from({ length: Math.min(500, to - n) }, (_, i) => ({ type, payload: { n: n + i } })),
    );
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe.each(ways)('over %s', (way) => {
  const transport = way === 'native' ? 'websocket' : way;

  it('handles what is said from now on, with the event as it is in the log', async () => {
    const { nexus, url } = await host();
    await nexus.dispatch('A', { n: 'before' });
    const states: ConnectionState[] = [];
    const seen: { payload: unknown; event: RemoteEvent; attempt: number }[] = [];
    const subscription = clientOf(url, way).onEvent(
      ['A', 'B'],
      (payload, { event, attempt }) => void seen.push({ payload, event, attempt }),
      { onState: (state) => states.push(state) },
    );
    await until(() => subscription.position === 1);
    const { id, timestamp } = await nexus.dispatch('A', { n: 0 }, { source: 'nexus' });
    await nexus.dispatch('C', {});
    await nexus.dispatch('B', { n: 1 });
    await until(() => subscription.position === 4);
    expect(seen[0]).toEqual({
      payload: { n: 0 },
      event: { id, seq: 2, type: 'A', payload: { n: 0 }, source: 'nexus', timestamp },
      attempt: 1,
    });
    expect(seen.map(({ event }) => event.seq)).toEqual([2, 4]);
    await subscription.close();
    expect(await subscription.closed).toBeUndefined();
    const types = ['A', 'B'];
    expect(states).toEqual([
      { state: 'connecting', transport, types },
      { state: 'live', transport, types },
      { state: 'closed', error: undefined, types },
    ]);
    await until(async () => {
      const { connections } = await nexus.stats();
      return connections.webSocket + connections.sse === 0;
    });
  });

  it('misses, reorders and repeats nothing over 200 random cuts, restarts of the server and deaths of the reader', async () => {
    const database = createMemoryDatabase();
    let server = await host({ database });
    const cut = { at: 0 };
    const between = await proxy(
      () => server.port,
      (_chunk, passed) => {
        if (passed === 0) cut.at = Math.random() < 0.1 ? 0 : 300 + Math.floor(Math.random() * 4_000);
        return Math.max(0, cut.at - passed);
      },
    );
    const url = `http://127.0.0.1:${between.port}/nexus`;
    const count = 3_000;
    /** What outlives the reader. */
    const stored: { seq?: number; logId?: string | undefined } = {};
    const seen: number[] = [];
    const repeats: number[] = [];
    let generation = 0;
    let client: NexusClient | undefined;

    const read = (): void => {
      const mine = ++generation;
      client = clientOf(url, way);
      client.onEvent(
        'A',
        async ({ n }) => {
          if (mine !== generation) return;
          const last = seen.at(-1) ?? -1;
          if (n === last) repeats.push(n);
          seen.push(n as number);
          // It dies here now and then: after its work, before the cursor is stored.
          if (seen.length % 150 === 0) {
            const dead = client;
            read();
            void dead?.close();
          }
        },
        {
          after: 0,
          cursor: {
            load: () => (stored.seq === undefined ? undefined : { seq: stored.seq, logId: stored.logId }),
            save: async (seq, logId) => {
              await Promise.resolve();
              if (mine === generation) Object.assign(stored, { seq, logId });
            },
          },
        },
      );
    };
    read();
    for (let n = 0; n < count; n += 300) {
      await say(server.nexus, n, n + 300);
      if (n % 900 === 600) {
        await server.stop();
        server = await host({ database, port: server.port });
      }
    }
    await until(() => seen.at(-1) === count - 1);
    const once = seen.filter((n, i) => n !== seen[i - 1]);
    expect(once).toEqual(upTo(count));
    // Only what was handled and not yet stored when the reader died.
    expect(repeats.length).toBe(seen.length - count);
    expect(repeats.length).toBeLessThanOrEqual(generation - 1);
    expect(generation).toBeGreaterThan(15);
    expect(between.cuts).toBeGreaterThanOrEqual(200);
  }, 90_000);

  it('goes on where the cursor is, and where it was when there was no event yet', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 3);
    const saved: [number, string | undefined][] = [];
    const first = clientOf(url, way).onEvent('A', () => undefined, {
      cursor: { load: () => null, save: (...position) => saved.push(position) },
    });
    await until(() => saved.length === 1);
    expect(saved[0]?.[0]).toBe(3);
    await first.close();
    await say(nexus, 3, 5);
    const seen: unknown[] = [];
    const [[seq] = [0]] = saved;
    const second = clientOf(url, way).onEvent('A', ({ n }) => void seen.push(n), {
      after: 0,
      cursor: { load: async () => seq, save: (...position) => void saved.push(position) },
    });
    await until(() => second.position === 5);
    expect(seen).toEqual([3, 4]);
    expect(saved.map(([at]) => at)).toEqual([3, 4, 5]);
    expect(saved.at(-1)?.[1]).toMatch(/./);
  });

  it('moves past what is not for it, so that it is not read again', async () => {
    const { nexus, url } = await host({
      ws: { heartbeatMs: 20 },
      http: { stream: { heartbeatMs: 20 } },
    });
    const saved: number[] = [];
    const client = clientOf(url, way, { heartbeatMs: 200 });
    client.onEvent('RARE', () => undefined, {
      after: 0,
      cursor: { load: () => undefined, save: (seq) => saved.push(seq) },
    });
    await say(nexus, 0, 20);
    await until(() => saved.at(-1) === 20);
  });

  it('ends with an error when its cursor is of another log', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 5);
    const cursorAt = (position: { seq: number; logId?: string }) => ({
      onState: () => undefined,
      cursor: { load: () => position, save: () => undefined },
    });
    const ahead = clientOf(url, way).onEvent('A', () => undefined, cursorAt({ seq: 99 }));
    expect(await ahead.closed).toMatchObject({ code: 'NEXUS_POSITION_AHEAD' });
    const other = clientOf(url, way).onEvent('A', () => undefined, cursorAt({ seq: 2, logId: 'another' }));
    expect(await other.closed).toMatchObject({ code: 'NEXUS_POSITION_AHEAD' });
  });

  it('ends with an error when its token is revoked or no good, and does not come back', async () => {
    const { nexus, url, port } = await host();
    let connections = 0;
    const between = await proxy(
      () => port,
      (_chunk, passed) => {
        if (passed === 0) connections += 1;
        return Infinity;
      },
    );
    const through = url.replace(String(port), String(between.port));
    const onState = vi.fn();
    const subscription = clientOf(through, way).onEvent('A', () => undefined, { onState });
    await until(() => onState.mock.calls.some(([{ state }]) => state === 'live'));
    await nexus.nodes.revoke('reader');
    expect(await subscription.closed).toMatchObject({ code: 'NEXUS_UNAUTHENTICATED' });
    expect(onState.mock.calls.at(-1)).toMatchObject([
      { state: 'closed', error: { code: 'NEXUS_UNAUTHENTICATED' } },
    ]);
    const before = connections;
    const stranger = clientOf(through, way, { token: secret() }).onEvent('A', () => undefined, { onState });
    expect(await stranger.closed).toMatchObject({ code: 'NEXUS_UNAUTHENTICATED' });
    expect(connections - before).toBeLessThanOrEqual(3);
  });

  it('asks for the present token at each connection, so one may replace the other', async () => {
    const next = secret();
    const { nexus, url } = await host();
    let current = token;
    const seen: unknown[] = [];
    const client = clientOf(url, way, { token: async () => current });
    const subscription = client.onEvent('A', ({ n }) => void seen.push(n), { after: 0 });
    await say(nexus, 0, 1);
    await until(() => seen.length === 1);
    current = next;
    await nexus.nodes.put('reader', { ...nodes.reader, tokens: [next] });
    await say(nexus, 1, 2);
    await until(() => seen.length === 2);
    await subscription.close();
    expect(await subscription.closed).toBeUndefined();
    const wrong = secret();
    const stubborn = clientOf(url, way, { token: () => wrong, onState: () => undefined });
    expect(await stubborn.onEvent('A', () => undefined).closed).toMatchObject({
      code: 'NEXUS_UNAUTHENTICATED',
    });
  });

  it('ends with an error for a type that it may not read', async () => {
    const { url } = await host({ nodes: { reader: { ...nodes.reader, subscribe: ['B'] } } });
    const subscription = clientOf(url, way).onEvent('A', () => undefined, { onState: () => undefined });
    expect(await subscription.closed).toMatchObject({ code: 'NEXUS_PERMISSION_DENIED' });
    const feed = clientOf(url, way).feed({ types: ['A'] });
    await expect(feed[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'NEXUS_PERMISSION_DENIED',
    });
  });

  it('calls a handler that throws again, and nothing else meanwhile', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 4);
    const calls: [unknown, number][] = [];
    const failures: unknown[] = [];
    const saved: number[] = [];
    const subscription = clientOf(url, way).onEvent(
      'A',
      async ({ n }, { attempt }) => {
        calls.push([n, attempt]);
        await Promise.resolve();
        if (n === 1 && attempt < 3) throw new Error('not now');
        if (n === 2) throw new Error('never');
      },
      {
        after: 0,
        cursor: { load: () => undefined, save: (seq) => saved.push(seq) },
        onFailure: (error, { event }) => {
          failures.push((error as Error).message);
          return event.payload.n === 2 ? 'skip' : 'retry';
        },
      },
    );
    await until(() => subscription.position === 4);
    expect(calls).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1],
      [3, 1],
    ]);
    expect(failures).toEqual(['not now', 'not now', 'never']);
    expect(saved).toEqual([1, 2, 3, 4]);
  });

  it('ends where a handler says stop: the event is not acknowledged', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 3);
    const subscription = clientOf(url, way).onEvent(
      'A',
      ({ n }) => {
        if (n === 1) throw new Error('broken');
      },
      { after: 0, onFailure: () => 'stop', onState: () => undefined },
    );
    const error = await subscription.closed;
    expect(error).toMatchObject({ code: 'NEXUS_HANDLER_FAILED', cause: { message: 'broken' } });
    expect(subscription.position).toBe(1);
  });

  it('writes a cursor that cannot be stored again, before anything else is handled', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 3);
    const log: string[] = [];
    let failures = 0;
    const subscription = clientOf(url, way).onEvent('A', ({ n }) => void log.push(`handled ${String(n)}`), {
      onState: () => undefined,
      cursor: {
        load: () => {
          if (failures++ === 0) throw new Error('not yet');
          return 0;
        },
        save: async (seq) => {
          if (failures++ % 2 === 1) throw new Error('disk');
          log.push(`saved ${seq}`);
        },
      },
    });
    await until(() => subscription.position === 3);
    expect(log).toEqual(['handled 0', 'saved 1', 'handled 1', 'saved 2', 'handled 2', 'saved 3']);
  });

  it('keeps a slow handler in bounded memory and catches it up, in order', async () => {
    const { nexus, url } = await host();
    const text = 'x'.repeat(1_000);
    for (let n = 0; n < 400; n++) await nexus.dispatch('A', { n, text });
    const states: string[] = [];
    const seen: unknown[] = [];
    const client = clientOf(url, way, { bufferLimit: 20_000 });
    const subscription = client.onEvent(
      'A',
      async ({ n }) => {
        await new Promise((next) => setImmediate(next));
        seen.push(n);
      },
      { after: 0, onState: ({ state }) => states.push(state) },
    );
    await until(() => subscription.position === 400);
    expect(seen).toEqual(upTo(400));
    // It is no failure: nothing waits.
    expect(states).not.toContain('waiting');
    if (transport === 'websocket')
      expect(states.filter((state) => state === 'live').length).toBeGreaterThan(10);
    else expect(states.filter((state) => state === 'live')).toHaveLength(1);
  });

  it('notices a connection that is dead without saying so', async () => {
    // The server must not be the one that ends it.
    const { nexus, url, port } = await host({ ws: { messageRate: { perSecond: 10_000, burst: 10_000 } } });
    const silent = { is: false };
    const between = await proxy(
      () => port,
      () => (silent.is ? 'drop' : Infinity),
    );
    const states: ConnectionState[] = [];
    const seen: unknown[] = [];
    const client = clientOf(url.replace(String(port), String(between.port)), way, {
      heartbeatMs: 40,
      timeoutMs: 500,
    });
    client.onEvent('A', ({ n }) => void seen.push(n), { after: 0, onState: (state) => states.push(state) });
    await say(nexus, 0, 1);
    await until(() => seen.length === 1);
    silent.is = true;
    await say(nexus, 1, 2);
    await until(() => states.some(({ state }) => state === 'waiting'));
    silent.is = false;
    await until(() => seen.length === 2);
    expect(seen).toEqual([0, 1]);
  });

  it('waits for a server that is not there, ever longer, and says so', async () => {
    const database = createMemoryDatabase();
    const first = await host({ database });
    await say(first.nexus, 0, 2);
    await first.stop();
    const delays: number[] = [];
    const seen: unknown[] = [];
    clientOf(first.url, way).onEvent('A', ({ n }) => void seen.push(n), {
      after: 0,
      onState: (state) => {
        if (state.state !== 'waiting') return;
        expect(state.error.code).toBe('NEXUS_UNREACHABLE');
        delays.push(state.delayMs);
      },
    });
    await until(() => delays.length > 5);
    await host({ database, port: first.port });
    await until(() => seen.length === 2);
  });

  it('gives a feed: everything behind a position, then what comes, until the loop is left', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 5);
    const seen: unknown[] = [];
    for await (const event of clientOf(url, way).feed({ types: ['A'], after: 2 })) {
      seen.push(event.payload.n);
      if (event.seq === 5) await say(nexus, 5, 8);
      if (event.seq === 7) break;
    }
    expect(seen).toEqual([2, 3, 4, 5, 6]);
    await until(async () => {
      const { connections } = await nexus.stats();
      return connections.webSocket + connections.sse === 0;
    });
  });

  it('ends a feed that waits, by its signal, by return and by the client', async () => {
    const { url } = await host();
    const abort = new AbortController();
    let live = 0;
    const client = clientOf(url, way, {
      onState: ({ state }) => {
        if (state === 'live') live += 1;
      },
    });
    const bySignal = client.feed({ signal: abort.signal })[Symbol.asyncIterator]();
    const byReturn = client.feed()[Symbol.asyncIterator]();
    const byClient = client.feed()[Symbol.asyncIterator]();
    const pending = [bySignal, byReturn, byClient].map(async (each) => await each.next());
    await until(() => live === 3);
    abort.abort();
    await byReturn.return?.();
    await client.close();
    for (const each of pending) expect(await each).toEqual({ done: true, value: undefined });
    expect(await byReturn.next()).toEqual({ done: true, value: undefined });
  });

  it('carries awkward texts as they are', async () => {
    const { nexus, url } = await host();
    const texts = awkwardTexts();
    await nexus.dispatchMany(texts.map((text, i) => ({ type: 'A', payload: { text, i, [text]: i } })));
    const seen: unknown[] = [];
    for await (const { payload, seq } of clientOf(url, way).feed({ after: 0 })) {
      seen.push(payload);
      if (seq === texts.length) break;
    }
    expect(seen).toEqual(texts.map((text, i) => ({ text, i, [text]: i })));
  });

  it('close waits for the handler at work, and its event is acknowledged', async () => {
    const { nexus, url } = await host();
    await say(nexus, 0, 3);
    const saved: number[] = [];
    let finish: (() => void) | undefined;
    let aborted = false;
    const client = clientOf(url, way);
    const subscription = client.onEvent(
      'A',
      async (_payload, { signal }) => {
        signal.addEventListener('abort', () => (aborted = true));
        await new Promise<void>((resolve) => (finish = resolve));
      },
      { after: 0, cursor: { load: () => undefined, save: (seq) => saved.push(seq) } },
    );
    await until(() => finish !== undefined);
    const closing = client.close();
    await until(() => aborted);
    finish?.();
    await closing;
    expect(saved).toEqual([1]);
    expect(await subscription.closed).toBeUndefined();
    expect(() => client.onEvent('A', () => undefined)).toThrow(NexusError);
  });
});

describe('without a choice of transport', () => {
  it('takes server-sent events where there is no WebSocket handler, or no WebSocket', async () => {
    const { nexus, url } = await host({ ws: false });
    await say(nexus, 0, 1);
    for (const options of [{}, ...('WebSocket' in globalThis ? [] : [{ WebSocket: undefined as never }])]) {
      const transports = new Set<string>();
      const seen: unknown[] = [];
      clientOf(url, 'auto', options).onEvent('A', ({ n }) => void seen.push(n), {
        after: 0,
        onState: (state) => {
          if (state.state === 'live') transports.add(state.transport);
        },
      });
      await until(() => seen.length === 1);
      expect([...transports]).toEqual(['sse']);
    }
  });

  it('takes them for a token that no subprotocol can carry', async () => {
    const odd = `${secret()}/+==`;
    const { nexus, url } = await host({ nodes: { reader: { ...nodes.reader, tokens: [odd] } } });
    await say(nexus, 0, 1);
    for await (const event of clientOf(url, 'auto', { token: odd }).feed({ after: 0 })) {
      expect(event.seq).toBe(1);
      break;
    }
    const forced = clientOf(url, 'websocket', { token: odd }).onEvent('A', () => undefined, {
      onState: () => undefined,
    });
    expect(await forced.closed).toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
  });

  it('says at once that there is no Nexus at the address', async () => {
    const { createServer } = await import('node:http');
    const { url } = await listen(
      createServer((_request, response) => {
        response.writeHead(404).end('<html>');
      }),
    );
    const subscription = clientOf(url, 'auto').onEvent('A', () => undefined, { onState: () => undefined });
    expect(await subscription.closed).toMatchObject({ code: 'NEXUS_UNREACHABLE', details: { status: 404 } });
  });

  it('tells who does not listen why a subscription ended', async () => {
    const { url } = await host();
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    await clientOf(url, 'auto', { token: secret() }).onEvent('A', () => undefined).closed;
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ code: 'NEXUS_UNAUTHENTICATED' }));
    error.mockRestore();
  });
});

describe('options', () => {
  it.each<[string, Partial<NexusClientOptions>]>([
    ['url', { url: 'bus.example' }],
    ['url', { url: 'ftp://bus.example' }],
    ['webSocketUrl', { webSocketUrl: 'https://bus.example/ws' }],
    ['node', { secret: 'a secret of some length' }],
    ['secret', { secret: '', node: 'a' }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['initialMs', { reconnect: { initialMs: NaN } }],
    ['WebSocket', { transport: 'websocket', WebSocket: undefined as never }],
  ])('refuses a wrong %s', (option, given) => {
    if (option === 'WebSocket' && 'WebSocket' in globalThis) return;
    const make = (): unknown => createNexusClient({ url: 'https://bus.example', ...given });
    expect(make).toThrow(expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }));
  });

  it('names what is missing when it is needed', async () => {
    const client = createNexusClient({ url: 'https://bus.example/nexus/' });
    await expect(client.dispatch('A', {})).rejects.toThrow(/option secret/);
    await expect(client.feed()[Symbol.asyncIterator]().next()).rejects.toThrow(/option token/);
  });
});
