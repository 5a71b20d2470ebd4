/**
 * Readers of the log. Each pulls at its own pace: what is recent from the tail in memory, which all of them share, and what
 * is older from the log, in bounded pages and few at a time. Without readers it costs a commit nothing.
 */
import type { Clock } from '../core/clock.js';
import { NexusError } from '../core/errors.js';
import type { StoredEvent } from '../core/event.js';
import { refuseBelowBase } from '../core/retention.js';
import type { Versions } from '../core/versions.js';
import type { ConnectionKind, Follower, Live, LiveEvent, Sink } from '../contract/live.js';
import type { Storage } from '../storage/storage.js';
import { toLiveEvent } from './live-event.js';
import { createTail, type Tail } from './tail.js';
import { createTurns } from './turns.js';
import { positionAhead } from './views.js';

export interface LiveEnd extends Live {
  /** This process has committed an event. */
  appended(event: StoredEvent): void;
  /** Others may have written. */
  look(): void;
  end(): void;
}

const PAGE = 100;
const PAGES_AT_ONCE = 2;
/** How long readers are served before the rest of the process gets its turn. */
const SERVE_MS = 8;

type Reader = { position: number; busy: boolean; closed: boolean; readonly sink: Sink };

export function createLive(options: {
  storage: Storage;
  clock: Clock;
  versions: Versions;
  opened: () => Promise<{ readonly logId: string }>;
  failed: (error: unknown) => void;
}): LiveEnd {
  const { storage, clock, versions, opened, failed } = options;
  const readers = new Set<Reader>();
  const due = new Set<Reader>();
  const endings = new Set<() => void>();
  const connections: Record<ConnectionKind, number> = { webSocket: 0, sse: 0 };
  const turns = createTurns(PAGES_AT_ONCE);
  const toLive = (event: StoredEvent): LiveEvent => toLiveEvent(event, versions);
  let tail: Tail | undefined;
  let serving = false;
  let ended = false;

  const serve = (): void => {
    if (serving || due.size === 0) return;
    serving = true;
    setImmediate(() => {
      serving = false;
      const until = performance.now() + SERVE_MS;
      for (const reader of due) {
        due.delete(reader);
        // It goes to the end of the queue: nobody waits for one that has much to read.
        if (step(reader)) due.add(reader);
        if (performance.now() > until) break;
      }
      serve();
    });
  };
  const pump = (reader: Reader): void => {
    if (reader.closed) return;
    due.add(reader);
    serve();
  };
  const pumpAll = (): void => {
    for (const reader of readers) due.add(reader);
    serve();
  };

  /** Hands out a little; true where there may be more at once. */
  const step = (reader: Reader): boolean => {
    const { sink } = reader;
    if (reader.closed || reader.busy || !tail?.ready() || !sink.room()) return false;
    const read = tail.read(reader.position, (type, seq) => sink.wants(type, seq));
    if (!read) {
      void readLog(reader);
      return false;
    }
    reader.position = read.position;
    if (read.events.length > 0) sink.take(read.events);
    return reader.position < tail.head();
  };

  const readLog = async (reader: Reader): Promise<void> => {
    reader.busy = true;
    const after = reader.position;
    try {
      const page = await turns(() => storage.read.log({ after, limit: PAGE }));
      reader.busy = false;
      // It may have been moved meanwhile.
      if (!reader.closed && reader.position === after) handOut(reader, page);
    } catch (error) {
      reader.busy = false;
      if (!reader.closed) reader.sink.failed(error);
      return;
    }
    if (!reader.closed) pump(reader);
  };

  /** What there is no room for is read again later: memory is for those who keep up. */
  const handOut = (
    reader: Reader,
    page: { readonly events: readonly StoredEvent[]; readonly to: number },
  ): void => {
    const { sink } = reader;
    for (const event of page.events) {
      if (sink.wants(event.type, event.seq)) {
        if (!sink.room()) return;
        sink.take([toLive(event)]);
      }
      if (reader.closed) return;
      reader.position = event.seq;
    }
    reader.position = page.to;
  };

  const close = (reader: Reader): void => {
    reader.closed = true;
    due.delete(reader);
    readers.delete(reader);
    if (readers.size > 0) return;
    tail?.end();
    tail = undefined;
  };

  return {
    connections,
    appended: (event) => tail?.appended(event),
    look: () => tail?.look(),
    place: async (after) => {
      const { logId } = await opened();
      const { seq: head } = await storage.read.head();
      if (after !== undefined && after > head) throw positionAhead(after, head);
      // Only who asks for the past has to be told that it is gone.
      if (after !== undefined && after < head)
        refuseBelowBase('after', after, (await storage.read.origin()).base.seq);
      return { position: after ?? head, logId };
    },
    follow: (sink, position): Follower => {
      const reader: Reader = { position, busy: false, closed: ended, sink };
      if (!ended) {
        readers.add(reader);
        tail ??= createTail({ storage, clock, toLive, grown: pumpAll, failed });
        pump(reader);
      }
      return {
        get position() {
          return reader.position;
        },
        pump: () => pump(reader),
        seek: (to) => {
          reader.position = to;
          pump(reader);
        },
        close: () => close(reader),
      };
    },
    onEnd: (listener) => {
      if (ended) throw new NexusError('NEXUS_CLOSED', 'this Nexus is closing or closed');
      endings.add(listener);
      return () => void endings.delete(listener);
    },
    connected: (kind) => {
      connections[kind] += 1;
      let counted = true;
      return () => {
        if (counted) connections[kind] -= 1;
        counted = false;
      };
    },
    end: () => {
      ended = true;
      for (const listener of [...endings]) listener();
      endings.clear();
      for (const reader of [...readers]) close(reader);
    },
  };
}
