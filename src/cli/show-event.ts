/** An event as a line. */
import type { ShownEvent } from './event-source.js';
import { plain, type Terminal } from './terminal.js';
import { showInstant } from './time.js';

/** As much of a payload as fits beside the rest. */
const MOST_OF_PAYLOAD = 160;

export function showEvent(terminal: Terminal, event: ShownEvent): void {
  if (terminal.json) {
    terminal.data(event);
    return;
  }
  const { seq, timestamp, type, source, id, payload } = event;
  const text = plain(JSON.stringify(payload));
  terminal.out(
    [
      terminal.paint('dim', String(seq).padStart(6)),
      showInstant(timestamp),
      terminal.paint('name', plain(type)),
      plain(source),
      terminal.paint('dim', id),
      text.length > MOST_OF_PAYLOAD ? `${text.slice(0, MOST_OF_PAYLOAD - 1)}…` : text,
    ].join('  '),
  );
}
