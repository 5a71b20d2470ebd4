/** A file that is open for reading only: beside a host, and instead of one. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus, NexusError, sqliteStorage, type Nexus } from '../../src/index.js';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-read-only-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function opened(path: string, readonly: boolean): Nexus {
  const nexus = createNexus({ storage: sqliteStorage({ path, readonly }), logger: false });
  onTestFinished(async () => {
    await nexus.close();
  });
  return nexus;
}

describe('sqliteStorage({ readonly: true })', () => {
  it('reads what a host writes, also what it writes later', async () => {
    const path = join(folder(), 'nexus.db');
    const host = opened(path, false);
    await host.dispatch('A', { n: 1 });
    const reader = opened(path, true);
    expect((await reader.events.list()).items).toHaveLength(1);
    const heard = reader.waitFor('B');
    await host.dispatch('B', { n: 2 });
    expect((await heard).payload).toEqual({ n: 2 });
    expect(await reader.health()).toMatchObject({ status: 'ok', head: 2 });
  });

  it('refuses what would write, and writes nothing by itself', async () => {
    const cwd = folder();
    const path = join(cwd, 'nexus.db');
    const host = opened(path, false);
    host.onEvent('A', { name: 'r', retry: { maxAttempts: 1 } }, () => {
      throw new Error('no');
    });
    const { id } = await host.dispatch('A', {});
    await host.settled(id);
    await host.close();
    const before = readFileSync(path);
    const reader = opened(path, true);
    let called = 0;
    reader.onEvent('A', { name: 'mine', from: 'beginning' }, () => void (called += 1));
    const [dead] = (await reader.deadLetters.list()).items;
    const writes: Record<string, () => Promise<unknown>> = {
      dispatch: () => reader.dispatch('A', {}),
      redrive: () => reader.deadLetters.redrive(),
      retry: () => reader.deliveries.retry(dead?.id ?? ''),
      pause: () => reader.reactors.pause('r'),
      remove: () => reader.reactors.remove('r'),
      replay: () => reader.replay({ reactors: ['r'] }),
      redact: () => reader.audit.redact(id, 'because'),
      checkpoint: () => reader.audit.checkpoint(),
    };
    for (const [name, write] of Object.entries(writes))
      await expect(write(), name).rejects.toMatchObject({ code: 'NEXUS_READ_ONLY' });
    expect(await reader.replay({ reactors: ['r'], dryRun: true })).toMatchObject({
      reactors: [{ events: 1 }],
    });
    expect((await reader.audit.verify()).ok).toBe(true);
    await reader.backup(join(cwd, 'copy.db'));
    await reader.close();
    expect(called).toBe(0);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(
      readdirSync(cwd)
        .filter((name) => !/-(wal|shm)$/.test(name))
        .sort(),
    ).toEqual(['copy.db', 'nexus.db', 'nexus.db-mark']);
  });

  it('opens what is there, and makes and migrates nothing', async () => {
    const cwd = folder();
    await expect(opened(join(cwd, 'none.db'), true).start()).rejects.toMatchObject({
      code: 'NEXUS_NOT_FOUND',
    });
    copyFileSync(new URL('fixtures/schema-1.db', import.meta.url), join(cwd, 'old.db'));
    await expect(opened(join(cwd, 'old.db'), true).start()).rejects.toSatisfy((error: unknown) =>
      NexusError.is(error, 'NEXUS_STORAGE_OLDER'),
    );
    expect(readdirSync(cwd)).toEqual(['old.db']);
  });
});
