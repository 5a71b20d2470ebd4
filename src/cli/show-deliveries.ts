/** Deliveries as lines. */
import type { Delivery } from '../index.js';
import type { Cell, Terminal, Tone } from './terminal.js';
import { showInstant } from './time.js';

const tones: Readonly<Record<Delivery['state'], Tone>> = {
  succeeded: 'good',
  dead: 'bad',
  cancelled: 'dim',
  pending: 'warn',
  running: 'warn',
};

/** As much of a message as fits beside the rest. */
const MOST = 120;

export function showDeliveries(terminal: Terminal, deliveries: readonly Delivery[]): void {
  if (terminal.json) {
    for (const delivery of deliveries) terminal.data(delivery);
    return;
  }
  terminal.table(
    deliveries.map(
      ({ id, reactor, eventType, eventId, state, attempt, dueAt, finishedAt, reason, error }): Cell[] => {
        const at = finishedAt ?? dueAt;
        const why = error === undefined ? (reason ?? '') : `${error.code}: ${error.message}`;
        return [
          { tone: 'dim', text: id },
          { tone: tones[state], text: state },
          reactor,
          { tone: 'name', text: eventType },
          eventId,
          `×${attempt}`,
          at === undefined ? '' : showInstant(at),
          why.length > MOST ? `${why.slice(0, MOST - 1)}…` : why,
        ];
      },
    ),
  );
}
