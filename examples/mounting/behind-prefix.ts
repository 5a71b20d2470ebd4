/** Behind a proxy that serves the host below a path of its own and hands that path on: the base path says all of it. */
import { createServer, request as forward } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startBehindPrefix: StartHost = async (nexus) => {
  // trustProxy: 1, for the proxy is the only one that connects.
  const http = createHttpHandler(nexus, { basePath: `/api/v1${BASE_PATH}`, trustProxy: 1 });
  const server = createServer((request, response) => {
    http(request, response, () => {
      response.statusCode = request.url === '/api/v1/own' ? 200 : 404;
      response.end(request.url === '/api/v1/own' ? 'the host' : 'not here');
    });
  });
  createWebSocketHandler(nexus, { path: `/api/v1${BASE_PATH}/ws`, trustProxy: 1 }).attach(server);
  const host = await listening(server);
  const proxy = await listening(proxyTo(`${host.origin}/api/v1`));
  return {
    origin: proxy.origin,
    close: async () => {
      await proxy.close();
      await host.close();
    },
  };
};

/** What nginx or a load balancer would be. */
function proxyTo(target: string) {
  const onward = ({ method, headers, socket }: IncomingMessage): RequestOptions => ({
    method,
    headers: { ...headers, 'x-forwarded-for': socket.remoteAddress },
  });
  const proxy = createServer((request, response) => {
    const asking = forward(`${target}${request.url ?? '/'}`, onward(request), (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    asking.on('error', () => response.destroy());
    request.pipe(asking);
    response.once('close', () => asking.destroy());
  });
  proxy.on('upgrade', (request: IncomingMessage, client: Duplex) => {
    const asking = forward(`${target}${request.url ?? '/'}`, onward(request));
    asking.on('error', () => client.destroy());
    asking.on('response', (refused) => client.end(`HTTP/1.1 ${refused.statusCode ?? 502} Refused\r\n\r\n`));
    asking.on('upgrade', (answer, server) => {
      const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`);
      client.pipe(server).pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const)
        one.on('error', () => other.destroy()).on('close', () => other.destroy());
    });
    asking.end();
  });
  return proxy;
}
