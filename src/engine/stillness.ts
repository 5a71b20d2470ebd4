/** Waiting until nothing is left to do now. */
import type { Budget } from './budget.js';
import type { Committer } from './committer.js';
import type { Feeder } from './feeder.js';
import type { Forwarder } from './forwarder.js';
import type { LocalReactor } from './local-reactor.js';
import type { Replayer } from './replayer.js';
import type { Roster } from './roster.js';
import type { Runner } from './runner.js';
import type { Watch } from './watch.js';

export interface Stillness {
  /** Nothing is running and nothing is due now. */
  idle(): Promise<void>;
  /** Opened, and every reactor of this process has its row. */
  registered(): Promise<void>;
}

export function createStillness(options: {
  committer: Committer;
  budget: Budget;
  runner: Runner;
  feeder: Feeder;
  forwarder: Forwarder;
  replayer: Replayer;
  roster: Roster;
  watch: Watch;
  opened: () => Promise<unknown>;
}): Stillness {
  const { committer, budget, runner, feeder, forwarder, replayer, roster, watch, opened } = options;
  const rowsThere = (): boolean => [...roster.all()].every(hasRow);
  const quiet = (): boolean =>
    !committer.busy() &&
    budget.held() === 0 &&
    runner.handling() === 0 &&
    feeder.quiet() &&
    forwarder.quiet() &&
    replayer.quiet() &&
    rowsThere();
  return {
    idle: async () => {
      await opened();
      forwarder.look();
      await watch.until(() => (quiet() ? true : undefined));
    },
    registered: async () => {
      await opened();
      await watch.until(() => (rowsThere() ? true : undefined));
    },
  };
}

/** False while its registration is on its way. */
function hasRow(reactor: LocalReactor): boolean {
  return reactor.state !== 'running' || reactor.row !== undefined;
}
