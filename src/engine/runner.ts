/** Runs handlers: a slot each, a deadline each, and their outcome back to the committer. */
import type { Clock } from '../core/clock.js';
import { describeFailure, NexusError } from '../core/errors.js';
import { decideRetry } from '../core/retry.js';
import type { DeliveryRef, Lease, Outcome } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Budget } from './budget.js';
import { AttemptContext, type ContextParts } from './context.js';
import type { Fed } from './fan-out.js';
import type { Instruments } from './instruments.js';
import type { Lifecycle } from './lifecycle.js';
import { attemptToBe, moment } from './moment.js';
import { leaseLost } from './lease-lost.js';
import {
  deliveryId,
  isReplayed,
  replaySlots,
  takeWaiting,
  type Held,
  type LocalReactor,
} from './local-reactor.js';
import type { Roster } from './roster.js';
import type { Settler } from './settler.js';

export interface Runner {
  feed(fed: readonly Fed[]): void;
  /** Calls handlers while there are slots. */
  pump(reactor: LocalReactor): void;
  /** Ends what has begun of a delivery, or of all: its signal aborts, its late result counts for nothing. */
  giveUp(held: Held, reason: NexusError): void;
  /** The same for every handler of a reactor that runs. */
  abandon(reactor: LocalReactor): void;
  /** A delivery was cancelled: its handler's signal aborts. */
  cancel(ref: DeliveryRef): void;
  /** So were all deliveries of a replay. */
  cancelRun(run: number): void;
  /** Aborts every handler that runs and returns its delivery, no attempt burned; their number. */
  interrupt(): number;
  /** Gives back leases whose handler was not called, of one reactor or all; their number. */
  release(of?: LocalReactor): number;
  /** The deliveries in memory whose handler was called and has not come back. */
  handling(): number;
  /** Deliveries that must not be claimed: their former handler is still on its way. */
  lingering(): readonly Lease[];
}

/** A handler that ignores its aborted signal keeps its slot so long; then the slot is given up for lost. */
const STUCK_MS = 10_000;
/** A lease that its reactor's pace holds up for longer goes back to storage. */
const KEPT_MS = 1_000;
const SUCCEEDED: Outcome = { to: 'succeeded' };

