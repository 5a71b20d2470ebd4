/** Registers reactors, follows what others do to their rows, and lets them go. */
import type { Clock } from '../core/clock.js';
import { describeFailure } from '../core/errors.js';
import type { LoggerLike, Reactor } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import type { Committer } from './committer.js';
import type { FanOuts } from './fan-out.js';
import type { Lifecycle } from './lifecycle.js';
import type { LocalReactor, ReactorSettings } from './local-reactor.js';
import { followRow, type Roster } from './roster.js';
import type { Runner } from './runner.js';
import { kindOfFailure } from './storage-failure.js';
import type { Watch } from './watch.js';

export interface Registrar {
  register(settings: ReactorSettings): Reactor;
  supersede(reactor: LocalReactor): void;
  /** Someone may have written: takes over rows and head. */
  refresh(): Promise<void>;
}

const TRY_AGAIN_MS = 1_000;

export function createRegistrar(options: {
  storage: Storage;
  clock: Clock;
  logger: LoggerLike;
  roster: Roster;
  runner: Runner;
  lifecycle: Lifecycle;
  committer: Committer;
  fanOuts: FanOuts;
  /** Something of every reactor may be due. */
  lookAgain: () => void;
  storageFailed: (error: unknown, retrying: boolean) => void;
  watch: Watch;
}): Registrar {
  const { storage, roster, runner, lifecycle, committer, fanOuts, lookAgain } = options;

  /** In call order with this process's dispatches: what was dispatched before is not for a reactor that starts `now`. */
  const submit = (reactor: LocalReactor): void =>
    committer.submit({ kind: 'task', run: () => write(reactor) });

  const write = async (reactor: LocalReactor): Promise<void> => {
    if (reactor.state !== 'running') return;
    const { name, types, ordered, from } = reactor.settings;
    try {
      const row = await storage.register({ name, types, ordered, from });
      reactor.row = row;
      reactor.position = row.position;
      reactor.paused = row.paused;
      reactor.due = true;
      roster.changed();
      const { seq } = await storage.read.head();
      fanOuts.sawHead(Math.max(seq, row.position));
      lookAgain();
    } catch (error) {
      const again = kindOfFailure(error) !== 'refused';
      options.storageFailed(error, again);
      if (again) options.clock.setTimer(() => submit(reactor), TRY_AGAIN_MS);
      else {
        reactor.state = 'stopped';
        roster.remove(reactor);
        options.logger.error(
          { reactor: name, failure: describeFailure(error) },
          'a reactor could not be registered',
        );
      }
    }
    options.watch.pulse();
  };

  const supersede = (reactor: LocalReactor): void => {
    if (reactor.state !== 'running') return;
    reactor.state = 'superseded';
    roster.changed();
    runner.release(reactor);
    lifecycle.tell('reactor:superseded', () => ({ reactor: reactor.settings.name }));
    options.watch.pulse();
  };

  return {
    supersede,
    register: (settings) => {
      const reactor = roster.add(settings);
      submit(reactor);
      return {
        name: settings.name,
        types: settings.types,
        stop: async () => {
          if (reactor.state === 'running') reactor.state = 'stopped';
          roster.changed();
          runner.release(reactor);
          await options.watch.until(() => (reactor.handling.size === 0 ? true : undefined));
          roster.remove(reactor);
        },
      };
    },
    refresh: async () => {
      const { seq } = await storage.read.head();
      const rows = new Map((await storage.read.reactors()).map((row) => [row.name, row]));
      for (const reactor of roster.all()) {
        if (!reactor.row || reactor.state !== 'running') continue;
        const row = rows.get(reactor.settings.name);
        if (followRow(reactor, row) === 'superseded') supersede(reactor);
        else if (reactor.paused) runner.release(reactor);
        // It was removed, and its deliveries are cancelled, whatever their handlers still come to.
        if (row?.key !== reactor.row.key) runner.abandon(reactor);
      }
      fanOuts.sawHead(seq);
      committer.kick();
      lookAgain();
      options.watch.pulse();
    },
  };
}
