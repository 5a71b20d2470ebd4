/**
 * Next.js: `app/nexus/[...path]/route.ts` exports these five. Here a few lines of node:http call them as Next would: with a
 * web `Request`, by the name of the method.
 */
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { nextRoutes } from '@neo-protocol/nexus/next';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startNextRoutes: StartHost = async (nexus) => {
  // In the file of the route: export const { GET, HEAD, POST, DELETE, OPTIONS } = nextRoutes(…);
  const routes = nextRoutes(createHttpHandler(nexus, { basePath: BASE_PATH }));
  const server = createServer((incoming, outgoing) => {
    const { url = '/', method = 'GET' } = incoming;
    const route = url.startsWith(`${BASE_PATH}/`) ? routes[method as keyof typeof routes] : undefined;
    if (!route) {
      outgoing.statusCode = url === '/own' ? 200 : 404;
      outgoing.end(url === '/own' ? 'the host' : 'not here');
      return;
    }
    const leaving = new AbortController();
    outgoing.once('close', () => leaving.abort());
    const request = new Request(`http://${incoming.headers.host ?? 'localhost'}${url}`, {
      method,
      headers: Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
        values.map((value): [string, string] => [name, value]),
      ),
      signal: leaving.signal,
      ...(method === 'POST' && { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' }),
    });
    void route(request).then(async (response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body) Readable.fromWeb(response.body as never).pipe(outgoing);
      else outgoing.end();
    });
  });
  // A route cannot upgrade: this wants a server of your own. Under `next start` there are server-sent events.
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server);
};
