/** A host with a Nexus, and the page beside it. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNexus, memoryStorage, protocolEvents, type Nexus } from '@neo-protocol/nexus';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { createSite } from './site.js';

export type PageHost = {
  readonly url: string;
  readonly nexus: Nexus<typeof protocolEvents>;
  close(): Promise<void>;
};

export async function startPageHost(port = 0): Promise<PageHost> {
  const token = randomBytes(24).toString('base64url');
  const nexus = createNexus({
    events: protocolEvents,
    storage: memoryStorage(),
    logger: false,
    node: 'neobot',
    nodes: {
      // Reads, and nothing else.
      page: { secrets: [], tokens: [token], subscribe: ['PAYMENT_*', 'MINT_*', 'LEAD_*', 'WORKOUT_*'] },
      flowpay: { secrets: [secret()], dispatch: ['PAYMENT_*'] },
      factory: { secrets: [secret()], dispatch: ['MINT_*'] },
      wod: { secrets: [secret()], dispatch: ['WORKOUT_*'] },
    },
  });
  const http = createHttpHandler(nexus, { basePath: '/nexus' });
  const sockets = createWebSocketHandler(nexus);
  const server = createServer();
  sockets.attach(server);
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const site = await createSite({ url: `${url}/nexus`, token });
  server.on('request', (request, response) => http(request, response, () => site(request, response)));
  return {
    url,
    nexus,
    close: async () => {
      await Promise.all([nexus.close(), sockets.close()]);
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** A secret of this run alone. */
function secret(): string {
  return randomBytes(24).toString('hex');
}
