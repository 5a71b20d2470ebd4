/** Express 4. */
import express from 'express4';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createServer } from 'node:http';
import { BASE_PATH, listening, type StartHost } from './host.js';

export const startExpress4: StartHost = async (nexus) => {
  const app = express();
  app.use(BASE_PATH, createHttpHandler(nexus));
  app.use(express.json());
  app.get('/own', (_, response) => void response.send('the host'));
  app.use((_, response) => void response.status(404).send('not here'));
  return await listening(createServer(app));
};
