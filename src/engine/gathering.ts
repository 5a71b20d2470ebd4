/** When the next batch is taken: who comes alone is let through, who comes in company waits for the others. */
import { nextTurn } from './next-turn.js';

export interface Gathering {
  /** Ends when the next batch is to be taken. `company`: the last batch held more than one. */
  next(company: boolean): Promise<void>;
  /** Something more waits. */
  came(): void;
}

/** How often a batch may do without a turn of the event loop, so that nobody waits long for his. */
const HURRIED_IN_A_ROW = 3;

/** `batchEvents`: as much as a batch may hold. */
export function createGathering(batchEvents: () => number): Gathering {
  /** Batches since the last turn of the event loop. */
  let hurried = 0;
  /** What has come since the wait for the next batch began. */
  let fresh = 0;
  /** Ends the wait for the turn before it comes; undefined while nobody waits. */
  let hurry: (() => void) | undefined;

  const nextTurnOrWhole = (): Promise<void> =>
    new Promise((resolve) => {
      const turn = setImmediate(() => {
        hurried = 0;
        begin();
      });
      const begin = (): void => {
        hurry = undefined;
        resolve();
      };
      hurry = () => {
        hurried += 1;
        clearImmediate(turn);
        begin();
      };
    });

  return {
    // Everything that this turn of the event loop still brings is part of the batch. Who comes alone time and again is let
    // through at once, and so is a whole batch, for what it holds would only grow old; a few times, until the next turn
    // shows who else is there.
    next: (company) => {
      fresh = 0;
      if (hurried === HURRIED_IN_A_ROW) {
        hurried = 0;
        return nextTurn();
      }
      if (company) return nextTurnOrWhole();
      hurried += 1;
      return nextTick();
    },
    // What has piled up waits for its turns, one batch in each, but what comes beside it makes it no longer: whoever is
    // answered and comes again would else find as many before him each time.
    came: () => {
      fresh += 1;
      if (hurry && fresh >= batchEvents()) hurry();
    },
  };
}

/** When all that is running at present has come to its end or to a wait. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
