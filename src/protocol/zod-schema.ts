/** Schemas of zod, made when first asked for. zod is loaded for them and not before: it takes longer than all the rest of the package. */
import { createRequire } from 'node:module';
import type { z } from 'zod';
import { lazily } from '../core/lazily.js';
import { peer } from '../core/peer.js';

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
  return peer(
    'zod',
    load,
    'the catalogue of the protocol and permissions files need',
    'install it, or leave @neo-protocol/nexus out of the bundle',
  );
}

function loadZod(): Zod {
  return createRequire(import.meta.url)('zod') as Zod;
}
