/** What can happen to the system: random, small, and skipped where it does not apply. */
import fc from 'fast-check';
import type { ReplayAction } from './replays.js';

export type Action =
  | { do: 'dispatch'; type: 'A' | 'B'; key: number | undefined; n: number }
  | { do: 'succeed'; which: number; child: boolean }
  | { do: 'fail' | 'giveUp' | 'postpone'; which: number }
  | { do: 'start'; process: 0 | 1; types: readonly ('A' | 'B')[] }
  | { do: 'crash' | 'close' | 'expire'; process: 0 | 1 }
  | { do: 'advance'; ms: number }
  | { do: 'pause' | 'resume' | 'seekNow' | 'seekBack' | 'redrive' }
  | { do: 'retry' | 'cancel'; which: number }
  | ReplayAction;

const which = fc.nat({ max: 9 });
const process = fc.constantFrom<0 | 1>(0, 1);
const types = fc.constantFrom<readonly ('A' | 'B')[]>(['A'], ['A', 'B'], ['B']);

const replayAction: fc.Arbitrary<ReplayAction> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('replay' as const), fresh: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancelReplay' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('effect' as const), which }) },
);

const steps: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('dispatch' as const),
        type: fc.constantFrom<'A' | 'B'>('A', 'B'),
        key: fc.option(fc.nat({ max: 2 }), { nil: undefined }),
        n: fc.nat({ max: 1 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('succeed' as const), which, child: fc.boolean() }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constantFrom('fail' as const, 'fail' as const, 'giveUp' as const, 'postpone' as const),
        which,
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('start' as const), process, types }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('crash' as const, 'close' as const, 'expire' as const),
        process,
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 1_000, 3_000) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'pause' as const,
          'resume' as const,
          'resume' as const,
          'seekNow' as const,
          'seekBack' as const,
          'redrive' as const,
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'cancel' as const), which }) },
    { weight: 5, arbitrary: replayAction },
    // There is something to redrive only now and then.
    { weight: 2, arbitrary: fc.record({ do: fc.constant('redrive' as const) }) },
  ),
  { minLength: 3, maxLength: 30, size: 'max' },
);

/** A sequence; it begins with a process, for without one nothing happens. */
export const actions: fc.Arbitrary<Action[]> = fc
  .tuple(types, steps)
  .map(([first, rest]) => [{ do: 'start', process: 0, types: first }, ...rest]);
