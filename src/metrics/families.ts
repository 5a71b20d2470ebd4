/** The metrics that have a state: counters and histograms. */
import { definitions, type MetricName } from './definitions.js';
import { createCounter, createHistogram, type Counter, type Histogram, type Metric } from './metric.js';
import type { MetricsSettings } from './options.js';

type Named<K extends string> = {
  [N in MetricName]: (typeof definitions)[N]['kind'] extends K ? N : never;
}[MetricName];

export interface Families {
  counter(name: Named<'counter'>): Counter;
  histogram(name: Named<'histogram'>): Histogram;
  metrics(): Metric[];
}

const bucketsOf = {
  dispatch_duration_seconds: 'commit',
  commit_duration_seconds: 'commit',
  reactor_duration_seconds: 'reactor',
  reactor_queue_seconds: 'reactor',
  http_duration_seconds: 'http',
} as const satisfies Record<Named<'histogram'>, keyof MetricsSettings['buckets']>;

export function createFamilies({ prefix, defaultLabels, buckets }: MetricsSettings): Families {
  const made = new Map<MetricName, Counter | Histogram>();
  const once = <M extends Counter | Histogram>(name: MetricName, make: () => M): M => {
    const known = made.get(name) as M | undefined;
    if (known) return known;
    const metric = make();
    made.set(name, metric);
    return metric;
  };
  const families: Families = {
    counter: (name) =>
      once(name, () => createCounter({ ...definitions[name], name: prefix + name }, defaultLabels)),
    histogram: (name) =>
      once(name, () =>
        createHistogram(
          { ...definitions[name], name: prefix + name },
          buckets[bucketsOf[name]],
          defaultLabels,
        ),
      ),
    metrics: () => {
      for (const name of Object.keys(definitions) as MetricName[]) {
        const { kind } = definitions[name];
        if (kind === 'counter') families.counter(name as Named<'counter'>);
        else if (kind === 'histogram') families.histogram(name as Named<'histogram'>);
      }
      return [...made.values()].map(({ metric }) => metric);
    },
  };
  return families;
}
