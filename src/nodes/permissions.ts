/** Who may say and see what. Deny by default. */
import { isReservedType } from '../core/event.js';
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

/** True when a pattern means a type: a name, `*`, or a prefix and `*`. The library's own types are meant by name only. */
export function meansType(pattern: string, type: string): boolean {
  if (pattern === type) return true;
  if (!pattern.endsWith('*') || isReservedType(type)) return false;
  return type.startsWith(pattern.slice(0, -1));
}

/** True when any of the patterns means the type. */
export function isAllowed(patterns: readonly string[] | undefined, type: string): boolean {
  return patterns?.some((pattern) => meansType(pattern, type)) ?? false;
}
