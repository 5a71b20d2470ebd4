/** Random sequences around order, notBefore and schedules, short; `npm run proof` plays many more. */
import { describe, expect, it } from 'vitest';
import { proveKeyedModel } from '../../proof/keyed-model.js';

describe('random sequences around keys and ticks', () => {
  it('come to what the model says, in memory', { timeout: 120_000 }, async () => {
    const { keyedSequences, played } = await proveKeyedModel({ sequences: 200, storage: 'memory' });
    expect(keyedSequences).toBe(200);
    // None of the actions is there for show.
    expect(Object.keys(played).sort()).toEqual([
      'advance',
      'cancel',
      'close',
      'crash',
      'expire',
      'fail',
      'giveUp',
      'pause',
      'postpone',
      'redrive',
      'resume',
      'retry',
      'say',
      'start',
      'succeed',
    ]);
  });

  it('come to what the model says, on a SQLite file', { timeout: 120_000 }, async () => {
    expect((await proveKeyedModel({ sequences: 40, storage: 'sqlite' })).keyedSequences).toBe(40);
  });
});
