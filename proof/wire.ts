/** Bytes as they are on the wire: requests written by hand on one connection, answers taken apart by their length. */
import { connect, type Socket } from 'node:net';

export type WireAnswer = {
  readonly status: number;
  /** Head and body, without the line of the date. */
  readonly bytes: string;
  readonly body: string;
};

export interface Wire {
  /** Sends all of them at once, and gives the answers in their order. */
  ask(requests: readonly string[]): Promise<WireAnswer[]>;
  close(): void;
}

export async function openWire(port: number, localAddress = '127.0.0.1'): Promise<Wire> {
  const socket: Socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.setNoDelay(true);
  let buffer = '';
  let ended: Error | undefined;
  let wake = (): void => undefined;
  socket.on('data', (chunk) => {
    buffer += chunk.toString('latin1');
    wake();
  });
  const end = (error?: Error): void => {
    ended ??= error ?? new Error('the connection was closed');
    wake();
  };
  socket.on('error', end).on('close', () => end());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));

  /** An answer to HEAD tells a length and has no body. */
  const next = async (isHead: boolean): Promise<WireAnswer> => {
    for (;;) {
      const head = buffer.indexOf('\r\n\r\n');
      const length = isHead
        ? 0
        : Number(/\r\ncontent-length: (\d+)/i.exec(buffer.slice(0, head + 2))?.[1] ?? 0);
      if (head >= 0 && buffer.length >= head + 4 + length) {
        const whole = buffer.slice(0, head + 4 + length);
        buffer = buffer.slice(whole.length);
        return {
          status: Number(whole.slice(9, 12)),
          bytes: whole.replace(/\r\ndate: [^\r]*/i, ''),
          body: whole.slice(head + 4),
        };
      }
      if (ended) throw ended;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };

  return {
    ask: async (requests) => {
      socket.write(requests.join(''), 'latin1');
      const answers: WireAnswer[] = [];
      for (const request of requests) answers.push(await next(request.startsWith('HEAD ')));
      return answers;
    },
    close: () => void socket.destroy(),
  };
}

/** A POST of a body, as text for the wire. */
export function postText(path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\nHost: nexus.test\r\n${lines.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
