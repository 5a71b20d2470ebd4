/** One client that does not read, beside those that do; and connections that come and go by the thousand. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';

const script = fileURLToPath(new URL('./children/live.ts', import.meta.url));
const MIB = 1_048_576;

type Status = {
  readonly rss: number;
  readonly heapUsed: number;
  readonly timers: number;
  readonly sockets: number;
  readonly listeners: number;
  readonly open: number;
};
type Host = {
  readonly port: number;
  readonly token: string;
  say(count: number): void;
  status(): Promise<Status>;
  end(): Promise<void>;
};

async function startHost(heartbeatMs = 30_000): Promise<Host> {
  const child = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', script, String(heartbeatMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async <T>(): Promise<T> => JSON.parse((await lines.next()).value as string) as T;
  const { port, token } = await hear<{ port: number; token: string }>();
  return {
    port,
    token,
    say: (count) => child.stdin.write(`say ${count}\n`),
    status: async () => {
      child.stdin.write('status\n');
      return await hear<Status>();
    },
    end: async () => {
      const gone = new Promise((exit) => child.once('exit', exit));
      child.stdin.end();
      await gone;
    },
  };
}

type Reader = {
  readonly socket: WebSocket;
  readonly latencies: number[];
  /** Of the last event, and whether all came in order without a hole. */
  last(): number;
  whole(): boolean;
  reached(seq: number): Promise<void>;
};

/** A client that reads, and comes back where it is sent away. */
async function read({ port, token }: Host, measured: () => boolean): Promise<Reader> {
  const latencies: number[] = [];
  let last = 0;
  let whole = true;
  let awaited: { readonly seq: number; readonly resolve: () => void } | undefined;
  let socket: WebSocket;
  const connect = async (): Promise<void> => {
    socket = new WebSocket(`ws://127.0.0.1:${port}/nexus/ws`, {
      headers: { authorization: `Bearer ${token}` },
      skipUTF8Validation: true,
    });
    socket.on('message', (data: Buffer) => {
      const seq = numberIn(data, data.lastIndexOf('"seq":') + 6);
      if (data.length < 1_000 || Number.isNaN(seq)) return;
      if (seq !== last + 1) whole = false;
      last = seq;
      if (measured())
        latencies.push(
          performance.timeOrigin + performance.now() - numberIn(data, data.indexOf('"at":') + 5),
        );
      if (awaited && last >= awaited.seq) awaited.resolve();
    });
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      if (code !== 1000 && code !== 1005) void connect();
    });
    await new Promise((open) => socket.once('open', open));
    socket.send(JSON.stringify({ action: 'subscribe', events: ['*'], after: last }));
  };
  await connect();
  return {
    get socket() {
      return socket;
    },
    latencies,
    last: () => last,
    whole: () => whole,
    reached: (seq) =>
      last >= seq ? Promise.resolve() : new Promise((resolve) => (awaited = { seq, resolve })),
  };
}

/** Read without parsing the rest: a hundred thousand messages a second are a lot for one client process. */
function numberIn(data: Buffer, at: number): number {
  return Number.parseFloat(data.toString('latin1', at, at + 20));
}

export type Slow = {
  readonly events: number;
  readonly healthyP99Ms: number;
  readonly grewMiB: number;
  readonly peakGrewMiB: number;
  readonly healthyWhole: boolean;
  readonly pausedBehind: number;
  readonly pausedWhole: boolean;
};

export async function proveSlowReader(options: { healthy: number; seconds: number }): Promise<Slow> {
  const host = await startHost();
  const readers: Reader[] = [];
  try {
    let measuring = false;
    for (let i = 0; i < options.healthy; i++) readers.push(await read(host, () => measuring));
    const paused = await read(host, () => false);
    readers.push(paused);
    let said = 0;
    const speak = async (seconds: number): Promise<number> => {
      let peak = 0;
      const began = performance.now();
      for (let tick = 0; tick < seconds * 50; tick++) {
        host.say(20);
        said += 20;
        if (tick % 100 === 50) peak = Math.max(peak, (await host.status()).rss);
        const wait = began + (tick + 1) * 20 - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      }
      return peak;
    };
    // What every process takes once, it has taken.
    await speak(Math.min(5, options.seconds));
    for (const reader of readers) await reader.reached(said);
    const before = (await host.status()).rss;
    paused.socket.pause();
    measuring = true;
    const peak = await speak(options.seconds);
    const healthy = readers.slice(0, -1);
    for (const reader of healthy) await reader.reached(said);
    measuring = false;
    const after = (await host.status()).rss;
    const pausedBehind = said - paused.last();
    paused.socket.resume();
    await paused.reached(said);
    const latencies = healthy.flatMap((reader) => reader.latencies).sort((a, b) => a - b);
    return {
      events: said,
      healthyP99Ms: Math.round((latencies[Math.floor(latencies.length * 0.99)] ?? 0) * 10) / 10,
      grewMiB: Math.round((after - before) / MIB),
      peakGrewMiB: Math.round((peak - before) / MIB),
      healthyWhole: healthy.every((reader) => reader.whole()),
      pausedBehind,
      pausedWhole: paused.whole(),
    };
  } finally {
    for (const { socket } of readers) socket.removeAllListeners('close').terminate();
    await host.end();
  }
}

export type Churn = {
  readonly connects: number;
  readonly sockets: number;
  readonly timers: number;
  readonly listeners: number;
  readonly open: number;
  readonly heapGrewMiB: number;
};

/** Connects and disconnects, politely and not; what is left of them on the server, over what was there before. */
export async function proveChurn(options: { connects: number }): Promise<Churn> {
  const host = await startHost();
  try {
    const one = async (i: number): Promise<void> => {
      const socket = new WebSocket(`ws://127.0.0.1:${host.port}/nexus/ws`, {
        headers: { authorization: `Bearer ${host.token}` },
      });
      socket.on('error', () => undefined);
      await new Promise((open) => socket.once('open', open));
      const subscribed = new Promise((message) => socket.once('message', message));
      socket.send('{"action":"subscribe","events":["*"]}');
      if (i % 3 !== 0) await subscribed;
      const closed = new Promise((close) => socket.once('close', close));
      if (i % 2 === 0) socket.terminate();
      else socket.close();
      await closed;
    };
    const all = async (count: number): Promise<void> => {
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < count) await one(next++);
      };
      await Promise.all(Array.from({ length: 20 }, worker));
    };
    const settled = async (): Promise<Status> => {
      for (;;) {
        const status = await host.status();
        if (status.open === 0 && status.sockets === 0) return status;
      }
    };
    await all(Math.min(500, options.connects));
    const before = await settled();
    await all(options.connects);
    const after = await settled();
    return {
      connects: options.connects,
      sockets: after.sockets,
      timers: after.timers - before.timers,
      listeners: after.listeners - before.listeners,
      open: after.open,
      heapGrewMiB: Math.round(((after.heapUsed - before.heapUsed) / MIB) * 10) / 10,
    };
  } finally {
    await host.end();
  }
}
