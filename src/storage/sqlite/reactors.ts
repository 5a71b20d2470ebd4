/** The rows of reactors: registered, steered, removed. */
import { NexusError } from '../../core/errors.js';
import { refuseBelowBase, refusePruned } from '../../core/retention.js';
import { activeTypes, resubscribe, subscribe } from '../../core/subscription.js';
import type { Edit, ReactorRow, Registration } from '../storage.js';
import type { HeadCache } from './head-cache.js';
import { toReactor, type ReactorTableRow } from './rows.js';
import type { SqliteLike } from './sqlite-like.js';
import { CANCELLED, PENDING, RUNNING } from './states.js';

/** Each inside a write transaction. */
export interface Reactors {
  register(registration: Registration, now: number): ReactorRow;
  pause(name: string, paused: boolean): number;
  seek(edit: Edit & { readonly edit: 'seek' }): number;
  remove(edit: Edit & { readonly edit: 'remove' }, now: number): number;
}

export function createReactors(db: SqliteLike, cache: HeadCache): Reactors {
  const columns = 'key, name, subscription, ordered, generation, position, paused, pruned_to';
  const find = db.prepare(`SELECT ${columns} FROM nexus_reactors WHERE name = ? AND removed_at IS NULL`);
  const insert =
    db.prepare(`INSERT INTO nexus_reactors (name, subscription, ordered, generation, position, created_at)
    VALUES (?, ?, ?, 1, ?, ?)`);
  const change = db.prepare(
    'UPDATE nexus_reactors SET subscription = ?, ordered = ?, generation = generation + 1 WHERE key = ?',
  );
  const pause = db.prepare(
    'UPDATE nexus_reactors SET paused = ? WHERE name = ? AND removed_at IS NULL AND paused <> ?',
  );
  const move = db.prepare(
    'UPDATE nexus_reactors SET position = ? WHERE name = ? AND removed_at IS NULL AND position <> ?',
  );
  const remove = db.prepare('UPDATE nexus_reactors SET removed_at = ? WHERE name = ? AND removed_at IS NULL');
  const cancelOpen =
    db.prepare(`UPDATE nexus_deliveries SET state = ${CANCELLED}, reason = 'reactor_removed', instance = NULL,
      suspect = 0, started = 0, due_at = NULL, finished_at = ?
    WHERE (reactor, run, seq) IN (
      SELECT d.reactor, d.run, d.seq FROM nexus_reactors r JOIN nexus_deliveries d ON d.reactor = r.key
      WHERE r.name = ? AND r.removed_at IS NOT NULL AND d.state IN (${PENDING}, ${RUNNING}) LIMIT ?)`);

  const ahead = (option: string, seq: number): void => {
    const head = cache.head().seq;
    if (seq <= head) return;
    throw new NexusError(
      'NEXUS_POSITION_AHEAD',
      `${option} must not be above the head of the log, ${head}; got ${seq}`,
      { details: { [option]: seq, head } },
    );
  };

  return {
    register: ({ name, types, ordered, from }, now) => {
      const row = find.get(name) as ReactorTableRow | undefined;
      const head = cache.head().seq;
      if (!row) {
        const base = cache.base();
        const position = from === 'now' ? head : from === 'beginning' || from === 0 ? base : from;
        ahead('from', position);
        refuseBelowBase('from', position, base);
        insert.run(name, JSON.stringify(subscribe(types, position)), ordered ? 1 : 0, position, now);
      } else {
        const { subscription } = toReactor(row);
        const same =
          activeTypes(subscription).join('\n') === types.join('\n') && (row.ordered === 1) === ordered;
        if (!same)
          change.run(JSON.stringify(resubscribe(subscription, types, head)), ordered ? 1 : 0, row.key);
      }
      cache.drop();
      return toReactor(find.get(name) as ReactorTableRow);
    },
    pause: (name, paused) => {
      cache.drop();
      return Number(pause.run(Number(paused), name, Number(paused)).changes);
    },
    seek: ({ reactor, to }) => {
      const position = to === 'now' ? cache.head().seq : to;
      ahead('to', position);
      refuseBelowBase('to', position, cache.base());
      const row = find.get(reactor) as ReactorTableRow | undefined;
      if (row) refusePruned(position, row.pruned_to);
      cache.drop();
      return Number(move.run(position, reactor, position).changes);
    },
    remove: ({ reactor, limit }, now) => {
      remove.run(now, reactor);
      cache.drop();
      return Number(cancelOpen.run(now, reactor, limit).changes);
    },
  };
}
