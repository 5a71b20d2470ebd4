/** A storage that is only looked at: it takes no lease, migrates nothing, and refuses whatever would write. */
import { NexusError } from '../core/errors.js';
import type { Storage } from './storage.js';

/** What the engine does by itself finds nothing to do; what somebody asks for is refused. */
export function readOnly(storage: Storage, what: string): Storage {
  const refuse = async (): Promise<never> => {
    throw new NexusError(
      'NEXUS_READ_ONLY',
      `${what} is open for reading only: nothing was written; open it without \`readonly\` to change it`,
      { details: { retryable: false, outcome: 'not_stored' } },
    );
  };
  return {
    capabilities: { ...storage.capabilities, outbox: false },
    get read() {
      return storage.read;
    },
    open: async (options) => await storage.open({ ...options, mode: 'read' }),
    onChange: (hint) => storage.onChange(hint),
    onTrouble: (tell) => storage.onTrouble(tell),
    backup: async (to) => await storage.backup(to),
    close: async () => await storage.close(),
    nextDueInMs: async () => undefined,
    renew: async () => 'held',
    recover: async () => ({ recovered: [], more: false }),
    sweep: async () => ({ removed: 0, more: false, nextInMs: Infinity }),
    commit: refuse,
    register: refuse,
    schedule: refuse,
    claim: refuse,
    markStarted: refuse,
    startReplay: refuse,
    fanOutReplay: refuse,
    edit: refuse,
    redact: refuse,
    prune: refuse,
  };
}
