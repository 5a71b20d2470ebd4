/** What the cases expect, in a few words. */
import assert from 'node:assert/strict';
import { NexusError, type ErrorCode, type Failure } from '../../core/errors.js';
import type { Outcome } from '../../storage/storage.js';

export const succeeded: Outcome = { to: 'succeeded' };

export const boom: Failure = { code: 'BOOM', message: 'it went boom' };

export function retry(delayMs: number, error: Failure = boom): Outcome {
  return { to: 'pending', delayMs, counted: true, error };
}

export function release(delayMs = 0): Outcome {
  return { to: 'pending', delayMs, counted: false };
}

export function dead(error: Failure = boom): Outcome {
  return { to: 'dead', reason: 'attempts_spent', error };
}

/** The members that are named are equal; the others do not matter. */
export function like<T extends object>(actual: T, expected: Partial<T>): void {
  const named = Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key as keyof T]]));
  assert.deepEqual(named, { ...expected });
}

/** It fails with this code, whether it throws at once or rejects. */
export async function fails(code: ErrorCode, run: () => unknown): Promise<void> {
  await assert.rejects(
    async () => {
      await run();
    },
    (error) => {
      assert.ok(NexusError.is(error), `expected ${code}, got ${String(error)}`);
      assert.equal(error.code, code);
      return true;
    },
  );
}

/** It happens soon, or the case says what did not instead of hanging. */
export async function inTime(happens: Promise<void>, what: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within 5 s`)), 5_000);
  });
  try {
    await Promise.race([happens, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Every page of a read, as one list. `next` may be followed for ever by a broken reader, so there is a limit. */
export async function everyPage<T, C>(
  page: (cursor: C | undefined) => Promise<{ readonly items: readonly T[]; readonly next: C | undefined }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: C | undefined;
  for (let pages = 0; pages < 1_000; pages++) {
    const { items, next } = await page(cursor);
    all.push(...items);
    if (next === undefined) return all;
    cursor = next;
  }
  return assert.fail('the pages have no end');
}
