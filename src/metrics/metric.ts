/**
 * Metrics as a registry of prom-client takes them. Its own classes find a series by a text of all its labels at every
 * observation; these are found once, and cost an addition.
 */

/** A line of the text. */
export type Sample = {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the metric's, as for the buckets of a histogram. */
  readonly metricName?: string;
};

/** What a registry asks a metric for. */
export interface Metric {
  /** Registries of the OpenMetrics kind write to it. */
  name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum' | 'first';
  get(): Promise<Pick<Metric, 'name' | 'help' | 'type' | 'aggregator'> & { readonly values: Sample[] }>;
  reset(): void;
}

/** How a metric is called and what it means. */
export type Definition = { readonly name: string; readonly help: string; readonly labels: readonly string[] };

/** One series of a counter. */
export type Cell = { value: number };

export interface Counter {
  readonly metric: Metric;
  /** The series with these values of its labels, in their order. */
  cell(...values: readonly string[]): Cell;
}

export function createCounter({ name, help, labels }: Definition, common: Sample['labels']): Counter {
  const series = createSeries(labels, common, (): Cell => ({ value: 0 }));
  return {
    cell: series.of,
    metric: createMetric({ name, help, type: 'counter', aggregator: 'sum' }, series.clear, () =>
      series.all().map(({ labels: own, cell }) => ({ labels: own, value: cell.value })),
    ),
  };
}

export interface Histogram {
  readonly metric: Metric;
  of(...values: readonly string[]): Observer;
}

/** One series of a histogram. */
export interface Observer {
  observe(seconds: number): void;
}

type Spread = Observer & { readonly counts: number[]; sum: number };

/** `bounds`: the upper ends of its buckets, ascending. */
export function createHistogram(
  { name, help, labels }: Definition,
  bounds: readonly number[],
  common: Sample['labels'],
): Histogram {
  const series = createSeries(labels, common, (): Spread => {
    const counts = new Array<number>(bounds.length + 1).fill(0);
    const spread: Spread = {
      counts,
      sum: 0,
      observe: (seconds) => {
        let bucket = 0;
        while (bucket < bounds.length && seconds > (bounds[bucket] ?? Infinity)) bucket += 1;
        counts[bucket] = (counts[bucket] ?? 0) + 1;
        spread.sum += seconds;
      },
    };
    return spread;
  });
  const samples = ({ labels: own, cell }: { labels: Sample['labels']; cell: Spread }): Sample[] => {
    let count = 0;
    const buckets = cell.counts.map((each, i) => {
      count += each;
      return {
        metricName: `${name}_bucket`,
        labels: { ...own, le: i < bounds.length ? (bounds[i] ?? 0) : '+Inf' },
        value: count,
      };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: own, value: cell.sum },
      { metricName: `${name}_count`, labels: own, value: count },
    ];
  };
  return {
    of: series.of,
    metric: createMetric({ name, help, type: 'histogram', aggregator: 'sum' }, series.clear, () =>
      series.all().flatMap(samples),
    ),
  };
}

/** A gauge has no state: its samples are what is so when it is asked. */
export function createGauge(
  { name, help, labels }: Definition,
  common: Sample['labels'],
  read: Read,
): Metric {
  return createMetric({ name, help, type: 'gauge', aggregator: 'first' }, nothing, async () =>
    (await read()).map(([value, ...values]) => ({ labels: labelled(labels, values, common), value })),
  );
}

/** A value and the values of its labels, for each series. */
export type Read = () => Promise<readonly (readonly [number, ...string[]])[]>;

function createMetric(
  about: Pick<Metric, 'name' | 'help' | 'type' | 'aggregator'>,
  reset: () => void,
  samples: () => Sample[] | Promise<Sample[]>,
): Metric {
  const metric: Metric = {
    ...about,
    reset,
    get: async () => ({ ...about, name: metric.name, values: await samples() }),
  };
  return metric;
}

function createSeries<C>(labels: readonly string[], common: Sample['labels'], make: () => C) {
  const cells = new Map<string, { readonly labels: Sample['labels']; readonly cell: C }>();
  const of = (...values: readonly string[]): C => {
    const key = values.length === 1 ? (values[0] ?? '') : values.join('\n');
    let found = cells.get(key);
    if (!found) cells.set(key, (found = { labels: labelled(labels, values, common), cell: make() }));
    return found.cell;
  };
  if (labels.length === 0) of();
  return { of, all: () => [...cells.values()], clear: () => cells.clear() };
}

function labelled(
  names: readonly string[],
  values: readonly string[],
  common: Sample['labels'],
): Sample['labels'] {
  return { ...common, ...Object.fromEntries(names.map((name, i) => [name, values[i] ?? ''])) };
}

function nothing(): void {
  return undefined;
}
