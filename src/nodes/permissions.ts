/** Who may say and see what. Deny by default. */
import { isReservedType } from '../core/event.js';
import { canonicalTypes, matchesType } from '../core/subscription.js';
import type { NodeConfig } from './node-config.js';

/** What a node may be asked to be allowed about a type: to say an event of it, to see one, to have them replayed. */
export type Act = 'dispatch' | 'read' | 'replay';

export type Permissions = Pick<NodeConfig, 'dispatch' | 'subscribe' | 'admin'>;

/** The one decision, for every door: what is not known, or not named, may not. */
export function may(node: Permissions | undefined, act: Act, type: string): boolean;
/** Whether it may steer the host as a whole, whatever the types: what the host's own operators may. */
export function may(node: Permissions | undefined, act: 'administer'): boolean;
export function may(node: Permissions | undefined, act: Act | 'administer', type = ''): boolean {
  switch (act) {
    case 'administer':
      return node?.admin === true;
    case 'dispatch':
      return !isReservedType(type) && isAllowed(node?.dispatch, type);
    case 'read':
      return isAllowed(node?.subscribe, type) && (!isReservedType(type) || may(node, 'administer'));
    case 'replay':
      return may(node, 'administer') && may(node, 'read', type);
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
