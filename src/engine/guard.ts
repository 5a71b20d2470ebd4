/** Keeps this instance's lease, takes back what dead instances held, and takes a new identity when its own is lost. */
import type { Clock } from '../core/clock.js';
import { NexusError } from '../core/errors.js';
import type { LoggerLike } from '../nexus.js';
import type { Opened, Storage } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Lifecycle } from './lifecycle.js';
import { deliveryId, takeWaiting } from './local-reactor.js';
import type { Loss } from './loss.js';
import type { Roster } from './roster.js';
import type { Runner } from './runner.js';

export interface Guard {
  /** Opens the storage for a fresh instance, and keeps its lease from then on. */
  enter(): Promise<Opened>;
  /** Takes back everything that dead instances hold. */
  recover(): Promise<void>;
  /** Leaves everything held to be recovered, and goes on as a new instance. */
  newIdentity(): Promise<void>;
  stop(): Promise<void>;
}

const RECOVER_AT_ONCE = 500;

export function createGuard(options: {
  storage: Storage;
  clock: Clock;
  logger: LoggerLike;
  alarm: Alarm;
  lifecycle: Lifecycle;
  loss: Loss;
  roster: Roster;
  leaseMs: number;
  newInstance: () => string;
  runner: () => Runner;
  recovered: () => void;
  failed: (error: unknown) => void;
}): Guard {
  const { storage, alarm, clock, lifecycle, logger } = options;
  let stopped = false;
  let changing = false;
  let running: Promise<void> = Promise.resolve();

  const enter = async (): Promise<Opened> => {
    const opened = await storage.open({
      instance: options.newInstance(),
      leaseMs: options.leaseMs,
      mode: 'run',
      gap: (lost) => options.loss.gap(lost),
    });
    if (opened.lost) options.loss.found(opened.lost);
    alarm.set('renew', clock.now() + options.leaseMs / 3);
    return opened;
  };

  const recover = async (): Promise<void> => {
    for (let more = true; more && !stopped;) {
      const taken = await storage.recover({ limit: RECOVER_AT_ONCE });
      more = taken.more;
      if (taken.recovered.length === 0) continue;
      logger.warn({ deliveries: taken.recovered.length }, 'took back deliveries of an instance that died');
      for (const { delivery, state } of taken.recovered) {
        lifecycle.tell('delivery:recovered', () => ({
          deliveryId: deliveryId(delivery),
          state,
          reactor: [...options.roster.all()].find(({ row }) => row?.key === delivery.reactor)?.settings.name,
        }));
      }
      options.recovered();
    }
  };

  const newIdentity = async (): Promise<void> => {
    const reason = new NexusError(
      'NEXUS_LEASE_LOST',
      'this instance lost its lease: another one has taken over what it held',
    );
    for (const reactor of options.roster.all()) {
      for (const held of takeWaiting(reactor)) options.runner().giveUp(held, reason);
      for (const held of [...reactor.handling]) options.runner().giveUp(held, reason);
    }
    await enter();
    await recover();
    options.recovered();
  };

  const renew = async (): Promise<void> => {
    try {
      if ((await storage.renew()) === 'lost') {
        logger.warn({}, 'the lease of this instance was lost, it goes on under a new one');
        await newIdentity();
      } else await recover();
    } catch (error) {
      options.failed(error);
    }
    if (!stopped) alarm.set('renew', clock.now() + options.leaseMs / 3);
  };

  alarm.when('renew', () => {
    if (!stopped) running = renew();
  });

  return {
    enter,
    recover,
    newIdentity: async () => {
      // Several commits may notice it before the first has done something about it.
      if (stopped || changing) return;
      changing = true;
      await running;
      running = newIdentity()
        .catch((error: unknown) => options.failed(error))
        .finally(() => {
          changing = false;
        });
      await running;
    },
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}
