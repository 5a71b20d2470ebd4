/** Express 4. */
import express from 'express4';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { createServer } from 'node:http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startExpress4: StartHost = async (nexus) => {
  const app = express();
  app.use(BASE_PATH, createHttpHandler(nexus));
  app.use(express.json());
  app.get('/own', (_, response) => void response.send('the host'));
  app.use((_, response) => void response.status(404).send('not here'));
  const server = createServer(app);
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server);
};
