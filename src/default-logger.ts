/** The logger of a Nexus that is given none. Pino is loaded for it and not before: most hosts bring a logger of their own. */
import { createRequire } from 'node:module';
import { NexusError } from './core/errors.js';
import type { LoggerLike } from './contract/logger.js';

type Pino = (options: { readonly name: string }) => LoggerLike;

/** @throws NexusError NEXUS_PEER_MISSING */
export function defaultLogger(load: () => unknown = loadPino): LoggerLike {
  let pino: Pino;
  try {
    pino = load() as Pino;
  } catch (cause) {
    throw new NexusError(
      'NEXUS_PEER_MISSING',
      'the default logger needs the package pino, which cannot be loaded here: install it, or leave @neo-protocol/nexus out of the bundle; or give another logger, or logger: false',
      { details: { package: 'pino' }, cause },
    );
  }
  return pino({ name: 'nexus' });
}

function loadPino(): unknown {
  return createRequire(import.meta.url)('pino');
}
