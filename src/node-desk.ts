/** The nodes, changed by an operator while Nexus runs. */
import type { EngineParts } from './engine/parts.js';
import type { NodeDesk } from './nexus.js';
import { unknownTypes } from './nodes/check-types.js';
import type { NodeConfig } from './nodes/node-config.js';
import type { NodeRegistry } from './nodes/node-registry.js';

/** A day: long enough to bring a new secret to all who sign with it. */
const ROTATION_GRACE_MS = 86_400_000;

type About = Pick<EngineParts, 'catalogue' | 'logger'>;

export function createNodeDesk(registry: NodeRegistry, about: About): NodeDesk {
  return {
    list: async () => registry.list(),
    put: async (name, config) => {
      registry.put(name, config);
      warnOfUnknownTypes({ [name]: config }, about);
    },
    replace: async (nodes) => {
      registry.replace(nodes);
      warnOfUnknownTypes(nodes, about);
    },
    rotate: async (name, secret, { graceMs = ROTATION_GRACE_MS } = {}) =>
      registry.rotate(name, secret, graceMs),
    revoke: async (name, fingerprint) => ({ revoked: registry.revoke(name, fingerprint) }),
    remove: async (name) => registry.remove(name),
  };
}

/** A warning, no refusal: after a rollback the permissions of the newer code must not keep the older from starting. */
export function warnOfUnknownTypes(
  nodes: Readonly<Record<string, NodeConfig>>,
  { catalogue, logger }: About,
): void {
  if (!catalogue) return;
  const known = new Set(Object.keys(catalogue));
  const unknown = Object.entries(nodes).flatMap(([name, node]) => unknownTypes(name, node, known));
  if (unknown.length > 0) logger.warn({ unknown }, 'permissions name event types that there are not');
}
