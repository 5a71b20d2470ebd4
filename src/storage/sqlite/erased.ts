/** Which events of a stretch of the log have been erased: mostly none. */
import type { SqliteLike } from './sqlite-like.js';

type Stretch = { readonly after: number; readonly to: number };

export function createErased(db: SqliteLike): (stretch: Stretch) => ReadonlySet<number> | undefined {
  const erased = db.prepare('SELECT seq FROM nexus_events WHERE seq > ? AND seq <= ? AND payload IS NULL');
  return ({ after, to }) => {
    const rows = erased.all(after, to) as { seq: number }[];
    return rows.length === 0 ? undefined : new Set(rows.map(({ seq }) => seq));
  };
}
