/** What is wrong with the storage at present, as it says itself. */
import type { NexusError } from '../core/errors.js';
import type { Storage, Trouble } from '../storage/storage.js';

export interface Troubles {
  /** Why no events are taken at present, if they are not. */
  refusal(): NexusError | undefined;
  /** What else is wrong. */
  reasons(): readonly string[];
  end(): void;
}

export function createTroubles(options: {
  storage: Storage;
  /** Something new is wrong. */
  began: (error: NexusError) => void;
  /** Events are taken again. */
  relieved: () => void;
}): Troubles {
  let troubles: readonly Trouble[] = [];
  const refusal = (): NexusError | undefined => troubles.find(({ refusesEvents }) => refusesEvents)?.error;
  const end = options.storage.onTrouble((now) => {
    const before = troubles;
    const refused = refusal() !== undefined;
    troubles = now;
    for (const trouble of now) if (!before.includes(trouble)) options.began(trouble.error);
    if (refused && refusal() === undefined) options.relieved();
  });
  return {
    refusal,
    reasons: () => troubles.filter(({ refusesEvents }) => !refusesEvents).map(({ error }) => error.message),
    end,
  };
}
