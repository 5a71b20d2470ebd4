/** Which events were handled, in a file that outlives the process. With a database, make it a table with a unique id. */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs';

export type Seen = {
  /** Handles what was not handled before. What fails is not remembered, and two at once are one. */
  once(id: string, handle: () => Promise<void>): Promise<void>;
  close(): void;
};

export function openSeen(path: string): Seen {
  const ids = new Set(existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []);
  const running = new Map<string, Promise<void>>();
  const file = openSync(path, 'a');
  const run = async (id: string, handle: () => Promise<void>): Promise<void> => {
    await handle();
    // A crash before this line handles the event again: make what `handle` does repeatable, or one transaction with it.
    appendFileSync(file, `${id}\n`);
    fsyncSync(file);
    ids.add(id);
  };
  return {
    once: async (id, handle) => {
      if (ids.has(id)) return;
      const already = running.get(id);
      if (already) {
        await already;
        return;
      }
      const now = run(id, handle).finally(() => running.delete(id));
      running.set(id, now);
      await now;
    },
    close: () => closeSync(file),
  };
}
