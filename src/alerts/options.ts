/** The options of `createAlerts`: checked, and with their defaults. */
import { functionArgument, invalidArgument, optionsArgument } from '../core/arguments.js';
import type { Clock } from '../core/clock.js';
import type { AlertSink } from './alert.js';

/** What to alert of. Each is on unless it is switched off. */
export interface AlertRules {
  /** Deliveries that are dead: one kind of trouble per reactor and code of the error, over when none of them is dead any more. @default true */
  deadLetters?: boolean;
  /** Handlers that did not return after their timeout; over after 10 minutes without. @default true */
  stuckReactors?: boolean;
  /** The storage fails; over after a minute without, when events are taken. @default true */
  storageErrors?: boolean;
  /** A webhook endpoint was disabled; over when it is enabled. @default true */
  disabledEndpoints?: boolean;
  /** A verification found the log changed. @default true */
  auditBreaks?: boolean;
  /** Acknowledged events are missing from the log. @default true */
  lostEvents?: boolean;
  /** The oldest due delivery has waited for longer, milliseconds. @default { overMs: 300_000 } */
  queueAge?:
    | false
    | {
        /** How long it may have waited, milliseconds. @default 300_000 */
        overMs?: number;
      };
  /** So many requests of one address, or of one node that may not, were turned away in so much time. @default { count: 20, withinMs: 60_000 } */
  authFailures?:
    | false
    | {
        /** So many requests. @default 20 */
        count?: number;
        /** In so much time, milliseconds. @default 60_000 */
        withinMs?: number;
      };
}

/** For `createAlerts`. */
export interface AlertsOptions {
  /** Tells somebody. */
  sink: AlertSink;
  /** @default all of them */
  rules?: AlertRules;
  /** What has been told is told again, if it goes on, no sooner, milliseconds. @default 300_000 */
  windowMs?: number;
  /** What happens within this time is one message, milliseconds. @default 1_000 */
  gatherMs?: number;
  /** How often queue age and what may be over are looked at, milliseconds. @default 30_000 */
  checkMs?: number;
  /** How long the last message may take when the Nexus closes, milliseconds. @default 5_000 */
  flushTimeoutMs?: number;
  /** Tell the messages of errors too, up to 200 characters. They are whatever handlers throw, and go to a third party. @default false */
  includeMessages?: boolean;
  /** Called when the sink failed. It must not dispatch: an alert must not make alerts. @default nothing */
  onError?: (error: unknown) => void;
  /** Where time comes from. @default the system's */
  clock?: Clock;
}

export type AlertsSettings = Required<Omit<AlertsOptions, 'rules'>> & {
  readonly rules: Required<Omit<AlertRules, 'queueAge' | 'authFailures'>> & {
    readonly queueAge: { readonly overMs: number } | undefined;
    readonly authFailures: { readonly count: number; readonly withinMs: number } | undefined;
  };
};

/** @throws NexusError NEXUS_INVALID_OPTION */
export function alertsSettings(options: AlertsOptions): AlertsSettings {
  const given = optionsArgument(options);
  const { sink, clock, onError = nothing } = given;
  if (typeof sink !== 'function') throw invalidArgument('sink', 'a function', sink);
  functionArgument(onError, 'onError');
  const rules = optionsArgument(given.rules, 'rules') as AlertRules;
  const { queueAge = {}, authFailures = {} } = rules;
  return {
    sink,
    onError,
    clock: clock ?? systemClock,
    includeMessages: given.includeMessages ?? false,
    windowMs: wait('windowMs', given.windowMs ?? 300_000, 1_000),
    gatherMs: wait('gatherMs', given.gatherMs ?? 1_000, 0),
    checkMs: wait('checkMs', given.checkMs ?? 30_000, 100),
    flushTimeoutMs: wait('flushTimeoutMs', given.flushTimeoutMs ?? 5_000, 0),
    rules: {
      deadLetters: rules.deadLetters ?? true,
      stuckReactors: rules.stuckReactors ?? true,
      storageErrors: rules.storageErrors ?? true,
      disabledEndpoints: rules.disabledEndpoints ?? true,
      auditBreaks: rules.auditBreaks ?? true,
      lostEvents: rules.lostEvents ?? true,
      queueAge:
        queueAge === false
          ? undefined
          : { overMs: wait('rules.queueAge.overMs', queueAge.overMs ?? 300_000, 1) },
      authFailures:
        authFailures === false
          ? undefined
          : {
              count: wait('rules.authFailures.count', authFailures.count ?? 20, 1),
              withinMs: wait('rules.authFailures.withinMs', authFailures.withinMs ?? 60_000, 1),
            },
    },
  };
}

/** Its timers do not keep the process alive. */
const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (fn, ms) => {
    const timer = setTimeout(fn, Math.min(ms, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

function wait(option: string, value: unknown, least: number): number {
  if (typeof value === 'number' && value >= least && value <= 2 ** 31 - 1) return value;
  throw invalidArgument(option, `a number from ${least} to ${2 ** 31 - 1}`, value);
}

function nothing(): void {
  return undefined;
}
