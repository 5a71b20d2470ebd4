/** The handlers of a reactor that have not come back: a slot each. */

/** What knows its place among those that have a slot. */
type Placed = { slot: number | undefined };

/**
 * Not a `Set`: that one changes its table for a new one every few additions, each old table keeps the next one and what was
 * in it, and once the collector takes one of them for old, all deliveries after it die old as well.
 */
export class Slots<T extends Placed> implements Iterable<T> {
  readonly #taken: T[] = [];

  get size(): number {
    return this.#taken.length;
  }

  take(held: T): void {
    held.slot = this.#taken.push(held) - 1;
  }

  /** False when it has none. */
  leave(held: T): boolean {
    const { slot } = held;
    if (slot === undefined) return false;
    held.slot = undefined;
    const last = this.#taken.pop();
    if (last && last !== held) {
      this.#taken[slot] = last;
      last.slot = slot;
    }
    return true;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#taken.values();
  }
}
