/** The composition root: chooses the storage, the engine's parts and the nodes, and puts them together. */
import type { AnyCatalogue, Catalogue } from './core/catalogue.js';
import type { Clock } from './core/clock.js';
import { NexusError } from './core/errors.js';
import { createEngine } from './engine/engine.js';
import { ingress, type Ingress, type Nexus, type NexusOptions, type NexusWithIngress } from './nexus.js';
import { createNodeRegistry } from './nodes/node-registry.js';
import { engineOptions, hmacSha256, sha256 } from './options.js';
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
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function createNexus<const E extends Catalogue = AnyCatalogue>(
  options: NexusOptions<E> = {},
): Nexus<E> {
  const parts = engineOptions(options);
  const registry = createNodeRegistry(options.nodes ?? {});
  if (registry.has(parts.node)) {
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      `"${parts.node}" is this host's own node and cannot be one of nodes; choose another name for one of them`,
      {
        details: { option: 'nodes', node: parts.node },
      },
    );
  }
  const storage = chooseStorage(options.storage ?? './nexus.db', parts.clock);
  const engine = createEngine({
    ...parts,
    storage,
    mayDispatch: (node, type) => registry.mayDispatch(node, type),
    outboxOf: sqliteOutbox,
  });

  const door: Ingress = {
    authenticate: (claim) => registry.authenticate(claim, hmacSha256),
    receive: async ({ node, type, payload, body, idempotencyKey, correlationId, headers }) => {
      const { logId } = await engine.opened();
      // The same bytes are the same event, whatever else the request says; the log's id makes the key this log's own.
      const bodyKey = `b:${sha256(`${logId}\n${Buffer.from(body).toString('latin1')}`)}`;
      return await engine.say({
        type,
        payload,
        keys: [bodyKey],
        options: {
          source: node,
          ...(idempotencyKey !== undefined && { idempotencyKey }),
          ...(correlationId !== undefined && { correlationId }),
          ...(headers !== undefined && { headers }),
        },
      });
    },
  };
  const nexus = engine.nexus as unknown as Nexus<E>;
  return Object.assign(nexus, { [ingress]: door } satisfies NexusWithIngress);
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
