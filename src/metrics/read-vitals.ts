/** The metrics that are read when somebody asks: gauges of `stats()` and `health()`, which are asked once per scrape. */
import type { Health, Nexus, NexusStats } from '../nexus.js';
import { createBound } from './bound.js';
import { definitions, type MetricName } from './definitions.js';
import type { EventLoop } from './event-loop.js';
import { createGauge, type Metric } from './metric.js';
import type { MetricsSettings } from './options.js';

/** A scrape that waits for a storage longer than this goes without what it would have said. */
const PATIENCE_MS = 5_000;

type Vitals = { readonly stats: NexusStats | undefined; readonly health: Health | undefined };
type Reading = readonly (readonly [number, ...string[]])[];

export function readVitals(
  nexus: Pick<Nexus, 'stats' | 'health'>,
  { prefix, defaultLabels, maxReactors }: MetricsSettings,
  eventLoop: EventLoop | undefined,
): Metric[] {
  const reactorOf = createBound(maxReactors);
  const ask = createAsk(nexus);

  const gauge = (name: MetricName, read: () => Reading | Promise<Reading>): Metric =>
    createGauge({ ...definitions[name], name: prefix + name }, defaultLabels, async () => await read());
  const ofStats = (name: MetricName, read: (stats: NexusStats) => Reading | number | undefined): Metric =>
    gauge(name, async () => {
      const { stats } = await ask();
      const value = stats && read(stats);
      return typeof value === 'number' ? [[value]] : (value ?? []);
    });
  const named = (stats: NexusStats): (NexusStats['reactors'][number] & { readonly label: string })[] =>
    stats.reactors
      .map((reactor) => ({ ...reactor, label: reactorOf(reactor.name) }))
      // Several that share a label would be one series twice.
      .filter(({ label, name }) => label === name);

  const metrics = [
    gauge('up', async () => [[((await ask()).health?.status ?? 'down') === 'down' ? 0 : 1]]),
    gauge('degraded', async () => [[(await ask()).health?.status === 'degraded' ? 1 : 0]]),
    ofStats('log_head', ({ head }) => head),
    ofStats('events_per_minute', ({ eventsPerMinute }) => eventsPerMinute),
    ofStats('deliveries', ({ deliveries }) => [
      [deliveries.pending, 'pending'],
      [deliveries.running, 'running'],
    ]),
    ofStats('retry_queue_size', ({ deliveries }) => deliveries.retrying),
    ofStats('dead_letters', ({ deliveries }) => deliveries.dead),
    ofStats('oldest_due_age_seconds', ({ oldestDueAgeMs }) => oldestDueAgeMs / 1_000),
    ofStats('reactor_lag', (stats) => named(stats).map(({ lag, label }) => [lag, label])),
    ofStats('reactor_paused', (stats) => named(stats).map(({ paused, label }) => [paused ? 1 : 0, label])),
    ofStats('in_flight', ({ inFlight }) => inFlight),
    ofStats('handling', ({ handling }) => handling),
    ofStats('queued', ({ queued }) => queued),
    ofStats('connections', ({ connections }) => [
      [connections.webSocket, 'webSocket'],
      [connections.sse, 'sse'],
    ]),
    ofStats('database_bytes', ({ databaseBytes }) => databaseBytes),
    ofStats('wal_bytes', ({ walBytes }) => walBytes),
  ];
  return eventLoop ? [...metrics, gauge('event_loop_delay_seconds', () => eventLoop.read())] : metrics;
}

/** Those who ask in the same turn, as all metrics of a scrape do, get the same answer. */
function createAsk(nexus: Pick<Nexus, 'stats' | 'health'>): () => Promise<Vitals> {
  let asking: Promise<Vitals> | undefined;
  return () =>
    (asking ??= Promise.all([inTime(nexus.stats()), inTime(nexus.health())])
      .then(([stats, health]) => ({ stats, health }))
      .finally(() => {
        asking = undefined;
      }));
}

/** Undefined when it fails or takes too long: the counters are still good. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
    timer.unref();
  });
  try {
    return await Promise.race([work.catch(() => undefined), late]);
  } finally {
    clearTimeout(timer);
  }
}
