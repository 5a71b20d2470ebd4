/** Upgrades that are turned down: with an answer of HTTP, for no WebSocket is there yet. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

export type Refusal = {
  readonly status: 401 | 403 | 429 | 503;
  readonly code: string;
  readonly detail: string;
};

export function refuse(socket: Duplex, { status, code, detail }: Refusal): void {
  const title = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ type: 'about:blank', title, status, code, detail });
  const headers = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...(status === 401 ? ['WWW-Authenticate: Bearer'] : []),
    ...(status === 429 || status === 503 ? ['Retry-After: 1'] : []),
  ];
  socket.on('error', () => undefined);
  socket.once('finish', () => socket.destroy());
  socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
}
