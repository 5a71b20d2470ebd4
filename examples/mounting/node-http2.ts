/** node:http2 through its compatibility API, which also takes HTTP/1.1. */
import { createSecureServer } from 'node:http2';
import type { Server } from 'node:http';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import type { Nexus } from '@neo-protocol/nexus';
import { BASE_PATH, listening, type Host } from './host.js';

export async function startNodeHttp2(nexus: Nexus, tls: { key: string; cert: string }): Promise<Host> {
  const http = createHttpHandler(nexus, { basePath: BASE_PATH });
  const server = createSecureServer({ ...tls, allowHTTP1: true }, (request, response) => {
    http(request, response, () => {
      response.statusCode = request.url === '/own' ? 200 : 404;
      response.end(request.url === '/own' ? 'the host' : 'not here');
    });
  });
  // Over HTTP/1.1, which browsers speak for a WebSocket where the server does not offer it over HTTP/2.
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server as unknown as Server, 'https');
}
