/** A Nexus behind its HTTP handler on a real port, for the proofs of the ingress. */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpHandler, type HttpHandlerOptions } from '../src/http/index.js';
import { createNexus, memoryStorage, type Nexus, type NodeConfig } from '../src/index.js';

export type IngressHost = {
  readonly nexus: Nexus;
  readonly port: number;
  readonly secret: string;
  readonly handler: ReturnType<typeof createHttpHandler>;
  close(): Promise<void>;
};

/** The node `flowpay` may say everything, under both schemes. */
export async function startIngressHost(
  http: HttpHandlerOptions = {},
  nodes: Record<string, NodeConfig> = {},
): Promise<IngressHost> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const nexus = createNexus({
    storage: memoryStorage(),
    logger: false,
    nodes: {
      flowpay: { secrets: [secret], signatures: ['nexus', 'standard'], dispatch: ['*'], subscribe: ['*'] },
      ...nodes,
    },
  });
  const handler = createHttpHandler(nexus, { rateLimit: false, nodeRateLimit: false, ...http });
  const server = createServer({ maxHeaderSize: 16_384 }, handler);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    nexus,
    handler,
    port: (server.address() as AddressInfo).port,
    secret,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      await nexus.close();
    },
  };
}

export function signed(secret: string, body: string | Uint8Array): Record<string, string> {
  return {
    'X-Nexus-Node': 'flowpay',
    'X-Nexus-Signature': createHmac('sha256', secret).update(body).digest('hex'),
  };
}
