/** Checkpoints that are taken by themselves. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { keepCheckpoints, type KeepCheckpointsOptions } from '../src/keep-checkpoints.js';
import type { Checkpoint } from '../src/nexus.js';
import { createBus } from './support/bus.js';
import { turns } from './support/test-clock.js';

const unexpected = (error: unknown): never => {
  throw error;
};

describe('keepCheckpoints', () => {
  it('keeps one after so many events, in order, and each agrees with the log', async () => {
    const { nexus } = createBus();
    const kept: Checkpoint[] = [];
    const stop = keepCheckpoints(nexus, {
      keep: (each) => kept.push(each),
      everyEvents: 3,
      onError: unexpected,
    });
    onTestFinished(stop);
    for (let n = 0; n < 9; n++) {
      await nexus.dispatch('A', { n });
      await turns();
    }
    expect(kept.map(({ seq }) => seq)).toEqual([3, 6, 9]);
    expect(await nexus.audit.verify({ checkpoint: kept })).toMatchObject({ ok: true, vouchedTo: 9 });
    stop();
    for (let n = 0; n < 3; n++) await nexus.dispatch('A', { n });
    await turns();
    expect(kept.length).toBe(3);
  });

  it('keeps one in its time, if there is something new, in a file as well', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const folder = mkdtempSync(join(tmpdir(), 'nexus-kept-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'kept.jsonl');
    const { nexus } = createBus();
    const kept: Checkpoint[] = [];
    onTestFinished(
      keepCheckpoints(nexus, { keep: (each) => kept.push(each), file, everyMs: 60_000, onError: unexpected }),
    );
    const pass = async (): Promise<void> => {
      vi.advanceTimersByTime(60_000);
      await turns(50);
    };
    await pass();
    expect(kept).toEqual([]);
    await nexus.dispatch('A', {});
    await pass();
    await vi.waitFor(() =>
      expect(
        readFileSync(file, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual(kept),
    );
    await pass();
    expect(kept.map(({ seq }) => seq)).toEqual([1]);
  });

  it('tells when it cannot be kept, tries again at the next time, and hurts nobody', async () => {
    const { nexus } = createBus();
    const errors: unknown[] = [];
    let works = false;
    const kept: number[] = [];
    const keep = async ({ seq }: Checkpoint): Promise<void> => {
      if (!works) throw new Error('no room');
      kept.push(seq);
    };
    const onError = (error: unknown): void => {
      errors.push(error);
      throw error;
    };
    onTestFinished(keepCheckpoints(nexus, { keep, everyEvents: 1, onError }));
    await nexus.dispatch('A', {});
    await turns();
    expect(errors).toEqual([new Error('no room')]);
    works = true;
    await nexus.dispatch('A', {});
    await turns();
    expect(kept).toEqual([2]);
  });

  it.each([
    [{}],
    [{ keep: 'x' }],
    [{ file: '' }],
    [{ file: 'x', everyMs: 999 }],
    [{ file: 'x', everyEvents: 0 }],
    [{ file: 'x', onError: undefined }],
  ])('refuses %j', (options) => {
    const { nexus } = createBus();
    expect(() =>
      keepCheckpoints(nexus, { onError: unexpected, ...options } as KeepCheckpointsOptions),
    ).toThrow(expect.objectContaining({ code: 'NEXUS_INVALID_OPTION' }) as Error);
  });
});
