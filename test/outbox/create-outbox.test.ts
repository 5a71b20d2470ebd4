import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOutbox, sqliteOutbox } from '../../src/storage/sqlite/index.js';
import type { SqliteLike } from '../../src/storage/sqlite/index.js';
import { connect, folder, hostDatabase } from './support.js';

const schema = (db: SqliteLike): unknown =>
  db.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all();

const failure = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) as string });

describe('createOutbox', () => {
  it('creates its tables once', () => {
    const db = connect();
    createOutbox(db);
    const made = schema(db);
    createOutbox(db);
    expect(schema(db)).toEqual(made);
    expect(db.prepare('SELECT * FROM nexus_outbox_meta').all()).toEqual([
      { key: 'schema_version', value: '1' },
    ]);
    expect(db.inTransaction).toBe(false);
  });

  it('writes nothing in a transaction of the host, unless it is asked to', () => {
    const db = connect();
    db.exec('BEGIN');
    expect(() => createOutbox(db)).toThrow(failure('NEXUS_INVALID_OPTION', /inTransaction: true/));
    createOutbox(db, { inTransaction: true });
    expect(db.inTransaction).toBe(true);
    db.exec('ROLLBACK');
    expect(schema(db)).toEqual([]);
    db.exec('BEGIN');
    createOutbox(db, { inTransaction: true });
    db.exec('COMMIT; BEGIN');
    createOutbox(db);
    db.exec('COMMIT');
    expect(() => sqliteOutbox(db)).not.toThrow();
  });

  it('leaves a table of the same name that is not its own', () => {
    const db = connect();
    db.exec('CREATE TABLE nexus_outbox (id, payload)');
    const before = schema(db);
    expect(() => createOutbox(db)).toThrow(failure('NEXUS_OUTBOX', /got id, payload/));
    expect(() => sqliteOutbox(db)).toThrow(failure('NEXUS_OUTBOX', /did not make/));
    expect(schema(db)).toEqual(before);
  });

  it('leaves one of a later Nexus, and takes one that has more columns', () => {
    const db = hostDatabase();
    db.exec(`ALTER TABLE nexus_outbox ADD COLUMN more TEXT`);
    expect(() => sqliteOutbox(db)).not.toThrow();
    const later = hostDatabase();
    later.exec(`UPDATE nexus_outbox_meta SET value = '2'`);
    expect(() => createOutbox(later)).toThrow(failure('NEXUS_STORAGE_NEWER', /schema 2.*up to 1/));
    expect(() => sqliteOutbox(later)).toThrow(failure('NEXUS_STORAGE_NEWER', /upgrade/));
  });

  it('says why it could not', () => {
    const path = join(folder(), 'shop.db');
    const db = connect(path);
    const other = connect(path);
    other.exec('BEGIN IMMEDIATE');
    expect(() => createOutbox(db)).toThrow(failure('NEXUS_STORAGE', /locked by another writer/));
    other.exec('COMMIT');
    expect(db.inTransaction).toBe(false);
    createOutbox(db);
    expect(() => createOutbox(undefined as never)).toThrow(failure('NEXUS_INVALID_OPTION', /got undefined/));
  });

  it('never uses the number of a row again', () => {
    const db = hostDatabase();
    const insert = (): unknown =>
      db
        .prepare(
          `INSERT INTO nexus_outbox (id, type, source, timestamp, payload, correlation_id, schema_version)
           VALUES ('i', 'A', 's', 1, '{}', 'i', 1) RETURNING n`,
        )
        .get();
    expect(insert()).toEqual({ n: 1 });
    db.exec('DELETE FROM nexus_outbox');
    expect(insert()).toEqual({ n: 2 });
  });
});
