/** Ticks of cron expressions. The package croner reads them; it is for the host to install, and loaded when first needed. */
import { createRequire } from 'node:module';
import { NexusError } from '../core/errors.js';
import type { Ticks } from '../core/ticks.js';

/** What is used of croner. */
interface CronLike {
  nextRun(after: Date): Date | null;
  previousRuns(count: number, before: Date): Date[];
}
type Croner = {
  readonly Cron: new (pattern: string, options: { paused: boolean; timezone: string }) => CronLike;
};

/** @throws NexusError NEXUS_CRON_MISSING, NEXUS_INVALID_OPTION */
export function cronTicks(
  pattern: string,
  { timezone, now, load = loadCroner }: { timezone: string; now: number; load?: () => unknown },
): Ticks {
  const cron = parse(croner(load), pattern, timezone, now);
  return {
    next: (after) => cron.nextRun(new Date(after))?.getTime(),
    // Ticks are at whole seconds: what is before the next one is up to and with this one.
    last: (count, upTo) =>
      cron
        .previousRuns(count, new Date((Math.floor(upTo / 1_000) + 1) * 1_000))
        .at(-1)
        ?.getTime(),
  };
}

function loadCroner(): unknown {
  return createRequire(import.meta.url)('croner');
}

function croner(load: () => unknown): Croner {
  try {
    return load() as Croner;
  } catch (cause) {
    throw new NexusError(
      'NEXUS_CRON_MISSING',
      'a cron expression needs the package croner, which cannot be loaded here: npm install croner@11, or use { everyMs }',
      { cause },
    );
  }
}

function parse({ Cron }: Croner, pattern: string, timezone: string, now: number): CronLike {
  if (/^\s*\d{4}-/.test(pattern))
    throw refused(
      pattern,
      timezone,
      'it is an instant; dispatch with notBefore for something that happens once',
    );
  let cron: CronLike;
  let first: Date | null;
  try {
    cron = new Cron(pattern, { paused: true, timezone });
    // The time zone is looked at no earlier.
    first = cron.nextRun(new Date(now));
  } catch (cause) {
    throw refused(pattern, timezone, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (!first) throw refused(pattern, timezone, 'it never comes');
  return cron;
}

function refused(pattern: string, timezone: string, why: string, cause?: unknown): NexusError {
  const shown = JSON.stringify(pattern.slice(0, 80).toWellFormed());
  return new NexusError(
    'NEXUS_INVALID_OPTION',
    `when must be a cron expression such as '0 9 * * 1-5', and timezone an IANA name such as 'America/Sao_Paulo'; got ${shown} in ${JSON.stringify(timezone.slice(0, 80).toWellFormed())}: ${why}`,
    { details: { option: 'when', when: pattern, timezone }, cause },
  );
}
