/** A registry for a test, with real crypto and a clock that stands still unless it is told. */
import type { NodeConfig } from '../../src/nodes/node-config.js';
import { createNodeRegistry, type NodeRegistry, type RegistryParts } from '../../src/nodes/node-registry.js';
import { hmacSha256 } from '../../src/hmac-sha256.js';
import { sha256 } from '../../src/options.js';

export const NOW = 1_800_000_000_000;

export function registryOf(
  config: Readonly<Record<string, NodeConfig>>,
  parts: Partial<RegistryParts> = {},
): NodeRegistry {
  return createNodeRegistry(config, {
    hmac: hmacSha256,
    sha256,
    now: () => NOW,
    salt: 'salt',
    host: 'nexus',
    ...parts,
  });
}
