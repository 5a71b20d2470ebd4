import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gauge, register as globalRegistry, Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNexus, NonRetryableError, RetryAfterError } from '../../src/index.js';
import { createMetrics, type MetricsOptions } from '../../src/metrics/index.js';
import { ownRegister } from '../../src/metrics/register.js';
import { definitions } from '../../src/metrics/definitions.js';
import type { Nexus } from '../../src/nexus.js';
import { createBus } from '../support/bus.js';
import { openDatabase } from '../support/database.js';
import { parse, type Scrape } from './scrape.js';

async function scrape(metrics: { text(): Promise<string> }): Promise<Scrape> {
  return parse(await metrics.text());
}

function measured(options?: MetricsOptions) {
  const bus = createBus();
  const metrics = createMetrics(bus.nexus, options);
  onTestFinished(() => metrics.stop());
  return { ...bus, metrics };
}

describe('the numbers', () => {
  it('agree with the database after mixed events with failures', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-metrics-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'nexus.db');
    const retry = { maxAttempts: 2, initialMs: 1, maxMs: 2 };
    const nexus = createNexus({
      storage: file,
      logger: false,
      retry,
      nodes: { shop: { secrets: [randomBytes(24).toString('hex')], dispatch: ['*'] } },
    });
    const metrics = createMetrics(nexus);
    mixedReactors(nexus);
    const events = 10_000;
    let duplicates = 0;
    const say = async (n: number): Promise<void> => {
      const source = n % 4 === 0 ? { source: 'shop' } : {};
      const { duplicate } = await nexus.dispatch(typeOf(n), { n }, { idempotencyKey: `k${n}`, ...source });
      if (duplicate) duplicates += 1;
    };
    for (let from = 0; from < events; from += 500)
      // Every tenth is not new: the one before it is said again.
      await Promise.all(Array.from({ length: 500 }, (_, i) => say(i % 10 === 9 ? from + i - 1 : from + i)));
    await settledAll(nexus);
    const told = await scrape(metrics);
    const stats = await nexus.stats();
    await nexus.close();

    const db = openDatabase(file);
    onTestFinished(() => void db.close());
    const rows = <T>(sql: string): T[] => db.prepare(sql).all() as T[];
    const states = ['pending', 'running', 'succeeded', 'dead', 'cancelled'];
    expect(duplicates).toBe(1_000);
    expect(told.sum('nexus_duplicates_total')).toBe(1_000);
    type Pair = { type: string; source: string; n: number };
    const pairs = rows<Pair>('SELECT type, source, count(*) AS n FROM nexus_events GROUP BY type, source');
    expect(pairs.length).toBeGreaterThan(6);
    for (const { type, source, n } of pairs) expect(told.sum('nexus_events_total', { type, source })).toBe(n);
    expect(told.sum('nexus_events_total')).toBe(pairs.reduce((sum, { n }) => sum + n, 0));
    expect(told.sum('nexus_dispatch_duration_seconds_count')).toBe(events);
    let born = 0;
    for (const { name: reactor, key } of rows<{ name: string; key: number }>(
      'SELECT name, key FROM nexus_reactors',
    )) {
      const counts = rows<{ state: number; n: number }>(
        `SELECT state, count(*) AS n FROM nexus_deliveries WHERE reactor = ${key} GROUP BY state`,
      );
      const stored = new Map(counts.map(({ state, n }) => [states[state], n]));
      const outcome = (of: string): number => told.sum('nexus_deliveries_total', { reactor, outcome: of });
      const [succeeded, dead] = [stored.get('succeeded') ?? 0, stored.get('dead') ?? 0];
      expect([reactor, outcome('succeeded'), outcome('dead')]).toEqual([reactor, succeeded, dead]);
      expect(told.sum('nexus_reactor_lag', { reactor })).toBe(0);
      // Those without a key were never called.
      if (reactor === 'ordered') born = dead;
      const tries = succeeded + dead + outcome('failed') + outcome('postponed');
      const called = reactor === 'ordered' ? tries - dead : tries;
      expect(told.sum('nexus_reactor_duration_seconds_count', { reactor })).toBe(called);
      expect(told.sum('nexus_reactor_queue_seconds_bucket', { reactor, le: '+Inf' })).toBe(called);
    }
    const [attempts] = rows<{ n: number }>('SELECT count(*) AS n FROM nexus_attempts');
    const failures = ['failed', 'postponed', 'dead']
      .map((outcome) => told.sum('nexus_deliveries_total', { outcome }))
      .reduce((a, b) => a + b);
    expect(born).toBeGreaterThan(50);
    // Those that were born dead have a record of it too.
    expect(failures).toBe(attempts?.n);
    expect(told.sum('nexus_dead_letters')).toBe(stats.deliveries.dead);
    expect(told.sum('nexus_log_head')).toBe(stats.head);
    expect(told.sum('nexus_database_bytes')).toBeGreaterThan(1_000_000);
    expect(told.sum('nexus_up')).toBe(1);
  }, 60_000);
});

