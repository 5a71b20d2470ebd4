/** Model-based: random sequences of what hosts, handlers, operators and accidents do, against a small model. */
import fc from 'fast-check';
import { actions } from '../test/model/actions.js';
import { memoryBackend, sqliteBackend } from '../test/model/backend.js';
import { play, type Tally } from '../test/model/world.js';

export type ModelReport = { storage: 'memory' | 'sqlite'; sequences: number; played: Tally };

export async function proveModel(options: {
  sequences: number;
  storage: 'memory' | 'sqlite';
  seed?: number;
}): Promise<ModelReport> {
  const played: Tally = {};
  let sequences = 0;
  await fc.assert(
    fc.asyncProperty(actions, async (sequence) => {
      sequences += 1;
      await play(sequence, options.storage === 'memory' ? memoryBackend : sqliteBackend, played);
    }),
    { numRuns: options.sequences, ...(options.seed !== undefined && { seed: options.seed }) },
  );
  return { storage: options.storage, sequences, played };
}
