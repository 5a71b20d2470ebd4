/** What a handler gets beside the payload. What is rarely asked for is made when it is. */
import { NexusError } from '../core/errors.js';
import type { JsonObject, NexusEvent } from '../core/event.js';
import type { Versions } from '../core/versions.js';
import type { ChildOptions, LoggerLike, NexusEventDraft, ReactorContext } from '../nexus.js';
import type { Intake } from './intake.js';
import { deliveryId, type Held } from './local-reactor.js';
import type { Draft } from './work.js';

/** A handler that dispatches more than this is out of control. */
const MAX_CHILDREN = 1_000;

export class AttemptContext implements ReactorContext {
  readonly #held: Held;
  readonly #intake: Intake;
  readonly #versions: Versions;
  readonly #logger: LoggerLike;
  #event: NexusEvent | undefined;
  #payload: JsonObject | undefined;
  #dispatch: ReactorContext['dispatch'] | undefined;
  #controller: AbortController | undefined;
  #log: LoggerLike | undefined;
  #children: Draft[] | undefined;

  constructor(held: Held, intake: Intake, versions: Versions, logger: LoggerLike) {
    this.#held = held;
    this.#intake = intake;
    this.#versions = versions;
    this.#logger = logger;
  }

  get event(): NexusEvent {
    return (this.#event ??= this.#versions.event(this.#held.event, this.payload));
  }

  /** The payload of its own for the handler: nothing another handler does can change it. Throws where it cannot be upcast. */
  get payload(): JsonObject {
    return (this.#payload ??= this.#versions.payload(this.#held.event));
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
      else this.#held.abort = (reason) => controller.abort(reason);
    }
    return this.#controller.signal;
  }

  get log(): LoggerLike {
    const { reactor, event } = this.#held;
    const bindings = {
      reactor: reactor.settings.name,
      eventId: event.id,
      eventType: event.type,
      attempt: this.attempt,
    };
    return (this.#log ??= this.#logger.child?.(bindings) ?? this.#logger);
  }

  /** What was dispatched so far. */
  get children(): readonly Draft[] {
    return this.#children ?? none;
  }

  /** Bound, so that a handler may take it out of the context. */
  get dispatch(): ReactorContext['dispatch'] {
    return (this.#dispatch ??= (type, payload, options) => this.#draft(type, payload, options));
  }

  #draft(type: string, payload: unknown, options: ChildOptions = {}): NexusEventDraft {
    const { phase, event, reactor } = this.#held;
    if (phase === 'over') throw leaseLost(this.deliveryId);
    this.#children ??= [];
    if (this.#children.length >= MAX_CHILDREN) {
      throw new NexusError(
        'NEXUS_INVALID_OPTION',
        `a handler may dispatch at most ${MAX_CHILDREN} events; reactor "${reactor.settings.name}" tried more`,
      );
    }
    const nth = this.#children.reduce((count, child) => count + (child.type === type ? 1 : 0), 0);
    const draft = this.#intake.draft({
      type,
      payload,
      options: { ...options, causationId: event.id, correlationId: event.correlationId },
      // With a key of the caller's own, that key alone says what is the same.
      keys:
        options.idempotencyKey === undefined
          ? [`child:${reactor.settings.name}:${event.id}:${type}:${nth}`]
          : none,
      // A rerun may compute other content: the first one stands.
      onOther: 'duplicate',
    });
    this.#children.push(draft);
    return { id: draft.id, type };
  }
}

const none: readonly never[] = [];

export function leaseLost(delivery: string): NexusError {
  return new NexusError(
    'NEXUS_LEASE_LOST',
    `the attempt at delivery ${delivery} is over (timed out, cancelled, or taken over by another instance): what it still does is not recorded; stop at ctx.signal`,
    { details: { deliveryId: delivery } },
  );
}
