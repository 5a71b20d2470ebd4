/** Behind a proxy that serves the host below a path of its own and hands that path on: the base path says all of it. */
import { createServer, request as forward } from 'node:http';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startBehindPrefix: StartHost = async (nexus) => {
  // trustProxy: 1, for the proxy is the only one that connects.
  const http = createHttpHandler(nexus, { basePath: `/api/v1${BASE_PATH}`, trustProxy: 1 });
  const host = await listening(
    createServer((request, response) => {
      http(request, response, () => {
        response.statusCode = request.url === '/api/v1/own' ? 200 : 404;
        response.end(request.url === '/api/v1/own' ? 'the host' : 'not here');
      });
    }),
  );
  const proxy = await listening(
    createServer((request, response) => {
      const onward = forward(
        `${host.origin}/api/v1${request.url ?? '/'}`,
        {
          method: request.method,
          headers: { ...request.headers, 'x-forwarded-for': request.socket.remoteAddress },
        },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on('error', () => response.destroy());
      request.pipe(onward);
      response.once('close', () => onward.destroy());
    }),
  );
  return {
    origin: proxy.origin,
    close: async () => {
      await proxy.close();
      await host.close();
    },
  };
};
