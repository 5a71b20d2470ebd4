/** From a closed storage to a running engine: what is done, and in which order. */
import type { LoggerLike } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import type { Committer } from './committer.js';
import type { FanOuts } from './fan-out.js';
import type { Forwarder } from './forwarder.js';
import type { Guard } from './guard.js';
import type { Lifecycle } from './lifecycle.js';
import type { LiveEnd } from './live.js';
import type { Registrar } from './registrar.js';
import type { Retention } from './retention.js';

export interface Entering {
  /** Opens the storage, takes back what the dead held, and lets everything begin. */
  enter(): Promise<{ readonly logId: string }>;
  /** What others write is not listened to any more. */
  leave(): void;
}

export function createEntering(options: {
  storage: Storage;
  logger: LoggerLike;
  lifecycle: Lifecycle;
  guard: Guard;
  fanOuts: FanOuts;
  registrar: Registrar;
  committer: Committer;
  retention: Retention;
  live: () => LiveEnd;
  forwarder: () => Forwarder;
  /** Something of every reactor may be due. */
  lookAgain: () => void;
  failed: (error: unknown) => void;
}): Entering {
  const { storage, guard, registrar } = options;
  let unsubscribe: (() => void) | undefined;
  return {
    enter: async () => {
      const { logId, head, copyOf } = await guard.enter();
      if (copyOf)
        options.logger.warn(
          copyOf,
          'this is a backup run for the first time: what its original logged later is not in it',
        );
      options.fanOuts.sawHead(head);
      await guard.recover();
      unsubscribe = storage.onChange(() => {
        options.live().look();
        registrar.refresh().catch(options.failed);
      });
      options.committer.open();
      options.retention.start();
      options.lookAgain();
      options.forwarder().look();
      options.lifecycle.tell('started', () => ({ head }));
      return { logId };
    },
    leave: () => unsubscribe?.(),
  };
}
