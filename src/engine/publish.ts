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
  readonly #draft: Draft;
  readonly #lifecycle: Lifecycle;
  readonly #resolve: (said: Dispatched) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    draft: Draft,
    lifecycle: Lifecycle,
    resolve: (said: Dispatched) => void,
    reject: (error: unknown) => void,
  ) {
    this.events = [draft];
    this.#draft = draft;
    this.#lifecycle = lifecycle;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get saidAt(): number {
    return this.#draft.timestamp;
  }

  done(results: readonly Appended[], from: number): void {
    const said = answer(this.#draft, results[from], this.#lifecycle);
    if (said instanceof NexusError) this.#reject(said);
    else this.#resolve(said);
  }

  failed(error: unknown): void {
    this.#reject(error);
  }
}

/** Several events on their way into the log, in one transaction. */
export class Publications implements AppendWork {
  readonly kind = 'append';
  readonly events: readonly Draft[];
  readonly #lifecycle: Lifecycle;
  readonly #resolve: (said: Dispatched[]) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    drafts: readonly Draft[],
    lifecycle: Lifecycle,
    resolve: (said: Dispatched[]) => void,
    reject: (error: unknown) => void,
  ) {
    this.events = drafts;
    this.#lifecycle = lifecycle;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get saidAt(): number {
    return this.events[0]?.timestamp ?? 0;
  }

  done(results: readonly Appended[], from: number): void {
    const answers = this.events.map((draft, i) => answer(draft, results[from + i], this.#lifecycle));
    const refusal = answers.find((each) => each instanceof NexusError);
    if (refusal) this.#reject(refusal);
    else this.#resolve(answers as Dispatched[]);
  }

  failed(error: unknown): void {
    this.#reject(error);
  }
}

/** What is said of one event, or its refusal. */
function answer(draft: Draft, result: Appended | undefined, lifecycle: Lifecycle): Dispatched | NexusError {
  const { type } = draft;
  if (result?.outcome === 'appended')
    return { id: draft.id, seq: result.seq, type, timestamp: draft.timestamp, duplicate: false };
  if (result?.outcome !== 'duplicate') return conflict(draft, result);
  const { id, seq, timestamp } = result;
  lifecycle.tell('dispatch:duplicate', () => ({ id, type, source: draft.source }));
  return { id, seq, type, timestamp, duplicate: true };
}

/** Why an event is not in the log. */
export function conflict(draft: Draft, result: Appended | undefined): NexusError {
  const first = result?.outcome === 'conflict' ? result : undefined;
  const by = draft.keys[0] === undefined ? `id ${draft.id}` : `idempotency key "${draft.keys[0].slice(2)}"`;
  return new NexusError(
    'NEXUS_IDEMPOTENCY_CONFLICT',
    `the ${by} of ${draft.source} was used before for other content (event ${first?.id ?? 'unknown'}); the same key must mean the same type and payload`,
    { details: { type: draft.type, source: draft.source, first } },
  );
}
