/** Schema 3: fingerprints of bytes are kept as numbers. */
import { createDedupeKeys } from './dedupe.js';
import type { SqliteLike } from './sqlite-like.js';

const PAGE = 1_000;

type Row = { source: string; key: string; seq: number };

export function migration3(db: SqliteLike): void {
  db.exec(`
    -- number and rest: 100 bits of the key, see fingerprint.ts. Whose number is taken by another is in nexus_dedupe.
    CREATE TABLE nexus_fingerprints (
      number INTEGER PRIMARY KEY,
      rest INTEGER NOT NULL,
      seq INTEGER NOT NULL
    ) STRICT;
  `);
  const keys = createDedupeKeys(db);
  const page = db.prepare(`SELECT source, key, seq FROM nexus_dedupe WHERE (source, key) > (?, ?)
    AND key GLOB 'b:*' AND length(key) = 34 ORDER BY source, key LIMIT ${PAGE}`);
  const remove = db.prepare('DELETE FROM nexus_dedupe WHERE source = ? AND key = ?');
  let after = { source: '', key: '' };
  for (;;) {
    const rows = page.all(after.source, after.key) as Row[];
    for (const { source, key, seq } of rows) {
      remove.run(source, key);
      keys.take(source, key, seq);
    }
    const last = rows.at(-1);
    if (!last) return;
    after = last;
  }
}
