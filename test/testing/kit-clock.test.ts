import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { playReal, playVirtual, scripts, sorted } from '../../proof/kit-clock.js';

describe("the kit's time and the real one", () => {
  it('give every delivery the same history', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        expect(sorted(await playVirtual(script))).toEqual(sorted(await playReal(script)));
      }),
      { numRuns: 25 },
    );
  });

  it('whatever the storage', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, async (script) => {
        expect(sorted(await playVirtual(script, 'sqlite'))).toEqual(sorted(await playVirtual(script)));
      }),
      { numRuns: 25 },
    );
  });
});
