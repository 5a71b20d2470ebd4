/** An event for readers of the live log: its text is made once, whoever sends it. */
import { placeInLog, type StoredEvent } from '../core/event.js';
import type { Versions } from '../core/versions.js';
import type { LiveEvent } from '../contract/live.js';

/** What an event takes beside its payload. */
const OVERHEAD_BYTES = 400;

export function toLiveEvent(given: StoredEvent, versions: Versions): LiveEvent {
  // Its own object: what a dispatcher or a handler still does with theirs is not seen here.
  const stored = placeInLog(given, given.seq, given.hash);
  let text: string | undefined;
  return {
    seq: stored.seq,
    type: stored.type,
    size: (stored.payload?.length ?? 0) + OVERHEAD_BYTES,
    text: () => (text ??= textOf(stored, versions)),
    event: () => versions.event(stored),
  };
}

/** The order of the keys is that of the protocol's own examples. */
function textOf(stored: StoredEvent, versions: Versions): string {
  const { type, timestamp, id, seq, source } = stored;
  return `{"event":${JSON.stringify(type)},"payload":${versions.text(stored)},"timestamp":${timestamp},"id":${JSON.stringify(id)},"seq":${seq},"source":${JSON.stringify(source)}}`;
}
