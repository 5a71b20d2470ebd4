/** Hono 4, through the fetch form. */
import { serve, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import type { AddressInfo } from 'node:net';
import { BASE_PATH, type StartHost } from './host.js';

export const startHono4: StartHost = async (nexus) => {
  const http = createHttpHandler(nexus, { basePath: BASE_PATH });
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.get('/own', (c) => c.text('the host'));
  app.all(`${BASE_PATH}/*`, (c) => {
    const ip = c.env.incoming.socket.remoteAddress;
    return http.fetch(c.req.raw, ip === undefined ? {} : { ip });
  });
  app.notFound((c) => c.text('not here', 404));
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      if ('closeAllConnections' in server) server.closeAllConnections();
      await closed;
    },
  };
};
