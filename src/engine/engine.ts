/** The engine: puts its parts together into a Nexus. Each part is a file; here is only who knows whom. */
import { NexusError } from '../core/errors.js';
import { UUID_RANDOM_DIGITS, uuidv7 } from '../core/ids.js';
import { createVersions } from '../core/versions.js';
import type { Dispatched, Nexus } from '../nexus.js';
import { createAlarm } from './alarm.js';
import { createAudit } from './audit.js';
import { createBackup } from './backup.js';
import { createBudget } from './budget.js';
import { createCommitter } from './committer.js';
import { createDesks } from './desks.js';
import { createDispatcher } from './dispatcher.js';
import { explain } from './explain.js';
import { createEntering } from './entering.js';
import { createFanOuts } from './fan-out.js';
import { createFeed } from './feed.js';
import { createFeeder } from './feeder.js';
import { createForwarder } from './forwarder.js';
import { createGuard } from './guard.js';
import { createInstruments, instrumented } from './instruments.js';
import { createIntake, type Said } from './intake.js';
import { createLifecycle, type Lifecycle } from './lifecycle.js';
import { createLive, type LiveEnd } from './live.js';
import { isReplayed, type LocalReactor } from './local-reactor.js';
import { createLoss } from './loss.js';
import type { EngineParts } from './parts.js';
import { bornDeadMoment } from './moment.js';
import { createMemory } from './once.js';
import { createNotes } from './note.js';
import { createOpening } from './opening.js';
import { createRateMeter } from './rate.js';
import { createReactorDesk } from './reactor-desk.js';
import { createRegistrar } from './registrar.js';
import { createRetention } from './retention.js';
import { createReplayDesk } from './replay-desk.js';
import { createReplayer } from './replayer.js';
import { createRoster } from './roster.js';
import { createRunner, type Runner } from './runner.js';
import { createSchedules } from './schedules.js';
import { createSettler } from './settler.js';
import { createShutdown } from './shutdown.js';
import { createSpeech, type Speech } from './speech.js';
import { createStillness } from './stillness.js';
import { createTroubles } from './troubles.js';
import { createVitals } from './vitals.js';
import { createWaiting } from './waiting.js';
import { createWatch } from './watch.js';
import { createWithin } from './within.js';

/** A Nexus, and what the door needs to let the edges in. */
export interface Engine {
  readonly nexus: Omit<Nexus, 'endpoints'>;
  /** Registers a reactor on types that no catalogue need know; while it is paused, its position stands still. */
  readonly listen: Speech['listen'];
  /** Dispatches something said by another node. */
  say(said: Said): Promise<Dispatched>;
  /** Opens the storage if it is not, and tells the log's id. */
  opened(): Promise<{ readonly logId: string }>;
  readonly tell: Lifecycle['tell'];
  readonly live: LiveEnd;
}

