/**
 * What a reactor listens to, over time. A type counts from the moment it was subscribed until the moment it was dropped;
 * keeping both ends lets a reactor that lags behind a change of its types still receive exactly what it was registered
 * for when each event was committed.
 */
import { isReservedType } from './event.js';

/** One type (`*` is every type but `nexus.*`, `A*` those of them that begin so) for events with `after < seq`, and `seq <= until` once it was dropped. */
export type Span = { readonly type: string; readonly after: number; readonly until?: number };

/** The spans of a reactor; a type may appear more than once. */
export type Subscription = readonly Span[];

/** Sorted, without repeats: two registrations are equal when these are. */
export function canonicalTypes(types: readonly string[]): readonly string[] {
  return [...new Set(types)].sort();
}

/** The types that count for events still to come. */
export function activeTypes(subscription: Subscription): readonly string[] {
  return canonicalTypes(subscription.filter((span) => span.until === undefined).map((span) => span.type));
}

/** A new reactor's subscription: every type from its start position on. */
export function subscribe(types: readonly string[], after: number): Subscription {
  return canonicalTypes(types).map((type) => ({ type, after }));
}

/**
 * The subscription after a reactor was registered with other types: kept types go on, new ones count from the head,
 * dropped ones until the head. What was dropped long ago stays, for the position may be moved back to it.
 */
export function resubscribe(
  subscription: Subscription,
  types: readonly string[],
  head: number,
): Subscription {
  const wanted = new Set(types);
  const spans: Span[] = [];
  for (const span of subscription) {
    if (span.until !== undefined || wanted.delete(span.type)) spans.push(span);
    else if (span.after < head) spans.push({ ...span, until: head });
  }
  for (const type of canonicalTypes([...wanted])) spans.push({ type, after: head });
  return spans;
}

/** True when the reactor was registered for this type when the event at `seq` was committed. */
export function covers(
  subscription: Subscription,
  event: { readonly type: string; readonly seq: number },
): boolean {
  return subscription.some(
    (span) =>
      span.after < event.seq &&
      (span.until === undefined || event.seq <= span.until) &&
      matchesType(span.type, event.type),
  );
}

/** True when a subscribed type, `*`, or a prefix and `*` means this event type. */
export function matchesType(subscribed: string, type: string): boolean {
  if (subscribed === type) return true;
  return subscribed.endsWith('*') && type.startsWith(subscribed.slice(0, -1)) && !isReservedType(type);
}
