/** The logger of a Nexus that is given none. Pino is loaded for it and not before: most hosts bring a logger of their own. */
import { createRequire } from 'node:module';
import { peer } from './core/peer.js';
import type { LoggerLike } from './contract/logger.js';

type Pino = (options: { readonly name: string }) => LoggerLike;

/** @throws NexusError NEXUS_PEER_MISSING */
export function defaultLogger(load: () => unknown = loadPino): LoggerLike {
  const pino = peer(
    'pino',
    load,
    'the default logger needs',
    'install it, or leave @neo-protocol/nexus out of the bundle; or give another logger, or logger: false',
  ) as Pino;
  return pino({ name: 'nexus' });
}

function loadPino(): unknown {
  return createRequire(import.meta.url)('pino');
}
