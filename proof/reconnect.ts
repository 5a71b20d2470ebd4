/** Clients whose connection is cut again and again, mid-stream, and that come back behind the last they had. */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSource } from 'eventsource';
import { WebSocket } from 'ws';
import { createHttpHandler } from '../src/http/index.js';
import { createNexus, type Nexus } from '../src/index.js';
import { createWebSocketHandler } from '../src/ws/index.js';
import { launchChromium, noBrowser } from '../test/support/chromium.js';

export type Way = 'ws' | 'eventsource' | 'browser WebSocket' | 'browser EventSource';

export type Reconnected = {
  readonly way: Way;
  readonly kills: number;
  readonly events: number;
  readonly missed: number;
  readonly reordered: number;
  readonly repeated: number;
};

/** What a client has seen of a stream that is numbered without holes. */
function createTally(): { see(n: number): void; report(): Omit<Reconnected, 'way' | 'kills'> } {
  const seen = new Set<number>();
  let next = 0;
  let reordered = 0;
  let repeated = 0;
  return {
    see: (n) => {
      if (seen.has(n)) repeated += 1;
      else if (n < next) reordered += 1;
      seen.add(n);
      next = Math.max(next, n + 1);
    },
    report: () => ({ events: next, missed: next - seen.size, reordered, repeated }),
  };
}

