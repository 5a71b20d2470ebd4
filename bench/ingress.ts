/** Signed, validated, durable `POST /events`, against a bare server that verifies the same signature and commits in groups. */
import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inFolder } from './end-to-end.js';
import { paymentOf } from './payment.js';

const script = fileURLToPath(new URL('./children/ingress-server.ts', import.meta.url));
const CONNECTIONS = 64;
/** Requests that a connection has on their way. */
const PIPELINE = 16;

const secret = randomBytes(32).toString('hex');

/** `cpuMicros`: of the server alone, per post, which a busy machine changes less than its speed. */
export type Posts = { readonly perSecond: number; readonly cpuMicros: number };

export async function posts(mode: 'nexus' | 'bare', count: number): Promise<Posts> {
  return await inFolder(async (file) => {
    const server = spawn(process.execPath, ['--import', 'tsx', script, mode, file, secret], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
      const said = async (): Promise<number> => Number((await lines.next()).value);
      const cpu = async (): Promise<number> => {
        server.stdin.write('?');
        return await said();
      };
      const port = await said();
      await run(port, requests(0, 5_000));
      const texts = requests(5_000, count);
      await cpu();
      const began = performance.now();
      await run(port, texts);
      const seconds = (performance.now() - began) / 1_000;
      return { perSecond: count / seconds, cpuMicros: (await cpu()) / count };
    } finally {
      const gone = new Promise((exit) => server.once('exit', exit));
      server.stdin.end();
      await gone;
    }
  });
}

/** Signed before the clock runs: the client's work is none of the server's. */
function requests(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const body = JSON.stringify({ event: 'PAYMENT_RECEIVED', payload: paymentOf(from + i) });
    const signature = createHmac('sha256', secret).update(body).digest('hex');
    return `POST /events HTTP/1.1\r\nHost: nexus.test\r\nContent-Type: application/json\r\nX-Nexus-Node: flowpay\r\nX-Nexus-Signature: ${signature}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  });
}

async function run(port: number, texts: readonly string[]): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1');
      socket.setNoDelay(true);
      let open = 0;
      await new Promise<void>((done, fail) => {
        const send = (): void => {
          let text = '';
          for (; open < PIPELINE && next < texts.length; open++) text += texts[next++] ?? '';
          if (text !== '') socket.write(text, 'latin1');
          if (open === 0) done();
        };
        socket.on('error', fail).on('data', (data) => {
          const answers = data.toString('latin1').split('HTTP/1.1 ').slice(1);
          const wrong = answers.find((answer) => !answer.startsWith('202 '));
          if (wrong !== undefined) fail(new Error(wrong));
          open -= answers.length;
          send();
        });
        send();
      });
      socket.destroy();
    }),
  );
}
