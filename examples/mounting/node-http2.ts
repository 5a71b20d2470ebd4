/** node:http2 through its compatibility API, which also takes HTTP/1.1. */
import { createSecureServer } from 'node:http2';
import type { Server } from 'node:http';
import { createHttpHandler } from '@neo-protocol/nexus/http';
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
  return await listening(server as unknown as Server, 'https');
}
