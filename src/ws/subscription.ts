/** What a connection has subscribed to, each type from a place in the log on. */
import { matchesType } from '../core/subscription.js';

export interface Subscription {
  /**
   * Adds types. `after`: from there on, also where a type was subscribed before. Without, a new type counts from `head`
   * on, and one that is there goes on. `scanned` is how far the connection has read. Returns from where it is to read on.
   */
  add(
    types: readonly string[],
    from: { readonly after: number | undefined; readonly head: number; readonly scanned: number | undefined },
  ): number;
  /** Without types: all. */
  remove(types: readonly string[] | undefined): void;
  wants(type: string, seq: number): boolean;
  types(): readonly string[];
  /** What its node may see has changed. */
  forget(): void;
}

export function createSubscription(may: (type: string) => boolean): Subscription {
  /** A type, or `*`, and the `seq` behind which it counts. */
  const floors = new Map<string, number>();
  const known = new Map<string, number>();

  const floorOf = (type: string): number => {
    if (!may(type)) return Infinity;
    let floor = Infinity;
    for (const [each, from] of floors) if (matchesType(each, type)) floor = Math.min(floor, from);
    return floor;
  };

  return {
    add: (types, { after, head, scanned }) => {
      known.clear();
      // Reading goes back: what was sent already is not sent again, unless it is what was asked for.
      if (after !== undefined && scanned !== undefined && after < scanned)
        for (const [type, from] of floors) floors.set(type, Math.max(from, scanned));
      for (const type of types) if (after !== undefined || !floors.has(type)) floors.set(type, after ?? head);
      return Math.min(after ?? head, scanned ?? Infinity);
    },
    remove: (types) => {
      known.clear();
      for (const type of types ?? [...floors.keys()]) floors.delete(type);
    },
    wants: (type, seq) => {
      let floor = known.get(type);
      if (floor === undefined) known.set(type, (floor = floorOf(type)));
      return seq > floor;
    },
    types: () => [...floors.keys()],
    forget: () => known.clear(),
  };
}
