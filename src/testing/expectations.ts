/** What a test expects of the events that were dispatched, with messages that show what there was instead. */
import { AssertionError } from 'node:assert';
import type { NexusEvent } from '../core/event.js';
import { alikeness, difference, isLike, likeness, show } from './matching.js';

/** How many events are expected. */
export interface ExpectOptions {
  /** Exactly so many. @default at least one */
  times?: number;
}

/** What failed, as plain data: the message, and the two sides for a runner's own diff. */
export interface Disappointment {
  readonly message: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** The events of a type that are like a payload; or why they are not as expected. */
export function seek(
  events: readonly NexusEvent[],
  type: string,
  partial: unknown,
  { times }: ExpectOptions = {},
): { readonly found: readonly NexusEvent[]; readonly wrong: Disappointment | undefined } {
  const ofType = events.filter((event) => event.type === type);
  const found = ofType.filter(({ payload }) => partial === undefined || isLike(payload, partial));
  if (times === undefined ? found.length > 0 : found.length === times) return { found, wrong: undefined };
  return { found, wrong: disappointment({ events, ofType, found, type, partial, times }) };
}

function disappointment(seen: {
  readonly events: readonly NexusEvent[];
  readonly ofType: readonly NexusEvent[];
  readonly found: readonly NexusEvent[];
  readonly type: string;
  readonly partial: unknown;
  readonly times: number | undefined;
}): Disappointment {
  const { events, ofType, found, type, partial, times } = seen;
  const like = partial === undefined ? '' : ` like ${show(partial)}`;
  const wanted = times === undefined ? `a ${type}${like}` : `${times} × ${type}${like}, got ${found.length}`;
  const head = `expected ${wanted}`;
  const [first] = ofType;
  if (found.length > 0 || first === undefined || partial === undefined) {
    const expected = times === undefined ? [type] : Array.from({ length: times }, () => type);
    return {
      message: `${head}\n${listed(events)}`,
      actual: (found.length > 0 ? found : events).map((event) => event.type),
      expected,
    };
  }
  const nearest = ofType.reduce((best, each) =>
    alikeness(each.payload, partial) > alikeness(best.payload, partial) ? each : best,
  );
  const lines = difference(nearest.payload, partial).map((line) => `    ${line}`);
  return {
    message: [head, `  nearest is seq ${nearest.seq}:`, ...lines, listed(events)].join('\n'),
    actual: likeness(nearest.payload, partial),
    expected: partial,
  };
}

/** Why there should be no events, or undefined where there are none. */
export function anything(events: readonly NexusEvent[]): Disappointment | undefined {
  if (events.length === 0) return undefined;
  return {
    message: `expected that nothing is dispatched\n${listed(events)}`,
    actual: events.map(({ type, payload }) => ({ type, payload })),
    expected: [],
  };
}

/** Throws what every runner shows with its diff. */
export function fail({ message, actual, expected }: Disappointment, operator: string): never {
  throw new AssertionError({ message, actual, expected, operator });
}

/** The events, a line each. */
function listed(events: readonly NexusEvent[], most = 20): string {
  if (events.length === 0) return '  dispatched instead: nothing';
  const lines = events
    .slice(0, most)
    .map(({ seq, type, payload }) => `    seq ${seq}  ${type} ${show(payload)}`);
  const more = events.length > most ? [`    … and ${events.length - most} more`] : [];
  return ['  dispatched:', ...lines, ...more].join('\n');
}
