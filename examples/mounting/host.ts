/** A host with Nexus mounted under `/nexus`, a route of its own, and its own answer for everything else. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Nexus } from '@neo-protocol/nexus';

/** What each example exports: starts a host around a Nexus, on a free port. */
export type StartHost = (nexus: Nexus) => Promise<Host>;

export type Host = {
  /** Scheme, host and port. */
  readonly origin: string;
  close(): Promise<void>;
};

/** Below this every example mounts Nexus. */
export const BASE_PATH = '/nexus';

/** Listens on a free port of loopback. */
export async function listening(
  server: Pick<Server, 'listen' | 'close' | 'address' | 'once'> & { closeAllConnections?: () => void },
  scheme: 'http' | 'https' = 'http',
): Promise<Host> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections?.();
      await closed;
    },
  };
}
