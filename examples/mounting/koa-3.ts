/** Koa 3. */
import Koa from 'koa';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { koaNexus } from '@neo-protocol/nexus/koa';
import { createServer } from 'node:http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startKoa3: StartHost = async (nexus) => {
  const app = new Koa();
  app.use(koaNexus(createHttpHandler(nexus, { basePath: BASE_PATH })));
  app.use((context) => {
    context.status = context.path === '/own' ? 200 : 404;
    context.body = context.path === '/own' ? 'the host' : 'not here';
  });
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server);
};
