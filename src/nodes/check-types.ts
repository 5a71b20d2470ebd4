/** Whether lists of event types are what they must be, and mean what there is. */
import { isLegalName, isReservedType } from '../core/event.js';
import { invalid } from './invalid.js';
import type { NodeConfig } from './node-config.js';

/** `reserved`: whether the library's own types may be named. @throws NexusError NEXUS_INVALID_OPTION */
export function checkTypes(
  option: string,
  patterns: unknown,
  { reserved }: { readonly reserved: boolean },
): void {
  if (patterns === undefined) return;
  // A lone string would pass for a list until somebody asks for a permission.
  if (!Array.isArray(patterns) || !patterns.every((each): each is string => typeof each === 'string'))
    throw invalid(option, 'a list of event types, such as ["PAYMENT_*"]');
  for (const pattern of patterns) {
    const isPrefix = pattern.endsWith('*');
    if (pattern !== '*' && !isLegalName(isPrefix ? pattern.slice(0, -1) : pattern))
      throw invalid(option, `names, * or a prefix and *; got ${JSON.stringify(pattern.slice(0, 200))}`);
    if (isReservedType(pattern) && (!reserved || isPrefix))
      throw invalid(
        option,
        `none of the library's own types (${pattern}): nobody dispatches them, and they are read by name, with admin: true`,
      );
  }
}

/** The names in a node's lists that no event type has: misspelt, or of another version of the catalogue. */
export function unknownTypes(name: string, node: NodeConfig, known: ReadonlySet<string>): readonly string[] {
  const lists = {
    dispatch: node.dispatch,
    subscribe: node.subscribe,
    'webhook.events': node.webhook?.events,
  };
  return Object.entries(lists).flatMap(([list, types = []]) =>
    types
      .filter((type) => !type.endsWith('*') && !isReservedType(type) && !known.has(type))
      .map((type) => `nodes.${name}.${list}: ${type} is not an event type of the catalogue`),
  );
}
