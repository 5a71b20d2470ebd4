import { expect, it } from 'vitest';
import { noPrometheus, provePrometheus } from '../../proof/prometheus.js';

it.skipIf(noPrometheus !== undefined)(
  `is scraped by a real Prometheus, which has nothing against it${noPrometheus ? `: ${noPrometheus}` : ''}`,
  { timeout: 90_000 },
  async () => {
    const report = await provePrometheus({ events: 500 });
    expect(report).toMatchObject({ complaints: [], failed: [], scrape: 'up' });
    expect(report.numbers.events).toEqual({ prometheus: 960, host: 960 });
    expect(report.numbers.deadLetters?.prometheus).toBe(report.numbers.deadLetters?.host);
    expect(report.numbers.deadLetters?.host).toBeGreaterThan(20);
    expect(report.rules).toBeGreaterThan(8);
    expect(report.queries).toBeGreaterThan(25);
  },
);
