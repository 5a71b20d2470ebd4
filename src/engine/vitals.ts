/** How it is: the numbers of the moment, and whether it works. */
import type { Clock } from '../core/clock.js';
import { describeFailure } from '../core/errors.js';
import type { Health, NexusStats } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import type { AuditDesk } from './audit.js';
import type { Budget } from './budget.js';
import type { Committer } from './committer.js';
import { isHeldUp, type LocalReactor } from './local-reactor.js';
import type { Loss } from './loss.js';
import type { RateMeter } from './rate.js';
import type { Roster } from './roster.js';
import type { Runner } from './runner.js';
import type { Troubles } from './troubles.js';

export interface Vitals {
  stats(): Promise<NexusStats>;
  health(): Promise<Health>;
}

export function createVitals(options: {
  storage: Storage;
  clock: Clock;
  rate: RateMeter;
  budget: Budget;
  runner: Runner;
  committer: Committer;
  roster: Roster;
  loss: Loss;
  audit: Pick<AuditDesk, 'complaints'>;
  troubles: Troubles;
  opened: () => Promise<unknown>;
  closing: () => boolean;
  /** What else needs attention. */
  complaints: () => Promise<readonly string[]>;
  connections: NexusStats['connections'];
}): Vitals {
  const { storage, clock, rate, budget, runner, committer, roster, opened } = options;
  return {
    stats: async () => {
      await opened();
      const { pending, retrying, running, dead, oldestDueAt } = await storage.read.backlog();
      const sizes = await storage.read.sizes();
      const { seq: head } = await storage.read.head();
      const reactors = await storage.read.reactors();
      const now = clock.now();
      return {
        head,
        eventsPerMinute: rate.perMinute(now),
        deliveries: { pending, retrying, running, dead },
        oldestDueAgeMs: oldestDueAt === undefined ? 0 : Math.max(0, now - oldestDueAt),
        inFlight: budget.held(),
        handling: runner.handling(),
        queued: committer.pending(),
        reactors: reactors.map(({ name, position, paused }) => ({
          name,
          lag: Math.max(0, head - position),
          paused,
        })),
        databaseBytes: sizes?.databaseBytes,
        walBytes: sizes?.walBytes,
        connections: { ...options.connections },
      };
    },
    health: async () => {
      if (options.closing()) return { status: 'down', reasons: ['closed'], head: undefined };
      try {
        await opened();
        const { seq: head } = await storage.read.head();
        const trouble = committer.trouble() ?? options.troubles.refusal();
        if (trouble !== undefined) {
          const reasons = [`the storage takes no events: ${describeFailure(trouble).message}`];
          return { status: 'down', reasons, head };
        }
        const reasons = [
          ...options.loss.reasons(),
          ...options.audit.complaints(),
          ...options.troubles.reasons(),
          ...[...roster.all()].flatMap((reactor) => complaint(reactor) ?? []),
          ...(await options.complaints()),
        ];
        return { status: reasons.length > 0 ? 'degraded' : 'ok', reasons, head };
      } catch (error) {
        return { status: 'down', reasons: [describeFailure(error).message], head: undefined };
      }
    },
  };
}

function complaint(reactor: LocalReactor): string | undefined {
  const { name } = reactor.settings;
  if (reactor.state === 'superseded') return `reactor ${name} is superseded`;
  return isHeldUp(reactor)
    ? `reactor ${name} waits after seq ${reactor.position} for a process that knows the version of the next event`
    : undefined;
}