const typeOf = (n: number): string => ['PAID', 'SENT', 'GONE'][n % 3]!;

/** Succeed, fail once, postpone, die at once, cannot be ordered, and dispatch children. */
function mixedReactors(nexus: Nexus): void {
  const numberOf = (payload: object): number => (payload as { n: number }).n;
  nexus.onEvent('*', { name: 'fine' }, () => undefined);
  nexus.onEvent('PAID', { name: 'children' }, (payload, ctx) => {
    if (numberOf(payload) % 6 === 0) ctx.dispatch('CHILD', { n: numberOf(payload) });
  });
  nexus.onEvent('SENT', { name: 'flaky' }, (payload, ctx) => {
    if (ctx.attempt === 1 && numberOf(payload) % 5 === 0) throw new Error('once');
    if (numberOf(payload) % 77 === 0) throw new Error('always');
  });
  const asked = new Set<number>();
  nexus.onEvent('GONE', { name: 'later' }, (payload) => {
    const n = numberOf(payload);
    if (n % 50 !== 2) return;
    if (n % 100 === 2) throw new NonRetryableError('never');
    if (asked.has(n)) return;
    asked.add(n);
    throw new RetryAfterError(1);
  });
  nexus.onEvent(
    'GONE',
    {
      name: 'ordered',
      orderBy: ({ payload }) => {
        if (numberOf(payload) % 40 === 2) throw new Error('no key');
        return String(numberOf(payload) % 7);
      },
    },
    () => undefined,
  );
}

