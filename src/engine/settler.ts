/** Brings the outcome of an attempt into storage, and tells what came of it. */
import type { Clock } from '../core/clock.js';
import { describeFailure } from '../core/errors.js';
import type { SucceededDelivery } from '../nexus.js';
import type { Appended, Lease, Outcome, Settlement } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Budget } from './budget.js';
import type { Lifecycle } from './lifecycle.js';
import { isReplayed, type Held } from './local-reactor.js';
import { moment, queuedMs, timedMoment } from './moment.js';
import type { Draft, SettleWork, Work } from './work.js';

/** How an attempt ended. */
export type Ended = {
  readonly outcome: Outcome;
  readonly ms: number;
  readonly children: readonly Draft[];
  /** What was thrown, for listeners. */
  readonly error: unknown;
};

export interface Settler {
  settle(held: Held, ended: Ended): void;
  /** The lease is lost: nothing is recorded. */
  lost(held: Held): void;
  readonly tally: { settled: number; unrecorded: number };
}

export function createSettler(options: {
  clock: Clock;
  alarm: Alarm;
  budget: Budget;
  lifecycle: Lifecycle;
  submit: (work: Work) => void;
  hungry: (held: Held) => void;
  finished: (held: Held) => void;
}): Settler {
  const { budget, lifecycle, alarm, clock } = options;
  const tally = { settled: 0, unrecorded: 0 };

  const settle = (held: Held, ended: Ended): void => {
    options.submit(new Settling(held, ended, answers));
  };

  const answers: Answers = {
    recorded: (held, ended, results, from) => {
      leave(held);
      tally.settled += 1;
      if (ended.children.length > 0) tellDuplicates(ended.children, results, from);
      tell(held, ended);
      if (ended.outcome.to === 'pending')
        alarm.noLaterThan(isReplayed(held) ? 'replay' : 'due', clock.now() + ended.outcome.delayMs);
      options.finished(held);
    },
    leaseLost: (held) => leave(held),
    failed: (held, ended, error) => couldNot(held, ended, error),
  };

  const tellDuplicates = (children: readonly Draft[], results: readonly Appended[], from: number): void => {
    children.forEach(({ type, source }, i) => {
      const result = results[from + i];
      if (result?.outcome === 'duplicate')
        lifecycle.tell('dispatch:duplicate', () => ({ id: result.id, type, source }));
    });
  };

  /** The storage refuses this very settlement: without its children it may do. */
  const couldNot = (held: Held, ended: Ended, error: unknown): void => {
    if (ended.children.length > 0) {
      const failure = describeFailure(error);
      settle(held, {
        ...ended,
        outcome: { to: 'dead', reason: 'not_retryable', error: failure },
        children: [],
        error,
      });
      return;
    }
    tally.unrecorded += 1;
    leave(held);
  };

  const leave = (held: Held): void => {
    budget.given(held.reactor, isReplayed(held) ? 1 : 0);
    options.hungry(held);
  };

  const tell = (held: Held, { outcome, ms, error }: Ended): void => {
    if (outcome.to === 'succeeded') lifecycle.tell('delivery:succeeded', () => timedMoment(held, ms));
    else if (outcome.to === 'dead')
      lifecycle.tell('delivery:dead', () => ({ ...timedMoment(held, ms), reason: outcome.reason, error }));
    else if (outcome.to === 'cancelled')
      lifecycle.tell('delivery:cancelled', () => ({ ...moment(held), reason: outcome.reason }));
    else if (outcome.error)
      lifecycle.tell('delivery:failed', () => ({
        ...timedMoment(held, ms),
        error,
        retryInMs: outcome.delayMs,
        counted: outcome.counted,
      }));
  };

  return { settle, lost: leave, tally };
}

type Answers = {
  recorded(held: Held, ended: Ended, results: readonly Appended[], from: number): void;
  leaseLost(held: Held): void;
  failed(held: Held, ended: Ended, error: unknown): void;
};

/** One outcome on its way into storage, and what the storage is told of it. A class, for there is one per delivery: no closures. */
class Settling implements SettleWork, Settlement {
  readonly kind = 'settle';
  readonly lease: Lease;
  readonly outcome: Outcome;
  readonly attempt: number;
  readonly postponed: number;
  readonly ms: number;
  readonly #held: Held;
  readonly #ended: Ended;
  readonly #answers: Answers;

  constructor(held: Held, ended: Ended, answers: Answers) {
    const { outcome } = ended;
    const counted = outcome.to === 'pending' ? outcome.counted : outcome.to !== 'cancelled';
    const postponed = outcome.to === 'pending' && outcome.error !== undefined && !counted;
    this.lease = held.lease;
    this.outcome = outcome;
    this.attempt = held.attempt + (counted ? 1 : 0);
    this.postponed = held.postponed + (postponed ? 1 : 0);
    this.ms = ended.ms;
    this.#held = held;
    this.#ended = ended;
    this.#answers = answers;
  }

  get settlement(): Settlement {
    return this;
  }

  get succeeded(): SucceededDelivery | undefined {
    if (this.outcome.to !== 'succeeded') return undefined;
    return { reactor: this.#held.reactor.settings.name, queuedMs: queuedMs(this.#held), ms: this.ms };
  }

  get events(): readonly Draft[] {
    return this.#ended.children;
  }

  done(outcome: 'settled' | 'lease_lost', results: readonly Appended[], from: number): void {
    if (outcome === 'settled') this.#answers.recorded(this.#held, this.#ended, results, from);
    else this.#answers.leaseLost(this.#held);
  }

  failed(error: unknown): void {
    this.#answers.failed(this.#held, this.#ended, error);
  }
}
