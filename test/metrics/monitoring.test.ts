/** What is shown and alerted of exists, and what exists is documented and shown. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { definitions, type MetricName } from '../../src/metrics/definitions.js';

const read = (file: string): string =>
  readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
const names = (Object.keys(definitions) as MetricName[]).map((name) => `nexus_${name}`);
/** The names in a query, its suffixes of histograms taken off. */
const usedIn = (text: string): string[] =>
  [...text.matchAll(/\bnexus_\w+/g)].map(([name]) => {
    const base = name.replace(/_(bucket|sum|count)$/, '');
    return names.includes(base) ? base : name;
  });

type Panel = { title: string; gridPos: object; targets?: { expr: string }[] };
const dashboard = JSON.parse(read('examples/monitoring/dashboard.json')) as { panels: Panel[] };
const rules = read('examples/monitoring/alerts.yml');

describe('the dashboard', () => {
  const exprs = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

  it('shows every metric and no other', () => {
    expect([...new Set(exprs.flatMap(usedIn))].sort()).toEqual([...names].sort());
  });

  it('asks a counter for its rate and a histogram for its buckets', () => {
    for (const expr of exprs)
      for (const [name] of expr.matchAll(/\bnexus_\w+/g)) {
        const base = name.replace(/^nexus_/, '').replace(/_bucket$/, '') as MetricName;
        const { kind } = definitions[base];
        if (kind === 'counter') expect(expr).toMatch(new RegExp(`(rate|increase)\\(${name}\\b`));
        expect(name.endsWith('_bucket'), expr).toBe(kind === 'histogram');
      }
  });

  it('has a place for every panel', () => {
    const places = dashboard.panels.map(({ gridPos }) => JSON.stringify(gridPos));
    expect(new Set(places).size).toBe(places.length);
  });
});

describe('the rules', () => {
  it('are about metrics that there are, with labels that they have', () => {
    expect(usedIn(rules).filter((name) => !names.includes(name))).toEqual([]);
    for (const [, name = '', label = ''] of rules.matchAll(/nexus_(\w+)\{(\w+)/g))
      expect(definitions[name as MetricName].labels).toContain(label);
    expect([...rules.matchAll(/- alert: (\w+)/g)].length).toBe([...rules.matchAll(/summary:/g)].length);
  });
});

describe('docs/metrics.md', () => {
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(nexus_\w+)` \| (\w+)[^|]*\|([^|]*)\|/gm)];

  it('has every metric with its kind and its labels, and no other', () => {
    const documented = rows.map(([, name, kind, labels = '']) => [
      name,
      kind,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    ]);
    const exported = Object.entries(definitions).map(([name, { kind, labels }]) => [
      `nexus_${name}`,
      kind,
      [...labels],
    ]);
    expect(documented).toEqual(exported);
  });

  it('follows the naming of Prometheus: counters end in _total, units are base units', () => {
    for (const [name, { kind, help }] of Object.entries(definitions)) {
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)$/);
      expect(help).toMatch(/^\S.*\.$/);
    }
  });
});
