/** The reactors registered in this process. */
import { NexusError } from '../core/errors.js';
import { matchesType } from '../core/subscription.js';
import type { ReactorRow } from '../storage/storage.js';
import { createLocalReactor, isActive, type LocalReactor, type ReactorSettings } from './local-reactor.js';

export interface Roster {
  /** @throws NexusError NEXUS_REACTOR_NAME_TAKEN */
  add(settings: ReactorSettings): LocalReactor;
  remove(reactor: LocalReactor): void;
  named(name: string): LocalReactor | undefined;
  all(): Iterable<LocalReactor>;
  /** Those that can be given deliveries. */
  active(): readonly LocalReactor[];
  /** The active ones with a rate limit. */
  paced(): readonly LocalReactor[];
  /** The active ones that subscribe to a type. */
  matching(type: string): readonly LocalReactor[];
  /** Says that rows or states changed, so that what is derived from them is made anew. */
  changed(): void;
}

export function createRoster(): Roster {
  const byName = new Map<string, LocalReactor>();
  let active: readonly LocalReactor[] | undefined;
  let paced: readonly LocalReactor[] | undefined;
  const byType = new Map<string, readonly LocalReactor[]>();

  const roster: Roster = {
    add: (settings) => {
      if (byName.has(settings.name)) throw nameTaken(settings.name);
      const reactor = createLocalReactor(settings);
      byName.set(settings.name, reactor);
      return reactor;
    },
    remove: (reactor) => {
      if (byName.get(reactor.settings.name) === reactor) byName.delete(reactor.settings.name);
      roster.changed();
    },
    named: (name) => byName.get(name),
    all: () => byName.values(),
    active: () => (active ??= [...byName.values()].filter(isActive)),
    paced: () => (paced ??= roster.active().filter(({ pace }) => pace !== undefined)),
    matching: (type) => {
      let found = byType.get(type);
      if (!found) {
        found = roster
          .active()
          .filter(({ settings }) => settings.types.some((each) => matchesType(each, type)));
        // Without a catalogue the types are the callers' to invent: the memory of them is bounded.
        if (byType.size >= 1_000) byType.clear();
        byType.set(type, found);
      }
      return found;
    },
    changed: () => {
      active = undefined;
      paced = undefined;
      byType.clear();
    },
  };
  return roster;
}

/** Takes over what a row says now; tells whether the registration of this process still stands. */
export function followRow(reactor: LocalReactor, row: ReactorRow | undefined): 'stands' | 'superseded' {
  if (row?.key !== reactor.row?.key || row?.generation !== reactor.row?.generation) return 'superseded';
  reactor.paused = row?.paused ?? false;
  reactor.position = row?.position ?? reactor.position;
  return 'stands';
}

function nameTaken(name: string): NexusError {
  return new NexusError(
    'NEXUS_REACTOR_NAME_TAKEN',
    `a reactor named "${name}" is already registered in this process; give one of them another name: onEvent(type, { name: '…' }, handler)`,
    { details: { name } },
  );
}
