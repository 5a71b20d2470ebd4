/** Express 5, in a router within a router. */
import express from 'express';
import { createHttpHandler } from '@neo-protocol/nexus/http';
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
  return await listening(createServer(app));
};
