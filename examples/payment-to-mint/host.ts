/** A host like Neobot: its own HTTP server and routes, with Nexus inside, mounted under /nexus. */
import { createNexus, protocolEvents, type Nexus } from '@neo-protocol/nexus';
import { createHttpHandler, protocolWebhooks } from '@neo-protocol/nexus/http';
import { mintOnPayment, type FactoryAccess } from './reactors/mint-on-payment.js';
import { notifyOnMint } from './reactors/notify-on-mint.js';
import { listen, type Running } from './server.js';

export type Host = Running & { readonly nexus: Nexus<typeof protocolEvents> };

export async function startHost(options: {
  database: string;
  secrets: { readonly flowpay: string; readonly factory: string };
  factory: FactoryAccess;
  whatsAppUrl: string;
  port?: number;
}): Promise<Host> {
  const { secrets } = options;
  const nexus = createNexus({
    events: protocolEvents,
    storage: options.database,
    node: 'neobot',
    nodes: {
      flowpay: { secrets: [secrets.flowpay], dispatch: ['PAYMENT_*'] },
      factory: {
        secrets: [secrets.factory],
        dispatch: ['MINT_CONFIRMED', 'MINT_FAILED', 'CONTRACT_DEPLOYED'],
      },
    },
    logger: false,
  });
  nexus.register(mintOnPayment(options.factory));
  nexus.register(
    notifyOnMint(async (message) => {
      const response = await fetch(options.whatsAppUrl, { method: 'POST', body: JSON.stringify(message) });
      if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
    }),
  );

  const http = createHttpHandler(nexus, { basePath: '/nexus', webhooks: protocolWebhooks });
  const running = await listen((request, response) => {
    http(request, response, () => {
      // Everything that is not Nexus's is the host's own.
      if (request.url === '/status') response.writeHead(200).end('neobot is up\n');
      else response.writeHead(404).end();
    });
  }, options.port);
  return {
    url: running.url,
    nexus,
    close: async () => {
      await nexus.close();
      await running.close();
    },
  };
}
