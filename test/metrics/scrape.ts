/** Reads the text format of Prometheus, and refuses what is not legal in it. */

export type Series = {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly value: number;
};
export type Scrape = {
  readonly series: readonly Series[];
  readonly types: ReadonlyMap<string, string>;
  /** The sum of the series with these labels. */
  readonly sum: (name: string, labels?: Record<string, string>) => number;
};

export function parse(text: string): Scrape {
  const types = new Map<string, string>();
  const series: Series[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type) types.set(type[1]!, type[2]!);
    if (line.startsWith('#')) {
      if (!type && !/^# HELP \w+ \S/.test(line)) throw new Error(`not legal: ${line}`);
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?[\d.e+-]+)$/.exec(line);
    if (!sample) throw new Error(`not legal: ${line}`);
    const labels = [...(sample[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, k, v]) => [k, v]);
    series.push({
      name: sample[1]!,
      labels: Object.fromEntries(labels) as Record<string, string>,
      value: Number(sample[3]),
    });
  }
  const keys = series.map(({ name, labels }) => name + JSON.stringify(Object.entries(labels).sort()));
  if (new Set(keys).size !== keys.length) throw new Error('a series is there twice');
  const sum = (name: string, labels: Record<string, string> = {}): number =>
    series
      .filter((each) => each.name === name)
      .filter((each) => Object.entries(labels).every(([label, value]) => each.labels[label] === value))
      .reduce((all, { value }) => all + value, 0);
  return { series, types, sum };
}
