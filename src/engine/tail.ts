/** The last events of the log, in memory while anyone reads: bounded, contiguous, and filled from the log where others wrote. */
import { REDACTED_TYPE } from '../core/chain-walk.js';
import type { Clock } from '../core/clock.js';
import type { StoredEvent } from '../core/event.js';
import type { LiveEvent } from '../contract/live.js';
import type { Storage } from '../storage/storage.js';

export interface Tail {
  /** What is behind `position` in memory, for one step of a reader; undefined where that is not in memory. */
  read(position: number, wants: (type: string, seq: number) => boolean): Step | undefined;
  /** True once it knows where the log ends. */
  ready(): boolean;
  head(): number;
  /** This process has committed an event. */
  appended(event: StoredEvent): void;
  /** Others may have written. */
  look(): void;
  end(): void;
}

/** What a reader is handed, and how far it has looked. */
export type Step = { readonly events: readonly LiveEvent[]; readonly position: number };

const MOST_EVENTS = 4_096;
/** Texts and frames come on top: about three times as much in all. */
const MOST_BYTES = 8 * 1024 * 1024;
const STEP_EVENTS = 64;
const STEP_BYTES = 64 * 1024;
const PAGE = 500;
const TRY_AGAIN_MS = 1_000;

export function createTail(options: {
  storage: Storage;
  clock: Clock;
  toLive: (event: StoredEvent) => LiveEvent;
  grown: () => void;
  failed: (error: unknown) => void;
}): Tail {
  const { storage, toLive } = options;
  let events: LiveEvent[] = [];
  /** Where the first of them is: the front is cut off now and then, not at every event. */
  let start = 0;
  let bytes = 0;
  /** `floor < seq <= head` is in memory. */
  let floor = 0;
  let head = -1;
  let reading = false;
  let again = false;
  let over = false;

  const push = (stored: StoredEvent): void => {
    const event = toLive(stored);
    events.push(event);
    bytes += event.size;
    head = event.seq;
    const erased = event.type === REDACTED_TYPE ? Number(event.event().payload.seq) : 0;
    for (let first = events[start]; first; first = events[start]) {
      // A payload that was erased goes, with all before it, for what is here has no gaps.
      const fits = events.length - start <= MOST_EVENTS && bytes <= MOST_BYTES;
      if (fits && first.seq > erased) break;
      bytes -= first.size;
      floor = first.seq;
      start += 1;
    }
    if (start > MOST_EVENTS || start === events.length) {
      events = events.slice(start);
      start = 0;
    }
  };

  // Both change while the log is read.
  const isOver = (): boolean => over;
  const wantsAgain = (): boolean => again;
  const readLog = async (): Promise<void> => {
    if (head < 0) {
      const { seq } = await storage.read.head();
      floor = seq;
      head = seq;
      options.grown();
    }
    while (wantsAgain() && !isOver()) {
      again = false;
      const page = await storage.read.log({ after: head, limit: PAGE });
      for (const event of page.events) if (event.seq > head) push(event);
      head = Math.max(head, page.to);
      if (page.to < page.head) again = true;
      options.grown();
    }
  };
  const look = (): void => {
    again = true;
    if (reading || over) return;
    reading = true;
    readLog().then(
      () => {
        reading = false;
        if (again) look();
      },
      (error: unknown) => {
        reading = false;
        if (over) return;
        options.failed(error);
        options.clock.setTimer(look, TRY_AGAIN_MS);
      },
    );
  };
  look();

  /** The place of the first event behind a position. */
  const placeAfter = (position: number): number => {
    let low = start;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((events[middle]?.seq ?? 0) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  return {
    ready: () => head >= 0,
    head: () => head,
    look,
    appended: (event) => {
      if (event.seq <= head) return;
      // What is not the next one has others before it: they are in the log.
      if (head < 0 || reading || event.seq !== head + 1) return look();
      push(event);
      options.grown();
    },
    read: (position, wants) => {
      if (position < floor) return undefined;
      let place = placeAfter(position);
      const found: LiveEvent[] = [];
      let size = 0;
      let last = position;
      while (place < events.length && found.length < STEP_EVENTS && size < STEP_BYTES) {
        const event = events[place++];
        if (!event) break;
        last = event.seq;
        if (!wants(event.type, event.seq)) continue;
        found.push(event);
        size += event.size;
      }
      return { events: found, position: place < events.length ? last : Math.max(position, head) };
    },
    end: () => {
      over = true;
      events = [];
    },
  };
}
