/** Begins replays, waits for them, and lets operators see and cancel them. */
import { refuseBelowBase } from '../core/retention.js';
import type { LoggerLike, ReplayDesk, ReplayOptions, ReplayProgress, ReplayReport } from '../nexus.js';
import type { ReplayRow, Storage } from '../storage/storage.js';
import type { Intake } from './intake.js';
import { describeFailure } from '../core/errors.js';
import { planReplay } from './replay-plan.js';
import { refuseForgotten, replayReactors, replayScope } from './replay-scope.js';
import type { Replayer } from './replayer.js';
import { progressOf, toReplay, toReport } from './replay-views.js';
import type { Roster } from './roster.js';
import { defined, notFound, pageLimit } from './views.js';
import type { Watch } from './watch.js';

export interface Replaying {
  replay(options: ReplayOptions): Promise<ReplayReport>;
  readonly replays: ReplayDesk;
}

export function createReplayDesk(options: {
  storage: Storage;
  logger: LoggerLike;
  intake: Intake;
  roster: Roster;
  replayer: Replayer;
  watch: Watch;
  /** Opened, and every reactor of this process has its row. */
  registered: () => Promise<unknown>;
}): Replaying {
  const { storage, roster, replayer, registered } = options;

  /** Calls the host's listener, which hurts nobody; the same news is told once. */
  const teller = (onProgress: ReplayOptions['onProgress']): ((progress: ReplayProgress) => void) => {
    let last = '';
    return (progress) => {
      const news = `${progress.done}/${progress.total}`;
      if (!onProgress || news === last) return;
      last = news;
      Promise.resolve(progress)
        .then(onProgress)
        .catch((error: unknown) =>
          options.logger.error(
            { failure: describeFailure(error) },
            'a listener to the progress of a replay threw',
          ),
        );
    };
  };

  const begin = async (given: ReplayOptions): Promise<ReplayReport> => {
    await registered();
    const { seq: head } = await storage.read.head();
    const scope = replayScope(given, head, options.intake);
    // The first of them may be gone; from 0 or 1 is from whatever there is.
    if (typeof given.from === 'number')
      refuseBelowBase('from', Math.max(0, given.from - 1), (await storage.read.origin()).base.seq);
    const here = roster.active().map(({ settings }) => settings.name);
    const reactors = replayReactors(given.reactors, await storage.read.reactors(), here);
    if (!given.fresh && given.forgotten !== 'run') await refuseForgotten(storage, scope, reactors);
    const tell = teller(given.onProgress);
    const { dryRun, signal } = given;
    if (dryRun) return await planReplay(storage, scope, reactors, { tell, signal });
    const row = await storage.startReplay({ ...scope, reactors: reactors.map(({ key }) => key) });
    const over = await outcome(row, tell, signal);
    return await toReport(storage, over, over.state === 'cancelled' ? 'cancelled' : 'done');
  };

  const outcome = async (
    row: ReplayRow,
    tell: (progress: ReplayProgress) => void,
    signal: AbortSignal | undefined,
  ): Promise<ReplayRow> => {
    tell(progressOf(row));
    const followed = replayer.follow(row.run);
    const look = (): void => options.watch.pulse();
    signal?.addEventListener('abort', look);
    try {
      return await options.watch.until(() => {
        signal?.throwIfAborted();
        const latest = followed.latest();
        if (latest) tell(progressOf(latest));
        return latest && latest.state !== 'running' ? latest : undefined;
      });
    } finally {
      signal?.removeEventListener('abort', look);
      followed.end();
    }
  };

  const stored = async (run: number): Promise<ReplayRow | undefined> =>
    Number.isSafeInteger(run) ? await storage.read.replay(run) : undefined;

  return {
    replay: (given) => begin(given),
    replays: {
      list: async ({ state, before, limit } = {}) => {
        const most = pageLimit(limit, 100);
        await registered();
        const rows = await storage.read.replays(
          defined<Parameters<typeof storage.read.replays>[0]>({ state, before, limit: most }),
        );
        const items = await Promise.all(rows.map((row) => toReplay(storage, row)));
        return { items, next: items.length === most ? items.at(-1)?.run : undefined };
      },
      get: async (run) => {
        await registered();
        const row = await stored(run);
        return row && (await toReplay(storage, row));
      },
      cancel: async (run) => {
        await registered();
        if (!(await stored(run))) throw notFound('replay', run);
        await storage.edit({ edit: 'cancel-replay', run });
        replayer.cancelled(run);
      },
    },
  };
}