async function settledAll(nexus: Nexus): Promise<void> {
  for (;;) {
    await nexus.idle();
    const { pending, running } = (await nexus.stats()).deliveries;
    if (pending + running === 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('labels', () => {
  it('are bounded: 100,000 types leave few series', async () => {
    const { nexus, metrics } = measured({ maxTypes: 100 });
    for (let n = 0; n < 100_000; n += 1_000)
      await nexus.dispatchMany(Array.from({ length: 1_000 }, (_, i) => ({ type: `T${n + i}`, payload: {} })));
    const told = await scrape(metrics);
    expect(told.series.length).toBeLessThanOrEqual(1_000);
    expect(told.sum('nexus_events_total')).toBe(100_000);
    expect(told.sum('nexus_events_total', { type: 'other' })).toBe(99_900);
  });

  it('are bounded in pairs, in nodes and in reactors', async () => {
    const nodes = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [
        `n${i}`,
        { secrets: [randomBytes(24).toString('hex')], dispatch: ['*'] },
      ]),
    );
    const bus = createBus({ nodes });
    const metrics = createMetrics(bus.nexus, { maxTypes: 20, maxNodes: 10, maxReactors: 3 });
    for (let i = 0; i < 6; i++) bus.nexus.onEvent('*', { name: `r${i}` }, () => undefined);
    for (let type = 0; type < 40; type++)
      await bus.nexus.dispatchMany(
        Object.keys(nodes).map((source) => ({ type: `T${type}`, payload: {}, options: { source } })),
      );
    await bus.nexus.idle();
    const told = await scrape(metrics);
    const pairs = told.series.filter(({ name }) => name === 'nexus_events_total');
    expect(pairs.length).toBeLessThanOrEqual(20 + 10 * 4 + 11);
    expect(told.sum('nexus_events_total')).toBe(1_600);
    expect(told.sum('nexus_deliveries_total', { outcome: 'succeeded' })).toBe(6 * 1_600);
    expect(told.sum('nexus_deliveries_total', { reactor: 'other', outcome: 'succeeded' })).toBe(3 * 1_600);
    expect(new Set(told.series.map(({ labels }) => labels.reactor).filter(Boolean)).size).toBe(4);
  });

  it('are escaped, and have the defaults of the host', async () => {
    const { nexus, metrics } = measured({ defaultLabels: { service: 'neo"bot\\' }, prefix: 'bus_' });
    await nexus.dispatch('A"\\B', {});
    const { series } = await scrape(metrics);
    const [one] = series.filter(({ name }) => name === 'bus_events_total');
    expect(one).toMatchObject({
      labels: { service: 'neo\\"bot\\\\', type: 'A\\"\\\\B', source: 'nexus' },
      value: 1,
    });
    expect(series.every(({ labels }) => 'service' in labels)).toBe(true);
  });
});

describe('a register', () => {
  it('is never the global one', async () => {
    const { metrics } = measured();
    expect(globalRegistry.getMetricsAsArray()).toEqual([]);
    expect(await metrics.text()).toContain('nexus_up 1');
  });

  it('of the host has them beside its own until they stop', async () => {
    const register = new Registry();
    const { nexus, metrics } = measured({ register });
    expect(metrics.register).toBe(register);
    await nexus.dispatch('A', {});
    expect(parse(await register.metrics()).sum('nexus_events_total')).toBe(1);
    expect(register.getMetricsAsArray()).toHaveLength(Object.keys(definitions).length);
    expect(() => createMetrics(nexus, { register })).toThrow(/another prefix/);
    expect(register.getMetricsAsArray()).toHaveLength(Object.keys(definitions).length);
    metrics.stop();
    metrics.stop();
    expect(register.getMetricsAsArray()).toEqual([]);
    // One that is in the way takes back those that were registered before it.
    const own = new Gauge({ name: 'nexus_handling', help: 'of the host', registers: [register] });
    expect(() => createMetrics(nexus, { register })).toThrow(/another prefix/);
    expect(register.getMetricsAsArray()).toEqual([own]);
    register.removeSingleMetric('nexus_handling');
    createMetrics(nexus, { register }).stop();
  });

  it('may be of the OpenMetrics kind', async () => {
    const register = new (Registry as unknown as new (type: string) => Registry)(
      Registry.OPENMETRICS_CONTENT_TYPE,
    );
    const { nexus, metrics } = measured({ register });
    await nexus.dispatch('A', {});
    for (const text of [await metrics.text(), await metrics.text()]) {
      expect(text).toContain('# TYPE nexus_events counter\nnexus_events_total{type="A",source="nexus"} 1\n');
      expect(text).toMatch(/# EOF\n$/);
    }
    metrics.stop();
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('of their own needs prom-client, and says so', () => {
    const load = (): never => {
      throw new Error("Cannot find module 'prom-client'");
    };
    expect(() => ownRegister(load)).toThrow(
      expect.objectContaining({
        code: 'NEXUS_PEER_MISSING',
        message: expect.stringContaining('npm install prom-client@15') as string,
      }),
    );
  });
});

describe('a scrape', () => {
  it('asks the Nexus once', async () => {
    const { nexus, metrics } = measured();
    let asked = 0;
    const stats = nexus.stats.bind(nexus);
    nexus.stats = () => {
      asked += 1;
      return stats();
    };
    await metrics.text();
    await metrics.text();
    expect(asked).toBe(2);
  });

  it('of a Nexus that cannot be read still has what was counted', async () => {
    const { nexus, metrics } = measured();
    await nexus.dispatch('A', {});
    nexus.stats = () => Promise.reject(new Error('no'));
    nexus.health = () => Promise.reject(new Error('no'));
    const told = await scrape(metrics);
    expect([told.sum('nexus_up'), told.sum('nexus_events_total')]).toEqual([0, 1]);
    expect(told.series.some(({ name }) => name === 'nexus_dead_letters')).toBe(false);
  });

  it('tells what stands: lag, pauses, retries, dead letters, age', async () => {
    const { nexus, clock, metrics } = measured();
    nexus.onEvent('A', { name: 'paused' }, () => undefined);
    nexus.onEvent('A', { name: 'bad', retry: { maxAttempts: 2, initialMs: 60_000, jitter: 0 } }, () => {
      throw new Error('no');
    });
    nexus.onEvent('A', { name: 'dead', retry: { maxAttempts: 1 } }, () => {
      throw new Error('no');
    });
    await nexus.idle();
    await nexus.reactors.pause('paused');
    await nexus.dispatch('A', {});
    await nexus.idle();
    await clock.advance(5_000);
    const told = await scrape(metrics);
    expect(told.sum('nexus_reactor_paused', { reactor: 'paused' })).toBe(1);
    expect(told.sum('nexus_reactor_paused', { reactor: 'bad' })).toBe(0);
    expect(told.sum('nexus_deliveries', { state: 'pending' })).toBe(2);
    expect(told.sum('nexus_retry_queue_size')).toBe(1);
    expect(told.sum('nexus_dead_letters')).toBe(1);
    expect(told.sum('nexus_oldest_due_age_seconds')).toBe(5);
    expect(told.sum('nexus_events_per_minute')).toBe(1);
    expect(told.sum('nexus_degraded')).toBe(0);
    expect(told.types.get('nexus_reactor_queue_seconds')).toBe('histogram');
    const percentiles = told.series.filter(({ name }) => name === 'nexus_event_loop_delay_seconds');
    expect(percentiles.map(({ labels }) => labels.percentile)).toEqual(['50', '90', '99', '100']);
  });
});

it('leaves nothing when the Nexus closes', async () => {
  const { nexus } = createBus();
  const register = new Registry();
  createMetrics(nexus, { register });
  await nexus.close();
  expect(register.getMetricsAsArray()).toEqual([]);
});

it('leaves no listener when it stops', () => {
  const { nexus } = createBus();
  const open = new Set<string>();
  const on = nexus.on.bind(nexus);
  nexus.on = (name, listener) => {
    open.add(name);
    const end = on(name, listener);
    return () => {
      open.delete(name);
      end();
    };
  };
  const metrics = createMetrics(nexus);
  expect(open.has('closed')).toBe(true);
  metrics.stop();
  expect([...open]).toEqual([]);
});

it.each<[string, MetricsOptions]>([
  ['prefix', { prefix: 'no spaces ' }],
  ['register', { register: {} as never }],
  ['defaultLabels.le gal', { defaultLabels: { 'le gal': 'x' } }],
  ['buckets.reactor', { buckets: { reactor: [1, 1] } }],
  ['buckets.commit', { buckets: { commit: [] } }],
  ['maxTypes', { maxTypes: 0 }],
])('refuses a wrong %s', (option, options) => {
  expect(() => createMetrics(createBus().nexus, options)).toThrow(
    expect.objectContaining({
      code: 'NEXUS_INVALID_OPTION',
      message: expect.stringContaining(option) as string,
    }),
  );
});
