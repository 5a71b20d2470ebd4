/** Alerts: somebody is told of what should not be, once, and when it is over. Nothing of it goes through the bus. */
import type { Occurrence } from './alert.js';
import { createIncidents } from './incidents.js';
import { createMessenger } from './messenger.js';
import { alertsSettings, type AlertsOptions } from './options.js';
import { watchMoments, type Watched } from './watch-moments.js';

/** Alerts of a Nexus. */
export interface Alerts {
  /** Tells what has not been told yet, within `flushTimeoutMs`, and ends. The close of the Nexus does it too. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Watches a Nexus and tells a sink. Await `stop()` before `process.exit`, or the last message may not leave.
 *
 * @example
 * const alerts = createAlerts(nexus, { sink: async ({ notices }) => { await page(notices.map(({ title }) => title)); } });
 *
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function createAlerts(nexus: Watched, options: AlertsOptions): Alerts {
  const settings = alertsSettings(options);
  const { clock, rules, checkMs, windowMs, gatherMs } = settings;
  const incidents = createIncidents({ windowMs, gatherMs });
  const messenger = createMessenger({
    incidents,
    sink: settings.sink,
    clock,
    gapMs: gatherMs,
    failed: (error) => {
      try {
        settings.onError(error);
      } catch {
        // There is nobody else to tell.
      }
    },
  });

  const occurred = (what: Occurrence): void => {
    incidents.occurred(what, clock.now());
    messenger.look();
  };
  const recovered = (fingerprint: string): void => {
    incidents.recovered(fingerprint, clock.now());
    messenger.look();
  };

  const lookAtQueue = async (overMs: number): Promise<void> => {
    const { oldestDueAgeMs, deliveries } = await nexus.stats();
    if (oldestDueAgeMs <= overMs) recovered('queue');
    else {
      occurred({
        rule: 'queue_age',
        severity: 'warning',
        fingerprint: 'queue',
        title: `the oldest due delivery has waited for more than ${Math.round(overMs / 1_000)} s`,
        details: {
          waited: `${Math.round(oldestDueAgeMs / 1_000)} s`,
          pending: String(deliveries.pending),
          retrying: String(deliveries.retrying),
        },
      });
    }
  };

  /** What cannot be found out now is found out next time; that the storage fails, it says itself. */
  const check = async (): Promise<void> => {
    if (rules.queueAge) await lookAtQueue(rules.queueAge.overMs).catch(() => undefined);
    for (const { fingerprint, isOver } of incidents.open(clock.now())) {
      const since = clock.now();
      const over = await Promise.resolve(since)
        .then(isOver)
        .catch(() => false);
      if (over && !stopped) recovered(fingerprint);
    }
  };
  let cancel: (() => void) | undefined;
  const checkLater = (): void => {
    cancel = clock.setTimer(() => {
      void check().finally(() => {
        if (!stopped) checkLater();
      });
    }, checkMs);
  };

  let stopped: Promise<void> | undefined;
  const unwatch = watchMoments(nexus, settings, { occurred, recovered });
  const stop = (): Promise<void> => {
    if (!stopped) {
      unwatch();
      unfollow();
      cancel?.();
      stopped = messenger.flush(settings.flushTimeoutMs);
    }
    return stopped;
  };
  const unfollow = nexus.on('closed', () => void stop());
  checkLater();
  return { stop };
}
