/** The rows of schedules: registered, and moved from tick to tick together with the event of the tick. */
import type { Appended, ScheduleRegistration, ScheduleRow, Tick } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';

/** Each inside a write transaction. */
export interface Schedules {
  register(registration: ScheduleRegistration): ScheduleRow;
  /** Moves a schedule on, or says why it does not move. */
  tick(tick: Tick): 'moved' | NotMoved;
}

type NotMoved = Extract<Appended, { readonly outcome: 'ticked' | 'redefined' }>;

export function createSchedules(db: SqliteLike): Schedules {
  const find = db.prepare(
    'SELECT definition, generation, tick_at AS tickAt FROM nexus_schedules WHERE name = ?',
  );
  const insert = db.prepare(
    'INSERT INTO nexus_schedules (name, definition, generation, tick_at) VALUES (?, ?, 1, ?)',
  );
  const replace = db.prepare(
    'UPDATE nexus_schedules SET definition = ?, generation = generation + 1, tick_at = max(tick_at, ?) WHERE name = ?',
  );
  const move = db.prepare(
    'UPDATE nexus_schedules SET tick_at = ? WHERE name = ? AND generation = ? AND tick_at = ?',
  );
  const row = (name: string): (ScheduleRow & { readonly definition: string }) | undefined =>
    find.get(name) as (ScheduleRow & { readonly definition: string }) | undefined;

  return {
    register: ({ name, definition, since }) => {
      const before = row(name);
      if (!before) insert.run(name, definition, since);
      else if (before.definition !== definition) replace.run(definition, since, name);
      const { generation, tickAt } = row(name) as ScheduleRow;
      return { generation, tickAt };
    },
    tick: ({ schedule, generation, from, to }) => {
      if (move.run(to, schedule, generation, from).changes === 1) return 'moved';
      const now = row(schedule);
      return now?.generation === generation
        ? { outcome: 'ticked', tickAt: now.tickAt }
        : { outcome: 'redefined' };
    },
  };
}
