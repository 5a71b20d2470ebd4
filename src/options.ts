/** The options of `createNexus`: checked, and with their defaults. */
import { hash, randomFillSync } from 'node:crypto';
import { invalidArgument, optionsArgument } from './core/arguments.js';
import { defineEvents, type Catalogue } from './core/catalogue.js';
import type { Sha256 } from './core/chain.js';
import type { Clock } from './core/clock.js';
import { NexusError } from './core/errors.js';
import { isLegalName } from './core/event.js';
import type { KeepFor } from './core/retention.js';
import { retryPolicy } from './core/retry.js';
import { defaultLogger } from './default-logger.js';
import type { EngineParts } from './engine/parts.js';
import type { LoggerLike, NexusOptions, RetentionOptions } from './nexus.js';

/** What follows from the options alone. */
export function engineOptions<E extends Catalogue>(
  options: NexusOptions<E>,
): Omit<EngineParts, 'storage' | 'mayDispatch' | 'nodes' | 'outboxOf'> {
  const given = optionsArgument(options);
  const { logger, clock } = given;
  if (
    logger !== undefined &&
    logger !== false &&
    typeof (logger as { info?: unknown } | null)?.info !== 'function'
  )
    throw invalidArgument('logger', 'a pino-like logger, or false', logger);
  if (clock !== undefined && typeof (clock as Partial<Clock> | null)?.setTimer !== 'function')
    throw invalidArgument('clock', 'a clock with now and setTimer', clock);
  const {
    node = 'nexus',
    concurrency = 16,
    maxInFlight = 1_000,
    leaseMs = 30_000,
    maxPayloadBytes = 262_144,
  } = given;
  if (typeof node !== 'string' || !isLegalName(node))
    throw invalid('node', 'a name of 1 to 200 characters without white space or *', node);
  whole('concurrency', concurrency, 1, 10_000);
  whole('maxInFlight', maxInFlight, 1, 100_000);
  whole('leaseMs', leaseMs, 100, 3_600_000);
  whole('maxPayloadBytes', maxPayloadBytes, 1_024, 4 * 1024 * 1024);
  return {
    clock: clock ?? systemClock,
    logger: logger === false ? silent : (logger ?? defaultLogger()),
    sha256,
    randomHex: createRandomHex(),
    random: Math.random,
    catalogue: given.events === undefined ? undefined : defineEvents<Catalogue>(given.events),
    node,
    retry: retryPolicy(given.retry),
    concurrency,
    maxInFlight,
    leaseMs,
    maxPayloadBytes,
    retention: keepFor(given.retention),
    autoStart: given.autoStart ?? true,
    // Time of one's own is moved from outside: a wait that nobody ends must not keep that process.
    stayAwake: clock === undefined ? keepProcess : () => nothing,
  };
}

/** The system's time; its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer: (fn, ms) => {
    const timer = setTimeout(fn, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** One call for a whole hash costs a third of a hash object. */
export const sha256: Sha256 = (text) => hash('sha256', text, 'hex');

function keepProcess(): () => void {
  const timer = setInterval(nothing, 60_000);
  return () => clearInterval(timer);
}

const silent: LoggerLike = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isLevelEnabled: () => false,
};

function nothing(): void {
  return undefined;
}

/** Random hex digits out of a pool: asking the system for each id costs more than the rest of it. */
function createRandomHex(): (digits: number) => string {
  const bytes = Buffer.alloc(8_192);
  let pool = '';
  let used = 0;
  return (digits) => {
    if (used + digits > pool.length) {
      pool = randomFillSync(bytes).toString('hex');
      used = 0;
    }
    used += digits;
    return pool.slice(used - digits, used);
  };
}

/** A minute at the least: whoever has just asked for an outcome must find it. */
function keepFor(retention: RetentionOptions = {}): KeepFor {
  const { succeededMs = 7 * 24 * 3_600_000, deadMs = Infinity } = retention;
  for (const [name, value] of Object.entries({ succeededMs, deadMs }))
    if (typeof value !== 'number' || !(value >= 60_000))
      throw invalid(`retention.${name}`, 'milliseconds from 60000 on, or Infinity', value);
  return { succeededMs, deadMs };
}

function whole(option: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw invalid(option, `an integer from ${least} to ${most}`, value);
}

function invalid(option: string, expected: string, got: unknown): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${option} must be ${expected}; got ${String(got)}`, {
    details: { option, expected },
  });
}
