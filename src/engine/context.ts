/** What a handler gets beside the payload. What is rarely asked for is made when it is. */
import { NexusError } from '../core/errors.js';
import type { JsonObject, NexusEvent } from '../core/event.js';
import type { Versions } from '../core/versions.js';
import type { ChildOptions, LoggerLike, NexusEventDraft, ReactorContext } from '../nexus.js';
import { addHeaders, saidToBe, type ChildHeaders } from './instruments.js';
import type { Intake } from './intake.js';
import { leaseLost } from './lease-lost.js';
import { deliveryId, type Held } from './local-reactor.js';
import type { Memory } from './once.js';
import type { Draft } from './work.js';

/** A handler that dispatches more than this is out of control. */
const MAX_CHILDREN = 1_000;

/** What every context has a part of. */
export type ContextParts = {
  readonly intake: Intake;
  readonly versions: Versions;
  readonly memory: Memory;
  readonly logger: LoggerLike;
};

export class AttemptContext implements ReactorContext {
  /** What an instrument adds to the headers of children. */
  childHeaders: ChildHeaders | undefined;
  readonly #held: Held;
  readonly #parts: ContextParts;
  #event: NexusEvent | undefined;
  #payload: JsonObject | undefined;
  #dispatch: ReactorContext['dispatch'] | undefined;
  #once: ReactorContext['once'] | undefined;
  #pending: Map<string, Promise<unknown>> | undefined;
  #effects = 0;
  #controller: AbortController | undefined;
  #log: LoggerLike | undefined;
  #children: Draft[] | undefined;

  constructor(held: Held, parts: ContextParts) {
    this.#held = held;
    this.#parts = parts;
  }

  get event(): NexusEvent {
    return (this.#event ??= this.#parts.versions.event(this.#held.event, this.payload));
  }

  /** The payload of its own for the handler: nothing another handler does can change it. Throws where it cannot be upcast. */
  get payload(): JsonObject {
    return (this.#payload ??= this.#held.payload ?? this.#parts.versions.payload(this.#held.event));
  }

  get attempt(): number {
    return this.#held.attempt + 1;
  }

  get deliveryId(): string {
    return deliveryId(this.#held.lease);
  }

  get replayed(): boolean {
    return this.#held.lease.run > 0;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#held.phase === 'over') controller.abort(leaseLost(this.deliveryId));
      else this.#held.abort = controller.abort.bind(controller);
    }
    return this.#controller.signal;
  }

  get log(): LoggerLike {
    return (this.#log ??= this.#childLog());
  }

  /** What was dispatched so far. */
  get children(): readonly Draft[] {
    return this.#children ?? none;
  }

  /** Bound, so that a handler may take it out of the context. */
  get dispatch(): ReactorContext['dispatch'] {
    return (this.#dispatch ??= this.#draft.bind(this));
  }

  /** Bound, as `dispatch` is. */
  get once(): ReactorContext['once'] {
    return (this.#once ??= this.#remember.bind(this));
  }

  get idempotencyKey(): ReactorContext['idempotencyKey'] {
    return (key) => this.#parts.memory.idempotencyKey(this.#held, key);
  }

  #childLog(): LoggerLike {
    const { logger } = this.#parts;
    const { reactor, event } = this.#held;
    const bindings = {
      reactor: reactor.settings.name,
      eventId: event.id,
      eventType: event.type,
      attempt: this.attempt,
    };
    return logger.child?.(bindings) ?? logger;
  }

  /** Two calls with one key at the same time are one. */
  #remember<R>(key: string, effect: () => Promise<R> | R): Promise<R> {
    const known = this.#pending?.get(key);
    if (known) return known as Promise<R>;
    const result = this.#parts.memory.once(this.#held, key, async () => {
      this.#effects += 1;
      try {
        return await effect();
      } finally {
        this.#effects -= 1;
      }
    });
    const pending = (this.#pending ??= new Map<string, Promise<unknown>>());
    pending.set(key, result);
    // After a failure the handler may try again.
    result.catch(() => pending.delete(key));
    return result;
  }

  #draft(type: string, payload: unknown, options: ChildOptions = {}): NexusEventDraft {
    const { phase, event, reactor, fresh, lease } = this.#held;
    if (phase === 'over') throw leaseLost(this.deliveryId);
    if (this.#effects > 0) {
      throw new NexusError(
        'NEXUS_INVALID_OPTION',
        `ctx.dispatch inside of ctx.once would be forgotten by the attempt that remembers its result; dispatch after it (reactor "${reactor.settings.name}")`,
      );
    }
    this.#children ??= [];
    if (this.#children.length >= MAX_CHILDREN) {
      throw new NexusError(
        'NEXUS_INVALID_OPTION',
        `a handler may dispatch at most ${MAX_CHILDREN} events; reactor "${reactor.settings.name}" tried more`,
      );
    }
    const nth = this.#children.reduce((count, child) => count + (child.type === type ? 1 : 0), 0);
    const draft = this.#parts.intake.draft({
      type,
      payload,
      options: {
        ...addHeaders(options, this.childHeaders?.(saidToBe(type, options))),
        causationId: event.id,
        correlationId: event.correlationId,
      },
      // With a key of the caller's own, that key alone says what is the same.
      keys:
        options.idempotencyKey === undefined
          ? [`${childKey(reactor.settings.name, fresh ? lease.run : 0)}${event.id}:${type}:${nth}`]
          : none,
      // A rerun may compute other content: the first one stands.
      onOther: 'duplicate',
    });
    this.#children.push(draft);
    return { id: draft.id, type };
  }
}

/** How the dedupe keys of a reactor's children begin; the id of their cause follows. A fresh run has keys of its own. */
export function childKey(reactor: string, freshRun = 0): string {
  return freshRun > 0 ? `fresh:${freshRun}:${reactor}:` : `child:${reactor}:`;
}

const none: readonly never[] = [];