export async function proveReconnect(options: {
  way: Way;
  kills: number;
}): Promise<Reconnected | { way: Way; skipped: string }> {
  const { way, kills } = options;
  if (way.startsWith('browser') && noBrowser !== undefined) return { way, skipped: noBrowser };
  const folder = mkdtempSync(join(tmpdir(), 'nexus-reconnect-'));
  const token = randomBytes(24).toString('hex');
  const nexus = createNexus({
    storage: join(folder, 'nexus.db'),
    logger: false,
    nodes: { reader: { secrets: [], subscribe: ['*'], tokens: [token] } },
  });
  const tally = createTally();
  const http = createHttpHandler(nexus, {
    basePath: '/nexus',
    rateLimit: false,
    nodeRateLimit: false,
    stream: { retryMs: 10 },
  });
  const server = createServer((request, response) =>
    http(request, response, () => {
      if (request.method === 'POST') {
        // What a page has seen, as it sees it.
        let text = '';
        request.on('data', (chunk: Buffer) => (text += chunk.toString()));
        request.on('end', () => {
          for (const n of JSON.parse(text) as number[]) tally.see(n);
          response.end();
        });
        return;
      }
      const [type, body] = pageFile(request.url ?? '/');
      response.setHeader('content-type', type).end(body);
    }),
  );
  createWebSocketHandler(nexus).attach(server);
  const killer = createKiller(server, kills);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const writing = write(nexus, killer);
  try {
    await clients[way]({ port, token, see: (n) => tally.see(n), killer });
    const written = await writing;
    const { events, missed, ...rest } = tally.report();
    return { way, kills: killer.count(), events, missed: missed + written - events, ...rest };
  } finally {
    killer.stop();
    await writing;
    await nexus.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Killer = {
  count(): number;
  /** A client has cut its own connection. */
  cut(): void;
  done(): boolean;
  stop(): void;
};

/** Cuts connections of the server a moment after a stream has begun on them. */
function createKiller(server: Server, kills: number): Killer {
  let count = 0;
  let stopped = false;
  const done = (): boolean => stopped || count >= kills;
  const cut = (socket: Socket): void => {
    const at = socket.bytesWritten;
    const timer = setInterval(
      () => {
        if (done()) clearInterval(timer);
        else if (socket.bytesWritten > at && isStream(socket)) {
          count += 1;
          if (randomInt(2) === 0) socket.destroy();
          else socket.resetAndDestroy();
        }
      },
      randomInt(4, 25),
    );
    socket.on('close', () => clearInterval(timer));
  };
  const streams = new WeakSet<Socket>();
  const isStream = (socket: Socket): boolean => streams.has(socket);
  server.on('upgrade', (request) => {
    streams.add(request.socket);
    if (!isOwn(request.headers['user-agent'])) cut(request.socket);
  });
  server.on('request', (request) => {
    if (!request.url?.includes('/events/stream')) return;
    streams.add(request.socket);
    cut(request.socket);
  });
  return { count: () => count, cut: () => (count += 1), done, stop: () => (stopped = true) };
}

/** A client that cuts its connections itself says so. */
const OWN = 'cuts its own';
const isOwn = (agent: string | undefined): boolean => agent === OWN;

/** Writes until the killer is done, and an end behind it. Returns how many. */
async function write(nexus: Nexus, killer: Killer): Promise<number> {
  let n = 0;
  while (!killer.done()) {
    const items = Array.from({ length: randomInt(1, 12) }, () => ({ type: 'TICK', payload: { n: n++ } }));
    await nexus.dispatchMany(items);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  await nexus.dispatch('END', { n: n++ });
  return n;
}

type Run = {
  readonly port: number;
  readonly token: string;
  readonly see: (n: number) => void;
  readonly killer: Killer;
};
type Wire = { readonly event: string; readonly seq: number; readonly payload: { readonly n: number } };

const clients: Record<Way, (run: Run) => Promise<void>> = {
  ws: async ({ port, token, see, killer }) => {
    let last = 0;
    for (let over = false; !over;) {
      over = await new Promise<boolean>((resolve) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/nexus/ws`, {
          headers: { authorization: `Bearer ${token}`, 'user-agent': OWN },
        });
        let left = randomInt(1, 60);
        socket.on('open', () =>
          socket.send(JSON.stringify({ action: 'subscribe', events: ['*'], after: last })),
        );
        socket.on('message', (data: Buffer) => {
          const { event, seq, payload } = JSON.parse(data.toString()) as Partial<Wire>;
          if (left === 0 || seq === undefined || payload === undefined) return;
          see(payload.n);
          last = seq;
          if (event === 'END') {
            socket.close();
            resolve(true);
          } else if (--left === 0) {
            killer.cut();
            socket.terminate();
            resolve(false);
          }
        });
        socket.on('error', () => resolve(false));
      });
    }
  },
  eventsource: async ({ port, token, see }) => {
    const source = new EventSource(`http://127.0.0.1:${port}/nexus/events/stream?after=0`, {
      fetch: (url, init) =>
        fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
    });
    await new Promise<void>((resolve) => {
      for (const type of ['TICK', 'END'])
        source.addEventListener(type, ({ data }) => {
          see((JSON.parse(data as string) as Wire).payload.n);
          if (type === 'END') resolve();
        });
    });
    source.close();
  },
  'browser WebSocket': (run) => inBrowser(run, 'socket'),
  'browser EventSource': (run) => inBrowser(run, 'source'),
};

async function inBrowser({ port, token }: Run, name: 'socket' | 'source'): Promise<void> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/${name}.html#${token}`);
    await page.waitForFunction('document.title === "over"', undefined, { timeout: 600_000 });
  } finally {
    await browser.close();
  }
}

const report = `
  let seen = [];
  const tell = async (over) => {
    const numbers = seen; seen = [];
    await fetch('/seen', { method: 'POST', body: JSON.stringify(numbers) });
    if (over) document.title = 'over';
  };
  const see = ({ event, payload }) => { seen.push(payload.n); if (event === 'END') tell(true); };
  const token = location.hash.slice(1);
`;
const pages: Readonly<Record<string, string>> = {
  '/socket.html': `<!doctype html><title></title><script type="module">${report}
    let last = 0;
    const connect = () => {
      const socket = new WebSocket('ws://' + location.host + '/nexus/ws', ['nexus', 'nexus.token.' + token]);
      socket.onopen = () => socket.send(JSON.stringify({ action: 'subscribe', events: ['*'], after: last }));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.seq === undefined) return;
        last = message.seq;
        see(message);
      };
      socket.onclose = () => { if (document.title === '') connect(); };
    };
    connect();
  </script>`,
  '/source.html': `<!doctype html><title></title>
    <script type="importmap">{"imports":{"eventsource":"/eventsource.js","eventsource-parser":"/eventsource-parser.js"}}</script>
    <script type="module">${report}
    import { EventSource } from 'eventsource';
    const source = new EventSource('/nexus/events/stream?after=0', {
      fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: 'Bearer ' + token } }),
    });
    for (const type of ['TICK', 'END']) source.addEventListener(type, ({ data }) => {
      if (type === 'END') source.close();
      see(JSON.parse(data));
    });
  </script>`,
};

function pageFile(url: string): [type: string, body: string] {
  const page = pages[url.split('#')[0] ?? ''];
  if (page !== undefined) return ['text/html', page];
  const name = /^\/(eventsource(?:-parser)?)\.js$/.exec(url)?.[1];
  if (name === undefined) return ['text/plain', ''];
  const from = createRequire(createRequire(import.meta.url).resolve('eventsource'));
  const folder = name === 'eventsource' ? from.resolve('eventsource') : from.resolve('eventsource-parser');
  return ['text/javascript', readFileSync(folder.replace(/\.cjs$/, '.js'), 'utf8')];
}
