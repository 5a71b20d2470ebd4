/** What a copy says of itself: a log that may have gone on elsewhere since, until it is run and goes on by itself. */
import type { CopyOf } from '../storage.js';
import type { SqliteLike } from './sqlite-like.js';
import type { Write } from './transaction.js';

/** Writes the mark into the copy that is attached under this name. */
export function markCopy(db: SqliteLike, attached: string, copy: CopyOf): void {
  const put = db.prepare(`INSERT OR REPLACE INTO ${attached}.nexus_meta (key, value) VALUES (?, ?)`);
  put.run('copied_at', String(copy.at));
  put.run('copied_from', copy.from);
  put.run('copied_head', String(copy.head));
  db.prepare(`DELETE FROM ${attached}.nexus_meta WHERE key = 'restored_at'`).run();
}

/** The first who runs a copy is told what it is of; from then on it is a log of its own. */
export async function adoptCopy(db: SqliteLike, write: Write, now: number): Promise<CopyOf | undefined> {
  const meta = db.prepare('SELECT value FROM nexus_meta WHERE key = ?');
  const value = (key: string): string | undefined => (meta.get(key) as { value: string } | undefined)?.value;
  if (value('copied_at') === undefined || value('restored_at') !== undefined) return undefined;
  const adopted = await write(
    () =>
      db.prepare(`INSERT OR IGNORE INTO nexus_meta (key, value) VALUES ('restored_at', ?)`).run(String(now))
        .changes === 1,
  );
  if (!adopted) return undefined;
  return {
    at: Number(value('copied_at')),
    from: value('copied_from') ?? '',
    head: Number(value('copied_head')),
  };
}
