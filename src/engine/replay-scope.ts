/** What a replay covers: from its options to a scope, and from a scope to pages of its events. */
import { signalArgument } from '../core/arguments.js';
import { NexusError } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import { activeTypes, matchesType } from '../core/subscription.js';
import type { ReplayOptions } from '../nexus.js';
import type { EventQuery, ReactorRow, ReplayScope, Storage } from '../storage/storage.js';
import type { Intake } from './intake.js';
import { defined, notFound } from './views.js';

/** @throws NexusError NEXUS_INVALID_OPTION, NEXUS_POSITION_AHEAD, NEXUS_UNKNOWN_EVENT */
export function replayScope(options: ReplayOptions, head: number, intake: Intake): ReplayScope {
  const {
    from,
    to,
    types,
    fresh = false,
    dryRun = false,
    forgotten = 'refuse',
    onProgress,
    signal,
  } = options;
  check(from === undefined || isPlace(from), 'from', `a seq from 0 on, or a valid Date`, from);
  check(to === undefined || isPlace(to), 'to', `a seq from 0 on, or a valid Date`, to);
  check(typeof fresh === 'boolean', 'fresh', 'a boolean', fresh);
  check(typeof dryRun === 'boolean', 'dryRun', 'a boolean', dryRun);
  check(['refuse', 'run'].includes(forgotten), 'forgotten', `'refuse' or 'run'`, forgotten);
  check(onProgress === undefined || typeof onProgress === 'function', 'onProgress', 'a function', onProgress);
  signalArgument(signal);
  check(isList(types), 'types', 'a list of event types, at least one', types);
  for (const type of types ?? []) if (!type.startsWith('nexus.')) intake.checkType(type);
  notAhead('from', from, head);
  notAhead('to', to, head);
  const fromAt = from instanceof Date ? from.getTime() : null;
  const toAt = to instanceof Date ? to.getTime() : null;
  const first = typeof from === 'number' ? from : 1;
  const until = typeof to === 'number' ? to : head;
  const empty = 'from must not be after to; for no upper bound leave out to';
  if (typeof from === 'number' && typeof to === 'number' && from > to) throw inverted(empty, from, to);
  if (fromAt !== null && toAt !== null && fromAt >= toAt) throw inverted(empty, fromAt, toAt);
  return { after: Math.max(0, first - 1), until, fromAt, toAt, types: types ? [...types] : null, fresh };
}

/** The rows of the reactors to replay. @throws NexusError NEXUS_NOT_FOUND, NEXUS_INVALID_OPTION */
export function replayReactors(
  names: readonly string[] | undefined,
  rows: readonly ReactorRow[],
  here: readonly string[],
): readonly ReactorRow[] {
  check(isList(names), 'reactors', 'a list of names, at least one', names);
  if (!names) check(here.length > 0, 'reactors', 'given in a process that has no reactor of its own', names);
  return [...new Set(names ?? here)].map((name) => {
    const row = rows.find((each) => each.name === name);
    if (!row) throw notFound('reactor', name);
    return row;
  });
}

/**
 * What a reactor remembered of an event goes with its deliveries when their time is over: a replay would do its effects
 * again, which it may only where it is told to.
 *
 * @throws NexusError NEXUS_POSITION_PRUNED
 */
export async function refuseForgotten(
  storage: Storage,
  scope: ReplayScope,
  reactors: readonly ReactorRow[],
): Promise<void> {
  for (const reactor of reactors) {
    const { name, prunedTo } = reactor;
    const forgotten = { ...scope, until: Math.min(scope.until, prunedTo) };
    for (let { after } = scope; after < forgotten.until;) {
      const page = await replayEvents(storage, forgotten, reactor, { after, limit: 1 });
      if (page.events.length > 0) {
        throw new NexusError(
          'NEXUS_POSITION_PRUNED',
          `what reactor "${name}" did up to seq ${prunedTo} was removed by retention, so a replay would do its effects again; replay from ${prunedTo + 1}, or say forgotten: 'run' if they may happen again`,
          { details: { reactor: name, prunedTo } },
        );
      }
      after = page.to;
    }
  }
}

/** The events that a replay has for a reactor, upward from a `seq`; `to` is how far this page goes. */
export async function replayEvents(
  storage: Storage,
  scope: ReplayScope,
  reactor: ReactorRow,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<{ readonly events: readonly StoredEvent[]; readonly to: number }> {
  const own = activeTypes(reactor.subscription);
  const query = defined<EventQuery>({
    types: scope.types ?? (own.includes('*') ? undefined : own),
    from: scope.fromAt ?? undefined,
    to: scope.toAt ?? undefined,
    source: undefined,
    correlationId: undefined,
    causationId: undefined,
    after,
    before: scope.until + 1,
    limit,
  });
  const { items, next } = await storage.read.events(query);
  return {
    events: items.filter((event) => own.some((type) => matchesType(type, event.type))),
    to: next ?? scope.until,
  };
}

function isPlace(value: unknown): boolean {
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isList(value: unknown): boolean {
  if (value === undefined) return true;
  return Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');
}

function notAhead(option: 'from' | 'to', value: number | Date | undefined, head: number): void {
  if (typeof value !== 'number' || value <= head) return;
  throw new NexusError(
    'NEXUS_POSITION_AHEAD',
    `${option} is a seq, and must not be above the head of the log, ${head}; got ${value}. For an instant give a Date`,
    { details: { [option]: value, head } },
  );
}

function inverted(message: string, from: number, to: number): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${message}; got ${from} and ${to}`, {
    details: { option: 'from', from, to },
  });
}

function check(holds: boolean, option: string, expected: string, got: unknown): void {
  if (holds) return;
  const came = typeof got === 'function' ? 'a function' : JSON.stringify(got);
  throw new NexusError('NEXUS_INVALID_OPTION', `a replay's ${option} must be ${expected}; got ${came}`, {
    details: { option, expected },
  });
}
