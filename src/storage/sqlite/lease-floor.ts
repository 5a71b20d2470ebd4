/**
 * Deliveries that are born leased are in no index: an index entry each, made and removed within milliseconds, costs a
 * tenth of the throughput. Instead each instance keeps a floor: below it, none of those it was given at birth is still
 * open, so what a dead instance held is found by reading upward from its floor.
 */

/** The token of a delivery that was born leased; every claim gives a higher one. */
export const BORN_LEASED = 1;

export interface LeaseFloor {
  leased(seq: number): void;
  settled(seq: number): void;
  /** At most the lowest open `seq`; with none open, `next`, the lowest that can still come. */
  floor(next: number): number;
  /** A commit ended without an answer, and may have leased what is not counted: there is no floor any more. */
  doubt(): void;
  /** A new identity: what was leased in doubt is the old one's. */
  startOver(): void;
}

/** Open ones are counted in blocks of so many `seq`s. */
const BLOCK = 1_024;

export function createLeaseFloor(): LeaseFloor {
  const open = new Map<number, number>();
  const add = (seq: number, change: 1 | -1): void => {
    const block = Math.floor(seq / BLOCK);
    const count = (open.get(block) ?? 0) + change;
    if (count > 0) open.set(block, count);
    else open.delete(block);
  };
  let uncertain = false;
  return {
    leased: (seq) => add(seq, 1),
    settled: (seq) => add(seq, -1),
    floor: (next) => {
      if (uncertain) return 0;
      let lowest = Infinity;
      for (const block of open.keys()) lowest = Math.min(lowest, block);
      return Math.min(next, lowest * BLOCK);
    },
    doubt: () => {
      uncertain = true;
    },
    startOver: () => {
      uncertain = false;
    },
  };
}
