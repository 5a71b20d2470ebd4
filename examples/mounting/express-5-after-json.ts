/** Express 5, where Nexus cannot come before `express.json()`: the bytes are kept for it. */
import express from 'express';
import { createHttpHandler } from '@neo-protocol/nexus/http';
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
  return await listening(createServer(app));
};
