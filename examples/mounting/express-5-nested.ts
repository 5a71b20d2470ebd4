/** Express 5, in a router within a router. */
import express from 'express';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { createServer } from 'node:http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startExpress5Nested: StartHost = async (nexus) => {
  const app = express();
  const outer = express.Router();
  const inner = express.Router();
  inner.use('/', createHttpHandler(nexus));
  outer.use(BASE_PATH, inner);
  app.use('/', outer);
  app.get('/own', (_, response) => void response.send('the host'));
  app.use((_, response) => void response.status(404).send('not here'));
  const server = createServer(app);
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server);
};
