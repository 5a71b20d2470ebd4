/** Who may say and see what. Deny by default. */
import { isReservedType } from '../core/event.js';
import { canonicalTypes, matchesType } from '../core/subscription.js';
import type { NodeConfig } from './node-config.js';

/** What a node may be asked to be allowed: to say an event of a type, to see one, to have them replayed. */
export type Act = 'dispatch' | 'read' | 'replay';

export type Permissions = Pick<NodeConfig, 'dispatch' | 'subscribe' | 'admin'>;

/** The one decision, for every door: what is not known, or not named, may not. */
export function may(node: Permissions | undefined, act: Act, type: string): boolean {
  switch (act) {
    case 'dispatch':
      return !isReservedType(type) && isAllowed(node?.dispatch, type);
    case 'read':
      return isAllowed(node?.subscribe, type) && (!isReservedType(type) || node?.admin === true);
    case 'replay':
      return node?.admin === true && may(node, 'read', type);
  }
}

/** True when any of the patterns (a name, `*`, or a prefix and `*`) means the type. The library's own are meant by name only. */
export function isAllowed(patterns: readonly string[] | undefined, type: string): boolean {
  return patterns?.some((pattern) => matchesType(pattern, type)) ?? false;
}

/** What both of two lists of patterns mean: of each two that overlap, the narrower one. */
export function commonTypes(some: readonly string[], others: readonly string[]): readonly string[] {
  const common = some.flatMap((one) =>
    others.flatMap((other) => (matchesType(other, one) ? [one] : matchesType(one, other) ? [other] : [])),
  );
  return canonicalTypes(common);
}
