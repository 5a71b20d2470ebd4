/** Takes checkpoints by itself, and hands them to where they are kept. */
import { appendFile } from 'node:fs/promises';
import { functionArgument, invalidArgument, optionsArgument } from './core/arguments.js';
import type { Checkpoint, Nexus } from './nexus.js';

/** For `keepCheckpoints`. */
export interface KeepCheckpointsOptions {
  /** Keeps one where the host cannot change it; when it fails, the next is tried at its time. @default nothing */
  keep?: (checkpoint: Checkpoint) => unknown;
  /** A file elsewhere, such as on a share that can only be appended to: a line of JSON each. @default none */
  file?: string;
  /** At least so often, if there was an event, milliseconds from 1_000 on. @default 3_600_000 */
  everyMs?: number;
  /** And after so many events of this process. @default only by time */
  everyEvents?: number;
  /** One could not be taken or kept: somebody should know. */
  onError: (error: unknown) => void;
}

const LONGEST_MS = 2 ** 31 - 1;

/**
 * Takes a checkpoint now and then, and keeps it. Returns its end.
 *
 * @example
 * const stop = keepCheckpoints(nexus, { file: '/mnt/worm/nexus.jsonl', everyMs: 60_000, onError: (error) => logger.error(error) });
 *
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function keepCheckpoints(
  nexus: Pick<Nexus, 'audit' | 'on'>,
  options: KeepCheckpointsOptions,
): () => void {
  const { keep, file, everyMs = 3_600_000, everyEvents, onError } = optionsArgument(options);
  functionArgument(onError, 'onError');
  if (keep !== undefined) functionArgument(keep, 'keep');
  if (file !== undefined && (typeof file !== 'string' || file === ''))
    throw invalidArgument('file', 'a path', file);
  if (keep === undefined && file === undefined) throw invalidArgument('keep', 'there, or file', keep);
  whole('everyMs', everyMs, 1_000);
  if (everyEvents !== undefined) whole('everyEvents', everyEvents, 1);
  let kept = 0;
  let events = 0;
  let running: Promise<void> | undefined;

  const take = async (): Promise<void> => {
    events = 0;
    try {
      const checkpoint = await nexus.audit.checkpoint();
      if (checkpoint.seq === kept) return;
      await keep?.(checkpoint);
      if (file !== undefined) await appendFile(file, `${JSON.stringify(checkpoint)}\n`);
      kept = checkpoint.seq;
    } catch (error) {
      tell(error);
    }
  };
  const tell = (error: unknown): void => {
    try {
      options.onError(error);
    } catch {
      // Nobody is left to be told.
    }
  };
  /** One at a time: they are kept in order. */
  const takeOne = (): void => {
    running ??= take().finally(() => {
      running = undefined;
    });
  };

  const timer = setInterval(takeOne, Math.min(everyMs, LONGEST_MS)).unref();
  const stopCounting =
    everyEvents === undefined
      ? undefined
      : nexus.on('event', () => {
          events += 1;
          if (events >= everyEvents) takeOne();
        });
  const stopAtEnd = nexus.on('closed', () => clearInterval(timer));
  return () => {
    clearInterval(timer);
    stopCounting?.();
    stopAtEnd();
  };
}

function whole(option: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw invalidArgument(option, `a whole number from ${least} on`, value);
}