export function createRunner(
  options: ContextParts & {
    clock: Clock;
    random: () => number;
    alarm: Alarm;
    budget: Budget;
    roster: Roster;
    lifecycle: Lifecycle;
    instruments: Instruments;
    settler: Settler;
    /** Marks a suspect as started; false when its lease is lost. */
    markStarted: (lease: Lease) => Promise<boolean>;
    hungry: (reactor: LocalReactor) => void;
    pulse: () => void;
  },
): Runner {
  const { clock, alarm, budget, roster, lifecycle, instruments, settler } = options;
  /** Over, but their handler has not come back; with the instant at which they are stuck. */
  const lingering = new Map<Held, number>();

  /** `now` is for the first that begins: a handler may take its time before the next one. */
  const pump = (reactor: LocalReactor, now?: number): void => {
    const { waiting, handling, settings, pace } = reactor;
    while (handling.size < settings.concurrency && !reactor.paused) {
      if (pace && pace.from(1) > clock.now()) {
        if (waiting.length + reactor.replays.waiting.length > 0) keepPace(reactor, pace.from(1));
        break;
      }
      const held = waiting.shift() ?? nextReplayed(reactor);
      if (!held) break;
      begin(held, now ?? clock.now());
      now = undefined;
    }
    if (waiting.length === 0) {
      budget.emptied(reactor);
      if (reactor.due) options.hungry(reactor);
    }
  };

  /** The alarm rings when the next one may start. What may not for long is not kept from other processes. */
  const keepPace = (reactor: LocalReactor, startsAt: number): void => {
    alarm.noLaterThan('pace', startsAt);
    if (startsAt - clock.now() <= KEPT_MS) return;
    for (const waiting of [reactor.waiting, reactor.replays.waiting]) {
      const suspects = waiting.filter(({ suspect }) => suspect);
      for (const held of waiting.splice(0, waiting.length, ...suspects)) if (!held.suspect) giveBack(held);
    }
  };

  /** Live work goes first, and replays leave it slots to come back to. */
  const nextReplayed = (reactor: LocalReactor): Held | undefined => {
    const { replays } = reactor;
    return replays.handling < replaySlots(reactor) ? replays.waiting.shift() : undefined;
  };

  const begin = (held: Held, now: number): void => {
    const { reactor } = held;
    held.startedAt = now;
    if (isTooOld(held)) {
      settle(held, { to: 'cancelled', reason: 'too_old' }, []);
      return;
    }
    held.phase = 'handling';
    reactor.handling.take(held);
    reactor.pace?.started(now);
    if (isReplayed(held)) reactor.replays.handling += 1;
    alarm.noLaterThan('deadline', held.startedAt + reactor.settings.timeoutMs);
    if (!held.suspect) {
      call(held);
      return;
    }
    options.markStarted(held.lease).then(
      (marked) => {
        if (held.phase === 'over') cameBack(held);
        else if (marked) call(held);
        else drop(held);
      },
      () => {
        if (held.phase === 'over') cameBack(held);
        // Unmarked it must not run: it goes back until the storage answers.
        else settle(held, { to: 'pending', delayMs: 1_000, counted: false }, []);
      },
    );
  };

  const call = (held: Held): void => {
    const context = new AttemptContext(held, options);
    lifecycle.tell('delivery:started', () => moment(held));
    try {
      const { handler } = held.reactor.settings;
      const result = instruments.present()
        ? instruments.attempt(attemptToBe(held, context), (child) => {
            context.childHeaders = child;
            return handler(context.payload, context);
          })
        : handler(context.payload, context);
      if (isThenable(result)) {
        result.then(
          () => succeeded(held, context),
          (error: unknown) => failed(held, error),
        );
      } else succeeded(held, context);
    } catch (error) {
      failed(held, error);
    }
  };

  const succeeded = (held: Held, context: AttemptContext): void => {
    if (held.phase === 'over') cameBack(held);
    else settle(held, SUCCEEDED, context.children);
  };

  const failed = (held: Held, error: unknown): void => {
    if (held.phase === 'over') cameBack(held);
    else settleFailure(held, error);
  };

  const settleFailure = (held: Held, error: unknown): void => {
    const verdict = decideRetry(held.reactor.settings.retry, {
      attempt: held.attempt + 1,
      postponed: held.postponed,
      error,
      random: options.random(),
      now: clock.now(),
    });
    const failure = describeFailure(error);
    if (verdict.to === 'dead')
      settle(held, { to: 'dead', reason: verdict.reason, error: failure }, [], error);
    else
      settle(
        held,
        { to: 'pending', delayMs: verdict.delayMs, counted: verdict.counted, error: failure },
        [],
        error,
      );
  };

  /** Its outcome is decided: frees the slot and hands the outcome on. */
  const settle = (
    held: Held,
    outcome: Outcome,
    children: AttemptContext['children'],
    error?: unknown,
  ): void => {
    held.phase = 'over';
    const now = clock.now();
    settler.settle(held, { outcome, ms: Math.max(0, now - held.startedAt), children, error });
    if (!lingering.has(held)) leaveSlot(held, now);
  };

  /** Its handler was not called: nothing has happened. */
  const giveBack = (held: Held): void => {
    held.phase = 'over';
    settler.settle(held, {
      outcome: { to: 'pending', delayMs: 0, counted: false },
      ms: 0,
      children: [],
      error: undefined,
    });
  };

  const leaveSlot = (held: Held, now?: number): void => {
    if (!held.reactor.handling.leave(held)) return;
    if (isReplayed(held)) held.reactor.replays.handling -= 1;
    pump(held.reactor, now);
  };

  /** Its lease is lost: nothing to record. */
  const drop = (held: Held): void => {
    held.phase = 'over';
    settler.lost(held);
    leaveSlot(held);
  };

  const cameBack = (held: Held): void => {
    if (!lingering.delete(held)) return;
    leaveSlot(held);
    options.hungry(held.reactor);
    options.pulse();
  };

  const linger = (held: Held): void => {
    const stuckAt = clock.now() + STUCK_MS;
    lingering.set(held, stuckAt);
    alarm.noLaterThan('deadline', stuckAt);
  };

  alarm.when('deadline', () => {
    const now = clock.now();
    let next = Infinity;
    for (const reactor of roster.all()) {
      for (const held of reactor.handling) {
        if (held.phase === 'over') continue;
        const deadline = held.startedAt + reactor.settings.timeoutMs;
        if (deadline > now) next = Math.min(next, deadline);
        else timeOut(held);
      }
    }
    for (const [held, stuckAt] of lingering) {
      if (stuckAt > now) next = Math.min(next, stuckAt);
      else {
        lingering.delete(held);
        lifecycle.tell('reactor:stuck', () => moment(held));
        leaveSlot(held);
        options.hungry(held.reactor);
      }
    }
    if (next < Infinity) alarm.noLaterThan('deadline', next);
  });

  const timeOut = (held: Held): void => {
    const { settings } = held.reactor;
    const error = new NexusError(
      'NEXUS_TIMEOUT',
      `reactor "${settings.name}" did not finish within ${settings.timeoutMs} ms; raise timeoutMs or make the handler stop at ctx.signal`,
    );
    linger(held);
    settleFailure(held, error);
    held.abort?.(error);
  };

  const giveUp = (held: Held, reason: NexusError): void => {
    if (held.phase === 'over') return;
    if (held.phase === 'handling') linger(held);
    else {
      const queue = isReplayed(held) ? held.reactor.replays.waiting : held.reactor.waiting;
      const place = queue.indexOf(held);
      if (place >= 0) queue.splice(place, 1);
    }
    held.phase = 'over';
    settler.lost(held);
    held.abort?.(reason);
  };

  return {
    pump,
    feed: (fed) => {
      for (const { reactor, held } of fed) {
        for (const each of held) (isReplayed(each) ? reactor.replays.waiting : reactor.waiting).push(each);
        pump(reactor);
      }
    },
    giveUp,
    abandon: ({ handling }) => {
      for (const held of [...handling]) giveUp(held, leaseLost(deliveryId(held.lease)));
    },
    cancel: ({ reactor: key, run, seq }) => {
      for (const reactor of roster.all()) {
        if (reactor.row?.key !== key) continue;
        const held = everything(reactor).find(({ lease }) => lease.run === run && lease.seq === seq);
        if (held) giveUp(held, leaseLost(deliveryId(held.lease)));
      }
    },
    cancelRun: (run) => {
      for (const reactor of roster.all()) {
        for (const held of everything(reactor))
          if (held.lease.run === run) giveUp(held, leaseLost(deliveryId(held.lease)));
      }
    },
    interrupt: () => {
      let count = 0;
      for (const reactor of roster.all()) {
        for (const held of [...reactor.handling]) {
          if (held.phase !== 'handling') continue;
          count += 1;
          linger(held);
          settle(held, { to: 'pending', delayMs: 0, counted: false }, []);
          held.abort?.(leaseLost(deliveryId(held.lease)));
        }
      }
      return count;
    },
    release: (of) => {
      let count = 0;
      for (const reactor of of ? [of] : roster.all()) {
        for (const held of takeWaiting(reactor)) {
          count += 1;
          giveBack(held);
        }
      }
      return count;
    },
    handling: () => {
      let count = 0;
      for (const reactor of roster.all())
        for (const held of reactor.handling) if (held.phase === 'handling') count += 1;
      return count;
    },
    lingering: () => [...lingering.keys()].map((held) => held.lease),
  };
}

function everything(reactor: LocalReactor): Held[] {
  return [...reactor.waiting, ...reactor.replays.waiting, ...reactor.handling];
}

function isTooOld({ reactor, event, lease, startedAt }: Held): boolean {
  const { maxAgeMs } = reactor.settings;
  return lease.run === 0 && startedAt - Math.max(event.timestamp, event.notBefore ?? 0) > maxAgeMs;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
