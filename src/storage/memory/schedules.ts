/** Schedules: registered, and moved from tick to tick together with the event of the tick. */
import type { Appended, ScheduleRegistration, ScheduleRow, Tick } from '../storage.js';
import type { MemoryDatabase } from './database.js';

export function registerSchedule(
  database: MemoryDatabase,
  { name, definition, since }: ScheduleRegistration,
): ScheduleRow {
  const before = database.schedules.get(name);
  if (before?.definition === definition) return { generation: before.generation, tickAt: before.tickAt };
  const row = {
    generation: (before?.generation ?? 0) + 1,
    tickAt: Math.max(since, before?.tickAt ?? since),
  };
  database.schedules.set(name, { ...row, definition });
  return row;
}

/** Moves a schedule on, or says why it does not move. */
export function moveSchedule(
  database: MemoryDatabase,
  { schedule: name, generation, from, to }: Tick,
): 'moved' | Appended {
  const row = database.schedules.get(name);
  if (row?.generation !== generation) return { outcome: 'redefined' };
  if (row.tickAt !== from) return { outcome: 'ticked', tickAt: row.tickAt };
  database.schedules.set(name, { ...row, tickAt: to });
  return 'moved';
}
