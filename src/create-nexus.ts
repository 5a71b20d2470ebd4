/** The composition root: chooses the storage, the engine's parts and the nodes, and puts them together. */
import type { AnyCatalogue, Catalogue } from './core/catalogue.js';
import type { Clock } from './core/clock.js';
import { optionsArgument } from './core/arguments.js';
import { NexusError } from './core/errors.js';
import { createEngine } from './engine/engine.js';
import { hmacSha256 } from './hmac-sha256.js';
import { createIngress } from './ingress-door.js';
import { createNodeDesk, warnOfUnknownTypes } from './node-desk.js';
import { ingress, type Nexus, type NexusOptions, type NexusWithIngress } from './nexus.js';
import { createNodeRegistry } from './nodes/node-registry.js';
import { engineOptions, sha256 } from './options.js';
import { createWebhooks } from './webhooks/index.js';
import { sqliteOutbox, sqliteStorage } from './storage/sqlite/index.js';
import type { Storage } from './storage/storage.js';

/**
 * Makes a Nexus. Nothing is opened until it starts: by `start()`, by the first `dispatch`, or on the turn after the first
 * reactor was registered.
 *
 * @example
 * const nexus = createNexus({ events: protocolEvents, storage: './nexus.db' });
 * nexus.onEvent('PAYMENT_RECEIVED', async (payment, ctx) => { await mint(payment); });
 * await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-1', amount: '10.00', currency: 'BRL', payerId: 'p-1' });
 *
 * @throws NexusError NEXUS_INVALID_OPTION, NEXUS_PEER_MISSING (no logger given, and pino cannot be loaded)
 */
export function createNexus<const E extends Catalogue = AnyCatalogue>(
  options: NexusOptions<E> = {},
): Nexus<E> {
  const parts = engineOptions(options);
  const { clock, node } = parts;
  const nodes = optionsArgument(options.nodes, 'nodes') as NonNullable<typeof options.nodes>;
  const registry = createNodeRegistry(nodes, {
    hmac: hmacSha256,
    sha256,
    now: () => clock.now(),
    salt: parts.randomHex(32),
    host: node,
  });
  warnOfUnknownTypes(nodes, parts);
  const storage = chooseStorage(options.storage ?? './nexus.db', clock);
  const engine = createEngine({
    ...parts,
    storage,
    mayDispatch: (source, type) => registry.may(source, 'dispatch', type),
    nodes: createNodeDesk(registry, parts),
    outboxOf: sqliteOutbox,
  });
  const door = createIngress({
    engine,
    storage,
    registry,
    logger: parts.logger,
    now: () => clock.now(),
  });
  const endpoints = createWebhooks({
    ...engine,
    ...parts,
    registry,
    storage,
    hmac: hmacSha256,
    host: node,
  });
  const nexus = engine.nexus as unknown as Nexus<E>;
  return Object.assign(nexus, { endpoints, [ingress]: door } satisfies NexusWithIngress &
    Pick<Nexus, 'endpoints'>);
}

function chooseStorage(storage: string | Storage, clock: Clock): Storage {
  if (typeof storage === 'string' && storage.length > 0) return sqliteStorage({ path: storage, clock });
  if (typeof storage === 'object' && typeof (storage as Partial<Storage> | null)?.commit === 'function')
    return storage;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `storage must be a path, ':memory:' or a storage adapter; got ${typeof storage}`,
    {
      details: { option: 'storage' },
    },
  );
}
