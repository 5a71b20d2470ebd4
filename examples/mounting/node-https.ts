/** node:https: the handler is the same. */
import { createServer } from 'node:https';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import type { Nexus } from '@neo-protocol/nexus';
import { BASE_PATH, listening, type Host } from './host.js';

export async function startNodeHttps(nexus: Nexus, tls: { key: string; cert: string }): Promise<Host> {
  const http = createHttpHandler(nexus, { basePath: BASE_PATH });
  const server = createServer(tls, (request, response) => {
    http(request, response, () => {
      response.statusCode = request.url === '/own' ? 200 : 404;
      response.end(request.url === '/own' ? 'the host' : 'not here');
    });
  });
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server, 'https');
}
