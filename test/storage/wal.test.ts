/** The write-ahead log stays bounded, whoever reads for however long. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import type { Nexus } from '../../src/nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';
import type { SqliteLike } from '../../src/storage/sqlite/index.js';
import { openDatabase } from '../support/database.js';

const MB = 1024 * 1024;

function onFile(): { nexus: Nexus; path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-wal-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nexus.db');
  const nexus = createNexus({ storage: path, logger: false, maxPayloadBytes: MB });
  onTestFinished(() => nexus.close({ timeoutMs: 0 }).then(() => undefined));
  return { nexus, path };
}

/** Another connection that holds on to what it has read. */
function longReader(path: string): SqliteLike {
  const reader = openDatabase(path, { readonly: true });
  onTestFinished(() => void reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM nexus_events').get();
  return reader;
}

async function write(nexus: Nexus, megabytes: number): Promise<number> {
  const payload = { pad: 'x'.repeat(MB / 2) };
  for (let i = 0; i < megabytes; i++) await nexus.dispatchMany([0, 1].map(() => ({ type: 'A', payload })));
  return (await nexus.stats()).walBytes ?? 0;
}

describe('the write-ahead log', () => {
  it('grows under a long reader, and stops when it has gone', { timeout: 60_000 }, async () => {
    const { nexus, path } = onFile();
    await nexus.start();
    const reader = longReader(path);
    const grown = await write(nexus, 80);
    expect(grown).toBeGreaterThan(75 * MB);
    reader.exec('COMMIT');
    await write(nexus, 1);
    // From the next turn on it is written from its beginning again, and cut to its limit.
    expect(await write(nexus, 60)).toBeLessThan(65 * MB);
  });

  describe('of a host that has nothing to do', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());
    const wal = async (nexus: Nexus): Promise<number | undefined> => (await nexus.stats()).walBytes;

    it('is emptied after a while', async () => {
      const { nexus } = onFile();
      expect(await write(nexus, 3)).toBeGreaterThan(3 * MB);
      await vi.advanceTimersByTimeAsync(4_900);
      expect(await wal(nexus)).toBeGreaterThan(3 * MB);
      await write(nexus, 1);
      // The last write counts, not the first.
      await vi.advanceTimersByTimeAsync(4_900);
      expect(await wal(nexus)).toBeGreaterThan(3 * MB);
      await vi.advanceTimersByTimeAsync(5_200);
      expect(await wal(nexus)).toBe(0);
      expect((await nexus.stats()).databaseBytes).toBeGreaterThan(4 * MB);
    });

    it('is emptied once a long reader has gone, without asking ever more often', async () => {
      const { nexus, path } = onFile();
      await nexus.start();
      const reader = longReader(path);
      await write(nexus, 3);
      await vi.advanceTimersByTimeAsync(60_000);
      expect(await wal(nexus)).toBeGreaterThan(3 * MB);
      reader.exec('COMMIT');
      await vi.advanceTimersByTimeAsync(120_000);
      expect(await wal(nexus)).toBe(0);
    });

    it('is left alone while it is small', async () => {
      const { nexus } = onFile();
      await nexus.dispatch('A', {});
      const before = await wal(nexus);
      await vi.advanceTimersByTimeAsync(8_000);
      expect(await wal(nexus)).toBe(before);
    });
  });

  it('has a size that stats() tells, where there is one', async () => {
    const { nexus } = onFile();
    await nexus.dispatch('A', {});
    const stats = await nexus.stats();
    expect(stats.databaseBytes).toBeGreaterThan(0);
    expect(stats.walBytes).toBeGreaterThan(0);
    for (const [storage, databaseBytes] of [
      [':memory:', expect.any(Number)],
      [memoryStorage(), undefined],
    ] as const) {
      const other = createNexus({ storage, logger: false });
      onTestFinished(() => other.close().then(() => undefined));
      expect((await other.stats()).databaseBytes).toEqual(databaseBytes);
    }
  });
});
