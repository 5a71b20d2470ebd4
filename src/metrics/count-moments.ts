/** Turns the library's own moments into counts. What goes well is counted once per commit, so that it costs little. */
import type { DeliveryTimes, Nexus } from '../nexus.js';
import { createBound } from './bound.js';
import type { Families } from './families.js';
import type { Cell, Observer } from './metric.js';
import type { MetricsSettings } from './options.js';

/** The series of a reactor, found once. */
type OfReactor = {
  readonly succeeded: Cell;
  readonly failed: Cell;
  readonly postponed: Cell;
  readonly dead: Cell;
  readonly cancelled: Cell;
  readonly stuck: Cell;
  readonly duration: Observer;
  readonly queue: Observer;
};

/** Returns its end. */
export function countMoments(
  nexus: Pick<Nexus, 'on'>,
  families: Families,
  { maxTypes, maxNodes, maxReactors }: MetricsSettings,
): () => void {
  const typeOf = createBound(maxTypes);
  const nodeOf = createBound(maxNodes);
  const pairOf = createBound(maxTypes + maxNodes * 4);
  const reactorOf = createBound(maxReactors);

  const events = families.counter('events_total');
  const pairs = new Map<string, Map<string, Cell>>();
  /** Of a type and a source. What is over the bounds is looked up anew each time, for it must not be remembered. */
  const eventsOf = (type: string, source: string): Cell => {
    const known = pairs.get(type)?.get(source);
    if (known) return known;
    const node = nodeOf(source);
    const named = typeOf(type);
    const isWithin = named !== 'other' && pairOf(`${named}\n${node}`) !== 'other';
    const cell = events.cell(isWithin ? named : 'other', node);
    if (isWithin && node === source) {
      const ofType = pairs.get(type) ?? new Map<string, Cell>();
      pairs.set(type, ofType.set(source, cell));
    }
    return cell;
  };

  const deliveries = families.counter('deliveries_total');
  const reactors = new Map<string, OfReactor>();
  const reactor = (name: string): OfReactor => {
    const known = reactors.get(name);
    if (known) return known;
    const label = reactorOf(name);
    const made: OfReactor = {
      succeeded: deliveries.cell(label, 'succeeded'),
      failed: deliveries.cell(label, 'failed'),
      postponed: deliveries.cell(label, 'postponed'),
      dead: deliveries.cell(label, 'dead'),
      cancelled: deliveries.cell(label, 'cancelled'),
      stuck: families.counter('reactor_stuck_total').cell(label),
      duration: families.histogram('reactor_duration_seconds').of(label),
      queue: families.histogram('reactor_queue_seconds').of(label),
    };
    if (label === name) reactors.set(name, made);
    return made;
  };
  const timed = ({ duration, queue }: OfReactor, { ms, queuedMs }: DeliveryTimes): void => {
    duration.observe(ms / 1_000);
    queue.observe(queuedMs / 1_000);
  };

  const dispatches = families.histogram('dispatch_duration_seconds').of();
  const commits = families.histogram('commit_duration_seconds').of();
  const duplicates = families.counter('duplicates_total').cell();
  const recovered = families.counter('recovered_total').cell();
  const storageErrors = families.counter('storage_errors_total').cell();
  const denied = families.counter('auth_denied_total');
  const limited = families.counter('limiter_refusals_total');
  const answers = families.counter('http_answers_total');
  const answering = families.histogram('http_duration_seconds');
  const webhooks = families.counter('webhook_attempts_total');

  const ends = [
    nexus.on('commit', (commit) => {
      for (const { type, source } of commit.events) eventsOf(type, source).value += 1;
      for (const ms of commit.waitedMs) dispatches.observe(ms / 1_000);
      commits.observe(commit.ms / 1_000);
      for (const each of commit.succeeded) {
        const of = reactor(each.reactor);
        of.succeeded.value += 1;
        timed(of, each);
      }
    }),
    nexus.on('delivery:failed', (moment) => {
      const of = reactor(moment.reactor);
      (moment.counted ? of.failed : of.postponed).value += 1;
      timed(of, moment);
    }),
    nexus.on('delivery:dead', (moment) => {
      const of = reactor(moment.reactor);
      of.dead.value += 1;
      // One that was born dead was never called.
      if (moment.attempt > 0) timed(of, moment);
    }),
    nexus.on('delivery:cancelled', (moment) => {
      reactor(moment.reactor).cancelled.value += 1;
    }),
    nexus.on('delivery:recovered', ({ state, reactor: name = 'unknown' }) => {
      recovered.value += 1;
      if (state === 'dead') reactor(name).dead.value += 1;
    }),
    nexus.on('reactor:stuck', (moment) => {
      reactor(moment.reactor).stuck.value += 1;
    }),
    nexus.on('dispatch:duplicate', () => {
      duplicates.value += 1;
    }),
    nexus.on('storage:error', () => {
      storageErrors.value += 1;
    }),
    nexus.on('auth:denied', ({ reason }) => {
      denied.cell(reason).value += 1;
    }),
    nexus.on('limit:refused', ({ by }) => {
      limited.cell(by).value += 1;
    }),
    nexus.on('http:answered', ({ route, method, status, ms }) => {
      answers.cell(route, method, String(status)).value += 1;
      answering.of(route).observe(ms / 1_000);
    }),
    nexus.on('webhook:attempt', ({ node, status }) => {
      webhooks.cell(nodeOf(node), status === undefined ? 'error' : String(status)).value += 1;
    }),
  ];
  return () => ends.forEach((end) => end());
}
