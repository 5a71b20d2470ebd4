/** Lists, as they are answered: with the cursor for what follows, or null. */
import type { Page } from '../../nexus.js';
import { json, type Answer } from '../problem.js';

/** A page of a long list. */
export function page<T>({ items, next }: Page<T, string | number>): Answer {
  return json(200, { items, next: next ?? null });
}

/** A list that is whole. */
export function list(items: readonly unknown[]): Answer {
  return page({ items, next: undefined });
}
