/** Express 5, where Nexus cannot come before `express.json()`: the bytes are kept for it. */
import express from 'express';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { createServer, type IncomingMessage } from 'node:http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startExpress5AfterJson: StartHost = async (nexus) => {
  const app = express();
  app.use(
    express.json({
      verify: (request: IncomingMessage & { rawBody?: Buffer }, _, bytes) => {
        request.rawBody = bytes;
      },
    }),
  );
  app.get('/own', (_, response) => void response.send('the host'));
  app.use(BASE_PATH, createHttpHandler(nexus));
  app.use((_, response) => void response.status(404).send('not here'));
  const server = createServer(app);
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(server);
  return await listening(server);
};
