/** Bodies without end and bodies without haste: neither fills the memory, and who signs and sends is served beside them. */
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { signed } from './ingress-host.js';

const script = fileURLToPath(new URL('./children/ingress.ts', import.meta.url));
const GIB = 1_073_741_824;

type Host = {
  port: number;
  secret: string;
  memory(): Promise<{ rss: number; peak: number }>;
  end(): Promise<void>;
};

async function startHost(bodyTimeoutMs: number): Promise<Host> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, String(bodyTimeoutMs)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const hear = async <T>(): Promise<T> => JSON.parse((await lines.next()).value as string) as T;
  const { port, secret } = await hear<{ port: number; secret: string }>();
  return {
    port,
    secret,
    memory: async () => {
      child.stdin.write('memory\n');
      return await hear<{ rss: number; peak: number }>();
    },
    end: async () => {
      const gone = new Promise((exit) => child.once('exit', exit));
      child.stdin.end();
      await gone;
    },
  };
}

/** Parallel uploads of a GiB each, half of them in large chunks and half in chunks of a byte, begun again whenever they are cut off, until the time is over. */
export async function proveUploads(options: { uploads: number; seconds: number }): Promise<{
  uploads: number;
  begun: number;
  grewMiB: number;
  healthy: number;
  failed: number;
}> {
  const host = await startHost(10_000);
  try {
    let sequence = 0;
    const healthy = async (): Promise<boolean> => {
      const body = JSON.stringify({ event: 'PAID', payload: { n: (sequence += 1) } });
      return await new Promise((resolve) => {
        const headers = signed(host.secret, body);
        const posting = request(
          { host: '127.0.0.1', port: host.port, method: 'POST', path: '/events', headers, timeout: 10_000 },
          (response) => resolve(response.resume().statusCode === 202),
        );
        posting
          .on('error', () => resolve(false))
          .on('timeout', () => resolve(false))
          .end(body);
      });
    };
    for (let i = 0; i < 200; i++) await healthy();
    const { rss: before } = await host.memory();
    const until = performance.now() + options.seconds * 1_000;
    let begun = 0;
    const uploading = Array.from({ length: options.uploads }, async (_, i) => {
      while (performance.now() < until) {
        begun += 1;
        await upload(host.port, until, i % 2 === 0 ? chunk : crumbs);
      }
    });
    const results: boolean[] = [];
    while (performance.now() < until) results.push(await healthy());
    const { peak } = await host.memory();
    await Promise.all(uploading);
    return {
      uploads: options.uploads,
      begun,
      grewMiB: Math.round((peak - before) / 1_048_576),
      healthy: results.length,
      failed: results.filter((served) => !served).length,
    };
  } finally {
    await host.end();
  }
}

const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536, 0x61), Buffer.from('\r\n')]);
/** The worst that a server can be sent for the bytes: each is a chunk of its own. */
const crumbs = Buffer.from('1\r\na\r\n'.repeat(10_923));

/** Sends as fast as it is taken, heedless of any answer, until it is cut off, a GiB is sent, or the time is over. */
async function upload(port: number, until: number, piece: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  let sent = 0;
  await new Promise<void>((done) => {
    const send = (): void => {
      while (sent < GIB && performance.now() < until && !socket.destroyed) {
        sent += piece.length;
        if (!socket.write(piece)) return void socket.once('drain', send);
      }
      socket.destroy();
    };
    socket.on('error', () => undefined).on('close', () => done());
    socket.resume();
    socket.write('POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    send();
  });
}

/** Connections that send a byte of their body now and then. */
export async function proveSlowBodies(options: { connections: number; deadlineMs: number }): Promise<{
  connections: number;
  deadlineMs: number;
  lastGoneMs: number;
  timedOut: number;
}> {
  const host = await startHost(options.deadlineMs);
  const sockets: Socket[] = [];
  let timedOut = 0;
  try {
    const gone = Array.from({ length: options.connections }, async () => {
      const socket = connect(host.port, '127.0.0.1');
      sockets.push(socket);
      let answer = '';
      socket.on('data', (data) => (answer += data.toString('latin1'))).on('error', () => undefined);
      await new Promise<void>((connected) => socket.once('connect', connected));
      const began = performance.now();
      socket.write('POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{');
      const drip = setInterval(() => void socket.write('x'), options.deadlineMs / 10);
      await new Promise<void>((closed) => socket.once('close', () => closed()));
      clearInterval(drip);
      if (answer.startsWith('HTTP/1.1 408 ')) timedOut += 1;
      return performance.now() - began;
    });
    const times = await Promise.all(gone);
    return {
      connections: options.connections,
      deadlineMs: options.deadlineMs,
      lastGoneMs: Math.round(Math.max(...times)),
      timedOut,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
    await host.end();
  }
}
