/** Fastify 5, as a plugin with a prefix. */
import fastify from 'fastify';
import { fastifyNexus } from '@neo-protocol/nexus/fastify';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { BASE_PATH, type StartHost } from './host.js';

export const startFastify5: StartHost = async (nexus) => {
  const app = fastify();
  await app.register(fastifyNexus(createHttpHandler(nexus)), { prefix: BASE_PATH });
  app.get('/own', () => 'the host');
  app.setNotFoundHandler((_, reply) => reply.code(404).send('not here'));
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(app.server);
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    origin,
    close: async () => {
      app.server.closeAllConnections();
      await app.close();
    },
  };
};
