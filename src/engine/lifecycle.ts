/** The library's own moments, told to whoever listens. */
import { EventEmitter } from 'eventemitter3';
import { functionArgument } from '../core/arguments.js';
import { describeFailure } from '../core/errors.js';
import type { LoggerLike, NexusLifecycle } from '../nexus.js';

export interface Lifecycle {
  on<K extends keyof NexusLifecycle>(name: K, listener: (moment: NexusLifecycle[K]) => unknown): () => void;
  /** The moment is made only when someone listens. */
  tell<K extends keyof NexusLifecycle>(name: K, moment: () => NexusLifecycle[K]): void;
  clear(): void;
}

export function createLifecycle(logger: LoggerLike): Lifecycle {
  const emitter = new EventEmitter();
  const failed = (name: string, error: unknown): void => {
    logger.error({ lifecycle: name, failure: describeFailure(error) }, 'a lifecycle listener failed');
  };
  return {
    on: (name, listener) => {
      functionArgument(listener, 'listener');
      // Wrapped, so that a throwing or rejecting listener reaches neither the engine nor the other listeners.
      const guarded = (moment: NexusLifecycle[typeof name]): void => {
        try {
          const result: unknown = listener(moment);
          if (result instanceof Promise) result.catch((error: unknown) => failed(name, error));
        } catch (error) {
          failed(name, error);
        }
      };
      emitter.on(name, guarded);
      return () => void emitter.off(name, guarded);
    },
    tell: (name, moment) => {
      if (emitter.listenerCount(name) > 0) emitter.emit(name, moment());
    },
    clear: () => void emitter.removeAllListeners(),
  };
}
