/** Sees and steers reactors, those of other processes included. */
import { activeTypes } from '../core/subscription.js';
import type { ReactorDesk, ReactorInfo } from '../nexus.js';
import type { ReactorRow, Storage } from '../storage/storage.js';
import type { Roster } from './roster.js';
import { notFound } from './views.js';

const CANCEL_AT_ONCE = 1_000;
const BLOCKED_KEYS = 20;

export function createReactorDesk(options: {
  storage: Storage;
  roster: Roster;
  opened: () => Promise<unknown>;
  /** Rows were changed: take over what they say. */
  refresh: () => Promise<void>;
}): ReactorDesk {
  const { storage, roster, opened, refresh } = options;

  const change = async (name: string, kind: 'pause' | 'resume'): Promise<void> => {
    await opened();
    const { changed } = await storage.edit({ edit: kind, reactor: name });
    if (changed === 0) await mustExist(name);
    await refresh();
  };
  const mustExist = async (name: string): Promise<void> => {
    const rows = await storage.read.reactors();
    if (!rows.some((row) => row.name === name)) throw notFound('reactor', name);
  };
  const info = async (row: ReactorRow, head: number): Promise<ReactorInfo> => {
    const local = roster.named(row.name);
    return {
      name: row.name,
      types: activeTypes(row.subscription),
      ordered: row.ordered,
      generation: row.generation,
      position: row.position,
      prunedTo: row.prunedTo,
      lag: Math.max(0, head - row.position),
      paused: row.paused,
      here: !local || local.state === 'stopped' ? 'absent' : local.state,
      counts: await storage.read.counts(row.key),
      blockedKeys: row.ordered ? await storage.read.blockedKeys(row.key, BLOCKED_KEYS) : [],
    };
  };

  return {
    list: async () => {
      await opened();
      const { seq } = await storage.read.head();
      const rows = await storage.read.reactors();
      return await Promise.all(rows.map((row) => info(row, seq)));
    },
    pause: (name) => change(name, 'pause'),
    resume: (name) => change(name, 'resume'),
    seek: async (name, to) => {
      await opened();
      const { changed } = await storage.edit({ edit: 'seek', reactor: name, to });
      if (changed === 0) await mustExist(name);
      await refresh();
    },
    remove: async (name) => {
      await opened();
      await mustExist(name);
      let cancelled = 0;
      for (;;) {
        const { changed } = await storage.edit({ edit: 'remove', reactor: name, limit: CANCEL_AT_ONCE });
        if (cancelled === 0) await refresh();
        cancelled += changed;
        if (changed === 0) return { cancelled };
      }
    },
  };
}
