/** Model-based: random sequences around a keyed reactor, events of later and a schedule, against a small model. */
import fc from 'fast-check';
import { memoryBackend, sqliteBackend } from '../test/model/backend.js';
import { keyedSequences } from '../test/model/keyed-actions.js';
import { playKeyed } from '../test/model/keyed-world.js';

export type KeyedModelReport = {
  storage: 'memory' | 'sqlite';
  keyedSequences: number;
  played: Record<string, number>;
};

export async function proveKeyedModel(options: {
  sequences: number;
  storage: 'memory' | 'sqlite';
  seed?: number;
}): Promise<KeyedModelReport> {
  const played: Record<string, number> = {};
  let sequences = 0;
  await fc.assert(
    fc.asyncProperty(keyedSequences, async (sequence) => {
      sequences += 1;
      await playKeyed(sequence, options.storage === 'memory' ? memoryBackend : sqliteBackend, played);
    }),
    { numRuns: options.sequences, ...(options.seed !== undefined && { seed: options.seed }) },
  );
  return { storage: options.storage, keyedSequences: sequences, played };
}
