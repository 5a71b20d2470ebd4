/** From drafts to what `dispatch` answers. */
import { NexusError } from '../core/errors.js';
import type { Dispatched } from '../nexus.js';
import type { Appended } from '../storage/storage.js';
import type { Lifecycle } from './lifecycle.js';
import type { AppendWork, Draft } from './work.js';

/** One event on its way into the log. A class, for there is one per dispatch: no closures. */
export class Publication implements AppendWork {
  readonly kind = 'append';
  readonly events: readonly Draft[];
  readonly #lifecycle: Lifecycle;
  readonly #resolve: (said: Dispatched[]) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    events: readonly Draft[],
    lifecycle: Lifecycle,
    resolve: (said: Dispatched[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.events = events;
    this.#lifecycle = lifecycle;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  done(results: readonly Appended[], from: number): void {
    const said: Dispatched[] = [];
    for (let i = 0; i < this.events.length; i++) {
      const draft = this.events[i];
      const result = results[from + i];
      if (!draft) continue;
      if (result?.outcome === 'appended') {
        said.push({
          id: draft.id,
          seq: result.seq,
          type: draft.type,
          timestamp: draft.timestamp,
          duplicate: false,
        });
      } else if (result?.outcome === 'duplicate') {
        const { id, seq, timestamp } = result;
        this.#lifecycle.tell('dispatch:duplicate', () => ({ id, type: draft.type, source: draft.source }));
        said.push({ id, seq, type: draft.type, timestamp, duplicate: true });
      } else {
        this.#reject(conflict(draft, result));
        return;
      }
    }
    this.#resolve(said);
  }

  failed(error: unknown): void {
    this.#reject(error);
  }
}

function conflict(draft: Draft, result: Appended | undefined): NexusError {
  const first = result?.outcome === 'conflict' ? result : undefined;
  const by = draft.keys[0] === undefined ? `id ${draft.id}` : `idempotency key "${draft.keys[0].slice(2)}"`;
  return new NexusError(
    'NEXUS_IDEMPOTENCY_CONFLICT',
    `the ${by} of ${draft.source} was used before for other content (event ${first?.id ?? 'unknown'}); the same key must mean the same type and payload`,
    { details: { type: draft.type, source: draft.source, first } },
  );
}
