/** How many messages a second leave a server for a thousand sockets: a Nexus, beside a bare ws server. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./children/fan-out-server.ts', import.meta.url));

export async function messagesPerSecond(
  kind: 'nexus' | 'bare',
  { sockets, messages }: { sockets: number; messages: number },
): Promise<number> {
  const token = randomBytes(24).toString('hex');
  const child = spawn(process.execPath, ['--import', 'tsx', script, kind, token], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = new Promise((exit) => child.once('exit', exit));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { port } = JSON.parse((await lines.next()).value as string) as { port: number };
  const clients: Socket[] = [];
  let ended = 0;
  let allEnded = (): void => undefined;
  for (let i = 0; i < sockets; i++)
    clients.push(
      await listener(port, token, () => {
        if (++ended === sockets) allEnded();
      }),
    );
  const over = new Promise<void>((resolve) => (allEnded = resolve));
  const began = performance.now();
  child.stdin.write(`${messages}\n`);
  await over;
  const ms = performance.now() - began;
  for (const client of clients) client.destroy();
  child.stdin.end();
  await gone;
  return (sockets * messages) / (ms / 1_000);
}

/** A client that costs as little as one can: it subscribes, and from then on waits for the last message. */
async function listener(port: number, token: string, end: () => void): Promise<Socket> {
  const key = randomBytes(16).toString('base64');
  const socket = connect(port, '127.0.0.1');
  const text = Buffer.from('{"action":"subscribe","events":["*"]}');
  // Masked with zeros, as a client must.
  const frame = Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
  socket.write(
    `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  socket.write(frame);
  await new Promise<void>((ready) => {
    let all = '';
    const hear = (chunk: Buffer): void => {
      all += chunk.toString('latin1');
      if (!all.includes('"subscribed"')) return;
      socket.off('data', hear);
      ready();
    };
    socket.on('data', hear);
  });
  let before: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    // The name may be cut in two.
    if (chunk.includes('THE_END') || Buffer.concat([before, chunk.subarray(0, 8)]).includes('THE_END')) end();
    before = chunk.subarray(-8);
  });
  return socket;
}