export function createEngine(parts: EngineParts): Engine {
  const { storage, clock, logger } = parts;
  const lifecycle = createLifecycle(logger);
  const instruments = createInstruments();
  const alarm = createAlarm(clock);
  const watch = createWatch(clock, parts.stayAwake);
  const roster = createRoster();
  const versions = createVersions(parts.catalogue);
  const intake = createIntake(parts, versions);
  const budget = createBudget({ clock, maxInFlight: parts.maxInFlight });
  const rate = createRateMeter();
  const note = createNotes(parts);
  const loss = createLoss(note, lifecycle);
  const newInstance = (): string => uuidv7(clock.now(), parts.randomHex(UUID_RANDOM_DIGITS));
  const pulse = (): void => watch.pulse();

  const storageFailed = (error: unknown, retrying: boolean): void =>
    lifecycle.tell('storage:error', () => ({ error, retrying }));
  const failed = (error: unknown): void => storageFailed(error, true);
  const fanOuts = createFanOuts({
    storage,
    versions,
    roster,
    budget,
    now: () => clock.now(),
    supersede: (reactor) => registrar.supersede(reactor),
    bornDead: (...what) => lifecycle.tell('delivery:dead', () => bornDeadMoment(...what)),
  });
  const committer = createCommitter({
    storage,
    clock,
    random: parts.random,
    alarm,
    fanOuts,
    feed: (fed) => {
      runner.feed(fed);
      feeder.kick();
    },
    begins: () => lifecycle.lookAtLevel(),
    appended: (event) => {
      rate.count(event.timestamp);
      lifecycle.tell('event', () => versions.view(event));
      live.appended(event);
    },
    committed: (commit) => lifecycle.tell('commit', commit),
    storageFailed,
    identityLost: () => void guard.newIdentity(),
    pulse,
  });
  const troubles = createTroubles({
    storage,
    began: failed,
    relieved: () => committer.retry(),
  });
  const hungry = (reactor: LocalReactor): void => {
    // A settled delivery may have been what the next of its key waited for.
    if (reactor.settings.ordered) reactor.due = true;
    if (reactor.due) feeder.kick();
  };
  const settler = createSettler({
    clock,
    alarm,
    budget,
    lifecycle,
    submit: (work) => committer.submit(work),
    hungry: (held) => {
      if (held.suspect) feeder.suspectLeft();
      if (isReplayed(held)) replayer.freed(held.reactor);
      else hungry(held.reactor);
    },
    finished: pulse,
  });
  const runner: Runner = createRunner({
    clock,
    random: parts.random,
    logger,
    alarm,
    budget,
    roster,
    intake,
    versions,
    memory: createMemory({ ...parts, submit: (work) => committer.submit(work) }),
    lifecycle,
    instruments,
    settler,
    pulse,
    markStarted: async (lease) => (await storage.markStarted([lease]))[0] ?? false,
    hungry,
  });
  const feeder = createFeeder({
    storage,
    clock,
    alarm,
    roster,
    budget,
    runner: () => runner,
    supersede: (reactor) => registrar.supersede(reactor),
    identityLost: () => void guard.newIdentity(),
    failed,
    pulse,
  });
  const replayer = createReplayer({
    storage,
    clock,
    versions,
    alarm,
    roster,
    budget,
    runner,
    supersede: (reactor) => registrar.supersede(reactor),
    identityLost: () => void guard.newIdentity(),
    committing: () => committer.busy(),
    failed,
    pulse,
  });
  const lookAgain = (): void => {
    feeder.lookAgain();
    replayer.lookAgain();
  };
  const guard = createGuard({
    storage,
    clock,
    logger,
    alarm,
    lifecycle,
    loss,
    roster,
    leaseMs: parts.leaseMs,
    newInstance,
    runner: () => runner,
    recovered: lookAgain,
    failed,
  });
  const registrar = createRegistrar({
    storage,
    clock,
    logger,
    roster,
    runner,
    lifecycle,
    committer,
    fanOuts,
    lookAgain,
    storageFailed,
    watch,
  });

  const retention = createRetention({
    storage,
    clock,
    random: parts.random,
    alarm,
    logger,
    keepFor: parts.retention,
    failed,
  });

  const entering = createEntering({
    ...{ storage, logger, lifecycle, guard, fanOuts, registrar, committer, retention, lookAgain, failed },
    live: () => live,
    forwarder: () => forwarder,
  });
  const refusal = (): NexusError | undefined => (shutdown.closing() ? closedError() : undefined);
  const opening = createOpening({
    clock,
    autoStart: parts.autoStart,
    open: () => entering.enter(),
    refusal,
    failed: storageFailed,
    refuse: (error) => committer.refuse(error),
  });
  const opened = (): Promise<{ readonly logId: string }> => opening.opened();
  const live = createLive({ storage, clock, versions, opened, failed });

  const dispatcher = instrumented(
    createDispatcher({ intake, committer, lifecycle, isOpen: () => opening.isOpen(), opened, refusal }),
    instruments,
  );
  const forwarder = createForwarder({
    parts,
    alarm,
    committer,
    lifecycle,
    isOpen: () => opening.isOpen(),
    opened,
    failed,
    pulse,
  });
  const within = createWithin({ parts, intake, forwarder, instruments, refusal });

  const desks = createDesks({
    storage,
    versions,
    opened,
    edited: lookAgain,
    cancelled: (ref) => runner.cancel(ref),
  });
  const audit = createAudit({
    ...parts,
    ...{ lifecycle, note, versions, registrar, runner, opened },
    appended: (event) => live.appended(event),
  });
  const waiting = createWaiting({ storage, versions, roster, watch, opened });
  const shutdown = createShutdown({
    storage,
    alarm,
    budget,
    committer,
    feeder,
    forwarder,
    replayer,
    guard,
    retention,
    runner,
    settler,
    lifecycle,
    live,
    logger,
    watch,
    opening: () => opening.current(),
    closedError,
    unsubscribe: () => {
      troubles.end();
      entering.leave();
    },
  });
  const stillness = createStillness({
    committer,
    budget,
    runner,
    feeder,
    forwarder,
    replayer,
    roster,
    watch,
    opened,
  });
  const schedules = createSchedules({
    storage,
    clock,
    logger,
    alarm,
    committer,
    intake,
    lifecycle,
    storageFailed,
    closing: () => shutdown.closing(),
  });
  const { listen, ...speech } = createSpeech({
    parts,
    intake,
    dispatcher,
    registrar,
    schedules,
    begun: () => opening.autoStart(),
    refusal,
  });
  const nexus: Engine['nexus'] = {
    ...speech,
    start: async () => {
      await opened();
    },
    within,
    feed: createFeed(live, parts.stayAwake) as Nexus['feed'],
    waitFor: (type, options) => waiting.waitFor(type, options as never) as Promise<never>,
    settled: (eventId, options) => waiting.settled(eventId, options),
    idle: () => stillness.idle(),
    explain: async (eventId) => {
      await opened();
      return await explain({ storage, versions }, eventId);
    },
    ...desks,
    reactors: createReactorDesk({
      storage,
      roster,
      opened: () => stillness.registered(),
      refresh: () => registrar.refresh(),
    }),
    ...createReplayDesk({
      storage,
      logger,
      intake,
      roster,
      replayer,
      watch,
      registered: () => stillness.registered(),
    }),
    nodes: parts.nodes,
    audit,
    ...createVitals({
      storage,
      clock,
      rate,
      budget,
      runner,
      committer,
      roster,
      loss,
      audit,
      troubles,
      opened,
      connections: live.connections,
      closing: () => shutdown.closing(),
      complaints: async () => [...schedules.complaints(), ...(await forwarder.complaints())],
    }),
    backup: createBackup({ storage, logger, opened }),
    on: (name, listener) => lifecycle.on(name, listener),
    instrument: (instrument) => instruments.add(instrument),
    close: (options) => shutdown.close(options),
  };
  return {
    nexus,
    listen,
    say: (said) => dispatcher.say(said),
    opened,
    tell: (name, moment) => lifecycle.tell(name, moment),
    live,
  };
}

function closedError(): NexusError {
  return new NexusError('NEXUS_CLOSED', 'this Nexus is closing or closed; create a new one to go on');
}
