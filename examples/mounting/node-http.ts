/** node:http, without a framework. */
import { createServer } from 'node:http';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startNodeHttp: StartHost = async (nexus) => {
  const http = createHttpHandler(nexus, { basePath: BASE_PATH });
  const server = createServer((request, response) => {
    http(request, response, () => {
      response.statusCode = request.url === '/own' ? 200 : 404;
      response.end(request.url === '/own' ? 'the host' : 'not here');
    });
  });
  return await listening(server);
};
