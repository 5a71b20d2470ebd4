/** Who may say what. Deny by default. */
import { isReservedType } from '../core/event.js';

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
