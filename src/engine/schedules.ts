/**
 * Schedules: at each tick an event, appended together with the step of the schedule's row. Every process that keeps a
 * schedule tries; the first one's event stands, the others learn that it is there.
 */
import type { Clock } from '../core/clock.js';
import { describeFailure, NexusError } from '../core/errors.js';
import { isLegalName } from '../core/event.js';
import { dueTicks, everyTicks, LEAST_DISTANCE_MS, type Missed, type Ticks } from '../core/ticks.js';
import type { LoggerLike, Schedule, ScheduleOptions, SchedulePayload, ScheduleWhen } from '../nexus.js';
import type { Appended, Storage } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Committer } from './committer.js';
import { cronTicks } from './cron.js';
import type { Intake } from './intake.js';
import type { Lifecycle } from './lifecycle.js';
import { kindOfFailure } from './storage-failure.js';

export interface Schedules {
  /** @throws NexusError as documented at `Nexus.schedule` */
  add(when: ScheduleWhen, type: string, payload: SchedulePayload, options: ScheduleOptions): Schedule;
  /** What is wrong with them. */
  complaints(): string[];
}

type Kept = {
  readonly name: string;
  readonly type: string;
  readonly payload: SchedulePayload;
  readonly ticks: Ticks;
  readonly missed: Missed;
  /** The same text is the same schedule. */
  readonly definition: string;
  readonly since: number;
  state: 'running' | 'superseded' | 'stopped';
  /** 0 until its row is written or found. */
  generation: number;
  /** The last tick, as far as this process knows. */
  tickAt: number;
  /** Ticks to make now, oldest first. */
  due: number[];
  /** When there is something to do, unless an event is on its way. */
  wakeAt: number | undefined;
  saying: boolean;
  trouble: string | undefined;
};

const TRY_AGAIN_MS = 1_000;
/** For what will hardly go better soon: a payload that does not match its schema. */
const TRY_MUCH_LATER_MS = 60_000;

export function createSchedules(options: {
  storage: Storage;
  clock: Clock;
  logger: LoggerLike;
  alarm: Alarm;
  committer: Committer;
  intake: Intake;
  lifecycle: Lifecycle;
  storageFailed: (error: unknown, retrying: boolean) => void;
  closing: () => boolean;
}): Schedules {
  const { storage, clock, alarm, committer, intake, logger } = options;
  const all = new Map<string, Kept>();

  /** In call order with what was dispatched before. */
  const submit = (kept: Kept): void => committer.submit({ kind: 'task', run: () => register(kept) });

  const register = async (kept: Kept): Promise<void> => {
    const { name, definition, since } = kept;
    if (kept.state !== 'running') return;
    try {
      const { generation, tickAt } = await storage.schedule({ name, definition, since });
      kept.generation = generation;
      kept.tickAt = tickAt;
      goOn(kept);
    } catch (error) {
      const again = kindOfFailure(error) !== 'refused';
      options.storageFailed(error, again);
      kept.trouble = describeFailure(error).message;
      if (again) clock.setTimer(() => submit(kept), TRY_AGAIN_MS);
    }
  };

  /** Makes the next tick if one is due, and knows when to look again. */
  const goOn = (kept: Kept): void => {
    const { ticks, tickAt, since, missed } = kept;
    const now = clock.now();
    if (kept.due.length === 0) kept.due = dueTicks(ticks, { tickAt, now, since, missed });
    const [tick] = kept.due;
    kept.wakeAt = undefined;
    if (kept.state !== 'running' || options.closing()) kept.due = [];
    else if (tick === undefined) kept.wakeAt = ticks.next(Math.max(tickAt, now));
    else say(kept, tick);
    arm();
  };

  const say = (kept: Kept, tick: number): void => {
    const { name, type, payload, generation, tickAt } = kept;
    kept.saying = true;
    try {
      const draft = intake.draft({
        type,
        payload: typeof payload === 'function' ? payload(tick) : payload,
        options: { headers: { 'nexus-schedule': name, 'nexus-tick-at': String(tick) } },
      });
      committer.submit({
        kind: 'append',
        events: [{ ...draft, tick: { schedule: name, generation, from: tickAt, to: tick } }],
        done: (results, from) => said(kept, tick, results[from]),
        failed: (error) => troubled(kept, error),
      });
    } catch (error) {
      troubled(kept, error);
    }
  };

  const said = (kept: Kept, tick: number, result: Appended | undefined): void => {
    kept.saying = false;
    kept.trouble = undefined;
    if (result?.outcome === 'redefined') supersede(kept);
    else kept.tickAt = result?.outcome === 'ticked' ? result.tickAt : tick;
    kept.due = kept.due.filter((each) => each > kept.tickAt);
    goOn(kept);
  };

  const troubled = (kept: Kept, error: unknown): void => {
    const failure = describeFailure(error);
    const soon = NexusError.is(error, 'NEXUS_OVERLOADED') || kindOfFailure(error) !== 'refused';
    kept.saying = false;
    kept.wakeAt = undefined;
    if (kept.state === 'running' && !options.closing()) {
      logger.error({ schedule: kept.name, failure }, 'a tick could not be stored and will be tried again');
      kept.trouble = failure.message;
      kept.wakeAt = clock.now() + (soon ? TRY_AGAIN_MS : TRY_MUCH_LATER_MS);
      // What is due is found again then, as `missed` says.
      kept.due = [];
    }
    arm();
  };

  const supersede = (kept: Kept): void => {
    if (kept.state !== 'running') return;
    kept.state = 'superseded';
    options.lifecycle.tell('schedule:superseded', () => ({ schedule: kept.name }));
  };

  const arm = (): void => {
    let earliest: number | undefined;
    for (const { wakeAt } of all.values())
      if (wakeAt !== undefined && (earliest === undefined || wakeAt < earliest)) earliest = wakeAt;
    alarm.set('tick', earliest);
  };
  alarm.when('tick', () => {
    const now = clock.now();
    for (const kept of all.values())
      if (!kept.saying && kept.wakeAt !== undefined && kept.wakeAt <= now) goOn(kept);
    arm();
  });

  return {
    add: (when, type, payload, how) => {
      const kept = keep(when, type, payload, how, clock.now());
      if (all.has(kept.name)) throw nameTaken(kept.name);
      intake.checkType(type);
      // What will be said at every tick is checked now; what a function makes, when it makes it.
      if (typeof payload !== 'function') intake.draft({ type, payload, options: {} });
      all.set(kept.name, kept);
      submit(kept);
      return {
        name: kept.name,
        next: () =>
          kept.state === 'running' && !options.closing()
            ? (kept.due[0] ?? kept.ticks.next(Math.max(kept.tickAt, clock.now())))
            : undefined,
        stop: () => {
          if (kept.state === 'running') kept.state = 'stopped';
          if (all.get(kept.name) === kept) all.delete(kept.name);
          arm();
        },
      };
    },
    complaints: () =>
      [...all.values()].flatMap(({ name, state, trouble }) =>
        state === 'superseded'
          ? [`schedule ${name} is superseded`]
          : trouble === undefined
            ? []
            : [`schedule ${name} cannot say its tick: ${trouble}`],
      ),
  };
}

