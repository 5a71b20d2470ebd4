/** What is wrong with the storage at present, one trouble of a kind, and who wants to know. */
import type { Trouble } from '../storage.js';

export interface Troubles {
  /** Begins or ends a trouble. */
  set(kind: 'mark' | 'space', trouble: Trouble | undefined): void;
  listen(tell: (troubles: readonly Trouble[]) => void): () => void;
}

export function createTroubles(): Troubles {
  const troubles = new Map<string, Trouble>();
  const listeners = new Set<(troubles: readonly Trouble[]) => void>();
  return {
    set: (kind, trouble) => {
      if (troubles.get(kind) === trouble) return;
      if (trouble) troubles.set(kind, trouble);
      else troubles.delete(kind);
      for (const tell of listeners) tell([...troubles.values()]);
    },
    listen: (tell) => {
      listeners.add(tell);
      if (troubles.size > 0) tell([...troubles.values()]);
      return () => void listeners.delete(tell);
    },
  };
}
