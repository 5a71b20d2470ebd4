/** Neobot: a WhatsApp bot with a server, a logger and a database of its own, and Nexus inside. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import type { Logger } from 'pino';
import { createNexus, loadReactors, protocolEvents, type CloseReport, type Nexus } from '@neo-protocol/nexus';
import { createHttpHandler, protocolWebhooks } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import type { Config } from './config.js';
import { openContacts } from './contacts.js';
import { inbox } from './inbox.js';
import type { Services } from './services.js';
import { createSmartFactory } from './smart-factory.js';
import { createWhatsApp } from './whatsapp.js';

export type Neobot = {
  readonly url: string;
  readonly nexus: Nexus<typeof protocolEvents>;
  /** Lets running handlers finish, for so many milliseconds. */
  close(timeoutMs?: number): Promise<CloseReport>;
};

export async function startNeobot(config: Config, log: Logger): Promise<Neobot> {
  const nexus = createNexus({
    events: protocolEvents,
    storage: join(config.folder, 'nexus.db'),
    node: 'neobot',
    nodes: {
      flowpay: { secrets: [config.flowpaySecret], dispatch: ['PAYMENT_*'] },
      factory: { secrets: [config.factory.secret], dispatch: ['MINT_*', 'CONTRACT_DEPLOYED'] },
      panel: { secrets: [], tokens: [config.panelToken], subscribe: ['*'] },
    },
    logger: log.child({ part: 'nexus' }),
  });
  const contacts = openContacts(join(config.folder, 'neobot.db'), nexus);
  const services: Services = {
    contacts,
    factory: createSmartFactory(config.factory),
    whatsApp: createWhatsApp(config.whatsApp),
  };
  const folder = new URL('./reactors/', import.meta.url);
  for (const reactor of await loadReactors<typeof protocolEvents>(folder, { deps: services }))
    nexus.register(reactor);
  await nexus.start();

  const app = express();
  // Before express.json(): signatures are verified over the bytes that came.
  app.use('/nexus', createHttpHandler(nexus, { webhooks: protocolWebhooks }));
  app.use(express.json());
  app.post('/whatsapp', inbox(contacts, config.whatsApp.token));
  app.get('/status', (_request, response) => void response.json({ contacts: contacts.count() }));

  const server = createServer(app);
  const sockets = createWebSocketHandler(nexus, { path: '/nexus/ws' });
  sockets.attach(server);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(config.port, resolve));

  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    nexus,
    close: async (timeoutMs = 10_000) => {
      server.close();
      await sockets.close();
      const report = await nexus.close({ timeoutMs });
      server.closeAllConnections();
      // Last, for Nexus reads the outbox in it until it is closed.
      contacts.close();
      return report;
    },
  };
}