function keep(
  when: ScheduleWhen,
  type: string,
  payload: SchedulePayload,
  options: ScheduleOptions,
  now: number,
): Kept {
  const { name, timezone, missed = 'skip' } = (options as Partial<ScheduleOptions> | undefined) ?? {};
  must(
    typeof name === 'string' && isLegalName(name),
    'name',
    'a name of 1 to 200 characters without white space or *',
    name,
  );
  must(timezone === undefined || typeof timezone === 'string', 'timezone', 'an IANA time zone', timezone);
  must(['skip', 'catchUp'].includes(missed), 'missed', `'skip' or 'catchUp'`, missed);
  const isCron = typeof when === 'string';
  must(
    isCron || timezone === undefined,
    'timezone',
    'left out with everyMs, which counts from the epoch',
    timezone,
  );
  return {
    name: name ?? '',
    type,
    payload,
    ticks: isCron ? cronTicks(when, { timezone: timezone ?? 'UTC', now }) : everyTicks(distance(when)),
    missed,
    definition: JSON.stringify([isCron ? [when, timezone ?? 'UTC'] : when.everyMs, type]),
    since: now,
    state: 'running',
    generation: 0,
    tickAt: now,
    due: [],
    wakeAt: undefined,
    saying: false,
    trouble: undefined,
  };
}

function distance(when: { readonly everyMs: number }): number {
  const everyMs: unknown = (when as { everyMs?: unknown } | null | undefined)?.everyMs;
  must(
    Number.isInteger(everyMs) &&
      Number(everyMs) >= LEAST_DISTANCE_MS &&
      Number(everyMs) <= LONGEST_DISTANCE_MS,
    'when',
    `a cron expression, or { everyMs } with a whole number from ${LEAST_DISTANCE_MS} to ${LONGEST_DISTANCE_MS}`,
    everyMs,
  );
  return Number(everyMs);
}

/** A hundred years. */
const LONGEST_DISTANCE_MS = 3_155_760_000_000;

function must(holds: boolean, option: string, expected: string, got: unknown): void {
  if (holds) return;
  const came = typeof got === 'string' ? JSON.stringify(got.slice(0, 80).toWellFormed()) : String(got);
  throw new NexusError('NEXUS_INVALID_OPTION', `a schedule's ${option} must be ${expected}; got ${came}`, {
    details: { option, expected },
  });
}

function nameTaken(name: string): NexusError {
  return new NexusError(
    'NEXUS_SCHEDULE_NAME_TAKEN',
    `a schedule named "${name}" is already kept in this process; give one of them another name, or stop the first`,
    { details: { name } },
  );
}
