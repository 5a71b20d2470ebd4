/** From what `onEvent` and `register` are given to the settings of a reactor. */
import { optionsArgument } from '../core/arguments.js';
import { NexusError } from '../core/errors.js';
import type { NexusEvent } from '../core/event.js';
import { isLegalName } from '../core/event.js';
import { retryPolicy } from '../core/retry.js';
import { canonicalTypes } from '../core/subscription.js';
import type { ReactorDefinition } from '../nexus.js';
import type { Intake } from './intake.js';
import type { ReactorSettings } from './local-reactor.js';
import type { EngineParts } from './parts.js';

/** 24.8 days: what a timer can wait. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** Each start of the span is remembered. */
const MOST_STARTS = 100_000;
const LONGEST_SPAN_MS = 31 * 86_400_000;

/** @throws NexusError NEXUS_UNKNOWN_EVENT, NEXUS_INVALID_OPTION */
export function reactorSettings(
  definition: ReactorDefinition,
  parts: EngineParts,
  intake: Pick<Intake, 'checkType'>,
): ReactorSettings {
  const {
    on,
    handler,
    from = 'now',
    timeoutMs = 60_000,
    concurrency = parts.concurrency,
    maxAgeMs = Infinity,
    rateLimit,
  } = optionsArgument(definition, 'a reactor') as ReactorDefinition;
  const types = canonicalTypes(typeof on === 'string' ? [on] : Array.isArray(on) ? on : []);
  must(types.length > 0, 'on', 'at least one event type', types);
  for (const type of types)
    if (type !== '*' && !(typeof type === 'string' && isReserved(type))) intake.checkType(type);
  must(typeof handler === 'function', 'handler', 'a function', handler);
  const name = definition.name ?? types.join(',');
  must(
    typeof name === 'string' && name.length > 0 && name.length <= 200 && name.isWellFormed(),
    'name',
    '1 to 200 characters; give reactors on many types a name of their own',
    name,
  );
  must(
    from === 'now' || from === 'beginning' || (Number.isInteger(from) && from >= 0),
    'from',
    `'now', 'beginning' or a seq`,
    from,
  );
  must(
    timeoutMs > 0 && timeoutMs <= LONGEST_TIMEOUT_MS,
    'timeoutMs',
    `milliseconds from 1 to ${LONGEST_TIMEOUT_MS}`,
    timeoutMs,
  );
  must(
    Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 10_000,
    'concurrency',
    'an integer from 1 to 10000',
    concurrency,
  );
  must(maxAgeMs > 0, 'maxAgeMs', 'milliseconds above 0', maxAgeMs);
  must(
    rateLimit === undefined || isRateLimit(rateLimit),
    'rateLimit',
    '{ count, perMs }: an integer from 1 to 100000, and milliseconds from 1 to 31 days',
    rateLimit,
  );
  const orderBy = definition.orderBy as ((event: NexusEvent) => string) | undefined;
  must(orderBy === undefined || typeof orderBy === 'function', 'orderBy', 'a function of the event', orderBy);
  return {
    name,
    types,
    ordered: orderBy !== undefined,
    from,
    handler: handler,
    orderBy,
    retry: retryPolicy(definition.retry, parts.retry),
    timeoutMs,
    maxAgeMs,
    concurrency,
    rateLimit: rateLimit && { ...rateLimit },
    still: false,
  };
}

function isRateLimit(limit: unknown): boolean {
  const { count, perMs } = (limit ?? {}) as { count?: unknown; perMs?: unknown };
  return (
    Number.isInteger(count) &&
    Number(count) >= 1 &&
    Number(count) <= MOST_STARTS &&
    typeof perMs === 'number' &&
    perMs >= 1 &&
    perMs <= LONGEST_SPAN_MS
  );
}

/** The library's own events are subscribed to by name only. */
function isReserved(type: string): boolean {
  return type.startsWith('nexus.') && isLegalName(type);
}

function must(holds: boolean, option: string, expected: string, got: unknown): void {
  if (holds) return;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `a reactor's ${option} must be ${expected}; got ${typeof got === 'function' ? 'a function' : JSON.stringify(got)}`,
    {
      details: { option, expected },
    },
  );
}
