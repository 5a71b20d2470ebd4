/** Schemas of zod, made when first asked for. zod is loaded for them and not before: it takes longer than all the rest of the package. */
import { createRequire } from 'node:module';
import type { z } from 'zod';
import { NexusError } from '../core/errors.js';
import { lazily } from '../core/lazily.js';

/** What zod exports as `z`. */
export type Zod = typeof z;

/**
 * The one schema that `make` makes, from the first call on.
 *
 * @throws NexusError NEXUS_PEER_MISSING, when called
 */
export function zodSchema<S>(make: (z: Zod) => S, load: () => Zod = loadZod): () => S {
  return lazily(() => make(zod(load)));
}

function zod(load: () => Zod): Zod {
  try {
    return load();
  } catch (cause) {
    throw new NexusError(
      'NEXUS_PEER_MISSING',
      'the catalogue of the protocol and permissions files need the package zod, which cannot be loaded here: install it, or leave @neo-protocol/nexus out of the bundle',
      { details: { package: 'zod' }, cause },
    );
  }
}

function loadZod(): Zod {
  return createRequire(import.meta.url)('zod') as Zod;
}
