/**
 * Closing: no new leases → handlers drain, what they dispatch is still taken → at the deadline their signals abort → last
 * commit → the storage closes. It always settles.
 */
import { describeFailure } from '../core/errors.js';
import type { CloseOptions, CloseReport, LoggerLike } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import type { Alarm } from './alarm.js';
import type { Budget } from './budget.js';
import type { Committer } from './committer.js';
import type { Feeder } from './feeder.js';
import type { Forwarder } from './forwarder.js';
import type { Guard } from './guard.js';
import type { Lifecycle } from './lifecycle.js';
import type { LiveEnd } from './live.js';
import type { Retention } from './retention.js';
import type { Replayer } from './replayer.js';
import type { Runner } from './runner.js';
import type { Settler } from './settler.js';
import type { Watch } from './watch.js';

export interface Shutdown {
  closing(): boolean;
  close(options?: CloseOptions): Promise<CloseReport>;
}

/** For the last commit, beyond the handlers' time. */
const LAST_COMMIT_MS = 5_000;

export function createShutdown(options: {
  storage: Storage;
  alarm: Alarm;
  budget: Budget;
  committer: Committer;
  feeder: Feeder;
  forwarder: Forwarder;
  replayer: Replayer;
  guard: Guard;
  retention: Retention;
  runner: Runner;
  settler: Settler;
  lifecycle: Lifecycle;
  live: LiveEnd;
  logger: LoggerLike;
  watch: Watch;
  opening: () => Promise<unknown> | undefined;
  closedError: () => Error;
  unsubscribe: () => void;
}): Shutdown {
  const { committer, forwarder, runner, settler, watch } = options;
  let closing: Promise<CloseReport> | undefined;

  const close = async (timeoutMs: number): Promise<CloseReport> => {
    options.budget.shut();
    options.live.end();
    const opened = await options.opening()?.then(
      () => true,
      () => false,
    );
    const settledBefore = settler.tally.settled;
    if (opened) forwarder.look();
    const replaysStopped = options.replayer.stop();
    await options.feeder.stop();
    let released = runner.release();
    await replaysStopped;
    released += runner.release();
    // What waits for a storage that is not open will not happen any more.
    if (opened) {
      const rest = (): boolean => forwarder.quiet() && runner.handling() === 0 && committer.pending() === 0;
      await by(timeoutMs, rest);
    }
    const forwarded = forwarder.stop();
    const interrupted = runner.interrupt();
    if (opened) await by(LAST_COMMIT_MS, () => committer.pending() === 0 && !committer.busy());
    const left = await committer.stop();
    let unrecorded = settler.tally.unrecorded;
    for (const work of left) {
      if (work.kind === 'append' || work.kind === 'once') work.failed(options.closedError());
      else if (work.kind === 'settle') unrecorded += 1;
    }
    // What it had said may just have been refused.
    await forwarded;
    options.unsubscribe();
    await options.retention.stop();
    await options.guard.stop();
    options.alarm.stop();
    await options.storage.close().catch((error: unknown) => {
      options.logger.error({ failure: describeFailure(error) }, 'the storage did not close cleanly');
    });
    watch.end(options.closedError);
    const drained = Math.max(0, settler.tally.settled - settledBefore - released - interrupted);
    const report: CloseReport = { drained, interrupted, released, unrecorded };
    options.lifecycle.tell('closed', () => report);
    options.lifecycle.clear();
    return report;
  };

  const by = (timeoutMs: number, fact: () => boolean): Promise<true> =>
    watch.until(() => (fact() ? true : undefined), { timeoutMs, late: (): true => true });

  return {
    closing: () => closing !== undefined,
    close: (how) => {
      if (!closing) {
        // It never rejects: what cannot be meant is as good as nothing.
        const given = (how as CloseOptions | null | undefined)?.timeoutMs;
        const timeoutMs = typeof given === 'number' && given >= 0 ? given : 15_000;
        // The clock's timers let the process exit, which must not happen half-closed.
        const awake = setInterval(() => undefined, 1_000);
        closing = close(timeoutMs).finally(() => clearInterval(awake));
      }
      return closing;
    },
  };
}
