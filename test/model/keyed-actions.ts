/** What can happen to a keyed reactor and a schedule: random, small, and skipped where it does not apply. */
import fc from 'fast-check';

export type KeyedAction =
  | { do: 'say'; key: string; afterMs: number | undefined }
  | { do: 'succeed' | 'fail' | 'giveUp' | 'postpone'; which: number }
  | { do: 'start' | 'crash' | 'close' | 'expire'; process: 0 | 1 }
  | { do: 'advance'; ms: number }
  | { do: 'pause' | 'resume' | 'redrive' }
  | { do: 'retry' | 'cancel'; which: number };

export type KeyedSequence = {
  readonly missed: 'skip' | 'catchUp';
  readonly actions: readonly KeyedAction[];
};

const which = fc.nat({ max: 9 });
const process = fc.constantFrom<0 | 1>(0, 1);
const said = fc.record({
  do: fc.constant('say' as const),
  key: fc.constantFrom('x', 'y', 'z'),
  afterMs: fc.constantFrom(undefined, undefined, undefined, -1_000, 1_500, 4_000),
});
const ended = fc.record({
  do: fc.constantFrom(
    'succeed' as const,
    'succeed' as const,
    'fail' as const,
    'giveUp' as const,
    'postpone' as const,
  ),
  which,
});
const fates = fc.record({
  do: fc.constantFrom(
    'start' as const,
    'start' as const,
    'crash' as const,
    'close' as const,
    'expire' as const,
  ),
  process,
});
const steps: fc.Arbitrary<KeyedAction[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: said },
    { weight: 12, arbitrary: ended },
    { weight: 6, arbitrary: fates },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 700, 3_000) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('pause' as const, 'resume' as const, 'resume' as const, 'redrive' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'cancel' as const), which }) },
  ),
  { minLength: 3, maxLength: 30, size: 'max' },
);

/** A sequence; it begins with a process, for without one nothing happens. */
export const keyedSequences: fc.Arbitrary<KeyedSequence> = fc.record({
  missed: fc.constantFrom('skip' as const, 'catchUp' as const),
  actions: steps.map((rest) => [{ do: 'start', process: 0 } as const, ...rest]),
});
