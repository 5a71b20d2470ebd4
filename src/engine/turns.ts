/** A few at a time, in the order in which they came; between two of them the process does something else. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return async (work) => {
    if (busy < atOnce) busy += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The place is handed on.
      const next = waiting.shift();
      if (next) setImmediate(next);
      else busy -= 1;
    }
  };
}
