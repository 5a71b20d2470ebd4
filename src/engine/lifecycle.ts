/** The library's own moments, written to the log and told to whoever listens. */
import { EventEmitter } from 'eventemitter3';
import { functionArgument } from '../core/arguments.js';
import { describeFailure } from '../core/errors.js';
import type { LoggerLike, NexusLifecycle } from '../nexus.js';
import { FREQUENT, lines, type Level, type Line } from './log-lines.js';

export interface Lifecycle {
  on<K extends keyof NexusLifecycle>(name: K, listener: (moment: NexusLifecycle[K]) => unknown): () => void;
  /** The moment is made only when someone listens, or it is logged. */
  tell<K extends keyof NexusLifecycle>(name: K, moment: () => NexusLifecycle[K]): void;
  /** Asks the log whether it takes the moments that come with every event: once before a commit, and not for each of them. */
  lookAtLevel(): void;
  clear(): void;
}

export function createLifecycle(logger: LoggerLike): Lifecycle {
  const emitter = new EventEmitter();
  const failed = (name: string, error: unknown): void => {
    logger.error({ lifecycle: name, failure: describeFailure(error) }, 'a lifecycle listener failed');
  };
  const isEnabled = (level: Level): boolean => logger.isLevelEnabled?.(level) ?? true;
  const mayBeEnabled = (level: Line<never>['level']): boolean =>
    typeof level === 'function' || isEnabled(level);
  let takesFrequent = isEnabled(FREQUENT);
  const write = <M>({ level, message, fields }: Line<M>, moment: M): void => {
    const severity = typeof level === 'function' ? level(moment) : level;
    if (!isEnabled(severity)) return;
    try {
      logger[severity](fields(moment), message);
    } catch {
      // There is no other place to say so.
    }
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
    tell: <K extends keyof NexusLifecycle>(name: K, moment: () => NexusLifecycle[K]) => {
      const line: Line<NexusLifecycle[K]> | undefined = lines[name];
      const logged = line !== undefined && (line.frequent ? takesFrequent : mayBeEnabled(line.level));
      const heard = emitter.listenerCount(name) > 0;
      if (!logged && !heard) return;
      const made = moment();
      if (logged) write(line, made);
      if (heard) emitter.emit(name, made);
    },
    lookAtLevel: () => {
      takesFrequent = isEnabled(FREQUENT);
    },
    clear: () => void emitter.removeAllListeners(),
  };
}
