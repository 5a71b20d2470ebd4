/** Tampering with a database file, by SQL and by bytes: all of it is found, given a checkpoint from later, and where it began. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GENESIS_HASH, hashEvent, hashPayload } from '../src/core/chain.js';
import { createNexus } from '../src/create-nexus.js';
import { verifyLog } from '../src/engine/verification.js';
import type { AuditReport, Checkpoint } from '../src/nexus.js';
import { sha256 } from '../src/options.js';
import { sqliteStorage, type SqliteLike } from '../src/storage/sqlite/index.js';
import { openDatabase } from '../test/support/database.js';

export type TamperReport = {
  /** By kind, how many. */
  readonly tamperings: Readonly<Record<string, number>>;
  /** Not found, or found at another place than it began; with what was done. */
  readonly missed: readonly string[];
  readonly misplaced: readonly string[];
};

type Row = Record<string, string | number | null> & { seq: number; id: string; type: string };

/** What is tampered with: a log with everything in it, and what was kept elsewhere. */
type Scene = {
  readonly file: string;
  /** An older copy, one of it that went on, and another log. */
  readonly older: string;
  readonly wentOn: string;
  readonly foreign: readonly Row[];
  readonly rows: readonly Row[];
  readonly checkpoints: readonly [middle: Checkpoint, last: Checkpoint];
};

/** A tampering with a copy of the file; the places at which it may be found. */
type Tampering = (scene: Scene, file: string) => readonly number[];

