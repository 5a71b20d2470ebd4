/** Random sequences against a small model, short; `npm run proof` plays many more. */
import { describe, expect, it } from 'vitest';
import { proveModel } from '../../proof/model.js';

describe('random sequences', () => {
  it('come to what the model says, in memory', { timeout: 120_000 }, async () => {
    const { sequences, played } = await proveModel({ sequences: 300, storage: 'memory' });
    expect(sequences).toBe(300);
    // None of the actions is there for show.
    expect(Object.keys(played).sort()).toEqual([
      'advance',
      'cancel',
      'cancelReplay',
      'close',
      'crash',
      'dispatch',
      'effect',
      'expire',
      'fail',
      'giveUp',
      'pause',
      'postpone',
      'redrive',
      'replay',
      'resume',
      'retry',
      'seekBack',
      'seekNow',
      'start',
      'succeed',
    ]);
  });

  it('come to what the model says, on a SQLite file', { timeout: 120_000 }, async () => {
    expect((await proveModel({ sequences: 60, storage: 'sqlite' })).sequences).toBe(60);
  });
});
