/** node:http, without a framework. */
import { createServer } from 'node:http';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startNodeHttp: StartHost = async (nexus) => {
  const http = createHttpHandler(nexus, { basePath: BASE_PATH });
  const server = createServer((request, response) => {
    http(request, response, () => {
      response.statusCode = request.url === '/own' ? 200 : 404;
      response.end(request.url === '/own' ? 'the host' : 'not here');
    });
  });
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server);
};
