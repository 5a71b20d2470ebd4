/** Packages that are loaded when they are first needed: what is said where one cannot be. */
import { NexusError } from './errors.js';

/**
 * What `load` gives. `needs` begins the sentence of who needs it, `cure` ends it.
 *
 * @throws NexusError NEXUS_PEER_MISSING
 */
export function peer<T>(name: string, load: () => T, needs: string, cure: string): T {
  try {
    return load();
  } catch (cause) {
    throw new NexusError(
      'NEXUS_PEER_MISSING',
      `${needs} the package ${name}, which cannot be loaded here: ${cure}`,
      { details: { package: name }, cause },
    );
  }
}