export async function proveTamper(options: { tamperings: number }): Promise<TamperReport> {
  const folder = mkdtempSync(join(process.cwd(), '.proof-'));
  try {
    const scene = await setScene(folder);
    const untouched = await verify(scene.file, scene.checkpoints);
    if (!untouched.ok)
      throw new Error(`the log is broken before it is tampered with: ${untouched.firstBad.message}`);
    const counts: Record<string, number> = {};
    const missed: string[] = [];
    const misplaced: string[] = [];
    const kinds = Object.entries(tamperings);
    for (let n = 0; n < options.tamperings; n++) {
      const [kind, tamper] = kinds[n % kinds.length]!;
      const file = join(folder, `tampered-${n}.db`);
      copyFileSync(scene.file, file);
      const expected = tamper(scene, file);
      const report = await verify(file, scene.checkpoints);
      counts[kind] = (counts[kind] ?? 0) + 1;
      const found = report.firstBad;
      if (!found) missed.push(`${kind} at ${expected.join(' or ')}`);
      else if (!expected.includes(found.seq))
        misplaced.push(`${kind} at ${expected.join(' or ')}, found at ${found.seq} (${found.reason})`);
      for (const rest of ['', '-wal', '-shm']) rmSync(file + rest, { force: true });
    }
    return { tamperings: counts, missed, misplaced };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verify(file: string, checkpoints: readonly Checkpoint[]): Promise<AuditReport> {
  const storage = sqliteStorage({ path: file });
  await storage.open({ instance: crypto.randomUUID(), leaseMs: 1_000, mode: 'read' });
  try {
    return await verifyLog({ storage, sha256, from: undefined, checkpoints, tell: () => undefined });
  } finally {
    await storage.close();
  }
}

async function setScene(folder: string): Promise<Scene> {
  const file = join(folder, 'log.db');
  const [older, wentOn] = [join(folder, 'older.db'), join(folder, 'went-on.db')];
  await say(file, 60);
  // Some of it is lost, and the log tells of it.
  edit(file, (db) => {
    dropGuards(db);
    db.exec('DELETE FROM nexus_events WHERE seq > (SELECT max(seq) FROM nexus_events) - 3');
  });
  await say(file, 60);
  const nexus = createNexus({ storage: file, logger: false });
  const middle = await nexus.audit.checkpoint();
  const { items } = await nexus.events.list({ after: 10, type: 'A', limit: 3 });
  for (const { id } of items) await nexus.audit.redact(id, 'a request');
  await nexus.backup(older);
  await nexus.close();
  copyFileSync(older, wentOn);
  await say(wentOn, 200);
  await say(file, 100);
  const again = createNexus({ storage: file, logger: false });
  const last = await again.audit.checkpoint();
  await again.close();
  const other = join(folder, 'other.db');
  await say(other, 300);
  return { file, older, wentOn, foreign: rowsOf(other), rows: rowsOf(file), checkpoints: [middle, last] };
}

/** Events of every form. */
async function say(file: string, count: number): Promise<void> {
  const nexus = createNexus({ storage: file, logger: false });
  nexus.onEvent('A', { name: 'parent' }, ({ n }, ctx) => {
    if (Number(n) % 5 === 0) ctx.dispatch('CHILD', { of: n });
  });
  for (let n = 0; n < count; n++) {
    await nexus.dispatch(
      'A',
      { n, text: `ação ✓ ${Math.random()}` },
      n % 3 === 0
        ? { headers: { trace: `t${n}` }, notBefore: 5 }
        : { idempotencyKey: `${file}-${Math.random()}` },
    );
  }
  await nexus.idle();
  await nexus.close();
}

function rowsOf(file: string): Row[] {
  const db = openDatabase(file, { readonly: true });
  try {
    return db.prepare('SELECT * FROM nexus_events ORDER BY seq').all() as Row[];
  } finally {
    db.close();
  }
}

function edit(file: string, how: (db: SqliteLike) => void): void {
  const db = openDatabase(file);
  how(db);
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

/** Whoever may write the file is not kept from it by what is written there. */
function dropGuards(db: SqliteLike): void {
  db.exec('DROP TRIGGER IF EXISTS nexus_events_append_only; DROP TRIGGER IF EXISTS nexus_events_keep');
}

function tampered(file: string, how: (db: SqliteLike) => void): void {
  edit(file, (db) => {
    dropGuards(db);
    db.exec('BEGIN');
    how(db);
    db.exec('COMMIT');
  });
}

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)]!;
const indexIn = (rows: readonly Row[], spare = 0): number =>
  Math.floor(Math.random() * (rows.length - spare));

/** Where it is found: at the row, or, of a note of a redaction, at the event whose erasure nothing speaks for any more. */
function places(row: Row, at = row.seq): number[] {
  if (row.type !== 'nexus.event.redacted') return [at];
  return [at, (JSON.parse(String(row.payload)) as { seq: number }).seq];
}

/** Where another event in place of one is found: in place of the one that stands for a gap, there is none that does. */
function placeOf(rows: readonly Row[], index: number): number {
  return rows[index]!.type === 'nexus.log.gap' ? rows[index - 1]!.seq + 1 : rows[index]!.seq;
}

const columns = [
  'id',
  'type',
  'source',
  'timestamp',
  'correlation_id',
  'causation_id',
  'headers',
  'schema_version',
  'not_before',
  'salt',
  'payload',
  'payload_hash',
  'hash',
];

function other(column: string, row: Row): string | number | null {
  const was = row[column] ?? null;
  if (['timestamp', 'schema_version', 'not_before'].includes(column))
    return Number(was ?? 0) + 1 + Math.floor(Math.random() * 9);
  if (['correlation_id', 'causation_id', 'headers'].includes(column) && was !== null && Math.random() < 0.5)
    return null;
  if (column.endsWith('hash') || column === 'salt')
    return String(was ?? '0'.repeat(32)).replace(/^./, (first) => (first === 'a' ? 'b' : 'a'));
  return `${was ?? ''}${pick(['x', ' ', '0', 'é'])}`;
}

const tamperings: Readonly<Record<string, Tampering>> = {
  'a column': ({ rows }, file) => {
    const row = pick(rows);
    const column = pick(columns);
    tampered(file, (db) =>
      db.prepare(`UPDATE nexus_events SET ${column} = ? WHERE seq = ?`).run(other(column, row), row.seq),
    );
    return places(row);
  },
  'a byte': ({ rows, file: original }, file) => {
    const row = pick(rows);
    const bytes = readFileSync(original);
    const end = bytes.indexOf(String(row.hash)) + String(row.hash).length;
    const from = bytes.lastIndexOf(row.id + row.type, end);
    const at = from + Math.floor(Math.random() * (end - from));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(Math.random() * 7));
    writeFileSync(file, bytes);
    return places(row);
  },
  'events deleted': ({ rows }, file) => {
    const from = indexIn(rows, 1);
    const to = Math.min(from + Math.floor(Math.random() * 5), rows.length - 2);
    const gone = rows.slice(from, to + 1);
    tampered(file, (db) =>
      db.prepare('DELETE FROM nexus_events WHERE seq BETWEEN ? AND ?').run(gone[0]!.seq, gone.at(-1)!.seq),
    );
    return gone.flatMap((row) => places(row, (rows[from - 1]?.seq ?? 0) + 1));
  },
  'an event inserted': ({ rows }, file) => {
    const at = indexIn(rows, 1) + 1;
    const before = rows[at - 1]!;
    const seq = before.seq + 1;
    const forged = forge(before, seq);
    // With its own hash right, it is the next one that does not follow.
    const hashed = Math.random() < 0.5;
    tampered(file, (db) => {
      for (const { seq: was } of rows.slice(at).reverse())
        db.prepare('UPDATE nexus_events SET seq = ? WHERE seq = ?').run(was + 1, was);
      insert(db, hashed ? forged : { ...forged, hash: 'a'.repeat(64) });
    });
    const next = rows[at]!;
    // A checkpoint at its own place says so before.
    return hashed ? [seq, next.seq > seq ? seq + 1 : next.seq + 1] : [seq];
  },
  'an event appended': ({ rows }, file) => {
    const last = rows.at(-1)!;
    tampered(file, (db) => insert(db, { ...forge(last, last.seq + 1), hash: 'b'.repeat(64) }));
    return [last.seq + 1];
  },
  'two swapped': ({ rows }, file) => {
    const a = indexIn(rows, 1);
    const [first, second] = [rows[a]!, rows[a + 1 + Math.floor(Math.random() * (rows.length - a - 1))]!];
    tampered(file, (db) => {
      db.prepare('UPDATE nexus_events SET seq = -1 WHERE seq = ?').run(first.seq);
      db.prepare('UPDATE nexus_events SET seq = ? WHERE seq = ?').run(first.seq, second.seq);
      db.prepare('UPDATE nexus_events SET seq = ? WHERE seq = -1').run(second.seq);
    });
    return [...places(first, placeOf(rows, a)), ...places(second, placeOf(rows, a))];
  },
  'a stretch of another log': ({ rows, foreign }, file) => {
    const from = indexIn(rows, 1);
    const stretch = rows.slice(from, from + 1 + Math.floor(Math.random() * 20));
    tampered(file, (db) => {
      for (const row of stretch) {
        db.prepare('DELETE FROM nexus_events WHERE seq = ?').run(row.seq);
        insert(db, { ...foreign[(row.seq - 1) % foreign.length]!, seq: row.seq });
      }
    });
    // The beginning of another log follows from the genesis as this one does: what comes behind it does not.
    const at = from === 0 ? stretch.at(-1)!.seq + 1 : placeOf(rows, from);
    return stretch.flatMap((row) => places(row, at));
  },
  'the tail cut off': ({ rows }, file) => {
    const from = indexIn(rows);
    tampered(file, (db) => db.prepare('DELETE FROM nexus_events WHERE seq >= ?').run(rows[from]!.seq));
    return rows.slice(from).flatMap((row) => places(row, (rows[from - 1]?.seq ?? 0) + 1));
  },
  'an older copy': ({ older, rows }, file) => {
    copyFileSync(older, file);
    return [rowsOf(older).at(-1)!.seq + 1, rows.length];
  },
  'an older copy that went on': ({ wentOn, checkpoints: [, last] }, file) => {
    copyFileSync(wentOn, file);
    return [last.seq];
  },
  'the chain computed anew': ({ rows, checkpoints }, file) => {
    const from = indexIn(rows);
    const row = rows[from]!;
    tampered(file, (db) => {
      let previous = String(rows[from - 1]?.hash ?? GENESIS_HASH);
      for (const each of rows.slice(from)) {
        const changed = each === row ? { ...each, source: 'someone else' } : each;
        const hash = hashOf(changed, previous);
        db.prepare('UPDATE nexus_events SET source = ?, hash = ? WHERE seq = ?').run(
          String(changed.source),
          hash,
          each.seq,
        );
        previous = hash;
      }
    });
    return [checkpoints.find(({ seq }) => seq >= row.seq)!.seq];
  },
  'a payload erased': ({ rows }, file) => {
    const row = pick(rows.filter(({ payload }) => payload !== null));
    tampered(file, (db) =>
      db.prepare('UPDATE nexus_events SET salt = NULL, payload = NULL WHERE seq = ?').run(row.seq),
    );
    return places(row);
  },
  'the beginning cut off': ({ rows }, file) => {
    const last = rows[indexIn(rows, 1)]!;
    tampered(file, (db) => {
      db.prepare('DELETE FROM nexus_events WHERE seq <= ?').run(last.seq);
      const set = db.prepare('UPDATE nexus_meta SET value = ? WHERE key = ?');
      set.run(String(last.seq), 'base_seq');
      set.run(String(last.hash), 'base_hash');
    });
    return [1];
  },
  'what the chain stands on': ({ rows }, file) => {
    const [key, value] = pick([
      ['base_hash', 'c'.repeat(64)],
      ['log_id', crypto.randomUUID()],
      ['base_seq', String(1 + indexIn(rows))],
    ] as const);
    tampered(file, (db) => db.prepare('UPDATE nexus_meta SET value = ? WHERE key = ?').run(value, key));
    return key === 'base_seq' ? [1, Number(value) + 1] : [1];
  },
};

function forge(before: Row, seq: number): Row {
  const [salt, payload] = ['d'.repeat(32), '{"forged":true}'];
  const row: Row = {
    ...before,
    seq,
    id: crypto.randomUUID(),
    type: 'A',
    correlation_id: null,
    causation_id: null,
    headers: null,
    salt,
    payload,
    payload_hash: hashPayload(sha256, salt, payload),
  };
  return { ...row, hash: hashOf(row, String(before.hash)) };
}

function hashOf(row: Row, previous: string): string {
  const text = (column: string): string | null => (row[column] === null ? null : String(row[column]));
  const event = {
    id: row.id,
    type: row.type,
    source: String(row.source),
    timestamp: Number(row.timestamp),
    correlationId: text('correlation_id') ?? row.id,
    causationId: text('causation_id'),
    headers: text('headers'),
    schemaVersion: Number(row.schema_version),
    notBefore: row.not_before === null ? null : Number(row.not_before),
    payloadHash: String(row.payload_hash),
  };
  return hashEvent(sha256, previous, event, row.seq);
}

function insert(db: SqliteLike, row: Row): void {
  const names = Object.keys(row);
  db.prepare(
    `INSERT INTO nexus_events (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
  ).run(...names.map((name) => row[name] ?? null));
}
