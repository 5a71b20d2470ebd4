/**
 * What Prometheus itself says of the metrics after a busy run: `promtool` of the text, of the rules and of the configuration
 * in examples/monitoring, and a real server that scrapes a host, evaluates the rules, and answers every query of the dashboard.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHttpHandler } from '../src/http/index.js';
import { createNexus, type Nexus } from '../src/index.js';
import { createMetrics } from '../src/metrics/index.js';

export type PrometheusReport = {
  readonly version: string;
  /** What promtool has to say against the metrics, the rules and the configuration: nothing. */
  readonly complaints: readonly string[];
  readonly series: number;
  /** How the scrape went, as Prometheus says. */
  readonly scrape: string;
  /** Numbers that Prometheus has, beside those of the host. */
  readonly numbers: Readonly<Record<string, { readonly prometheus: number; readonly host: number }>>;
  /** Rules that it evaluates, and queries of the dashboard that it answers; and what it says of those that it does not. */
  readonly rules: number;
  readonly queries: number;
  readonly failed: readonly string[];
};

const monitoring = fileURLToPath(new URL('../examples/monitoring', import.meta.url));
const secret = 'secret-of-the-proof-of-prometheus';
const token = 'token-of-the-proof-of-prometheus';

/** Why it cannot be done here, if so. */
export const noPrometheus = ['promtool', 'prometheus'].every(
  (name) => spawnSync(name, ['--version']).status === 0,
)
  ? undefined
  : 'promtool and prometheus (apt-get install prometheus) are not installed here';

export async function provePrometheus(options: { events: number }): Promise<PrometheusReport> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-prometheus-'));
  const servers: Server[] = [];
  const hook = await listen(
    createServer((request, response) => void request.resume().on('end', () => response.writeHead(500).end())),
    servers,
  );
  const nexus = createNexus({
    storage: join(folder, 'nexus.db'),
    logger: false,
    nodes: {
      shop: { secrets: [secret], dispatch: ['*'] },
      hook: {
        secrets: [secret.toUpperCase()],
        subscribe: ['PAID'],
        webhook: { url: `http://127.0.0.1:${hook}/`, allowPrivateNetwork: true },
      },
    },
  });
  const metrics = createMetrics(nexus);
  try {
    const handler = createHttpHandler(nexus, {
      basePath: '/nexus',
      rateLimit: false,
      nodeRateLimit: false,
      metrics: { ...metrics, token },
    });
    const port = await listen(createServer(handler), servers);
    await busy(nexus, port, options.events);
    const text = await metrics.text();
    const complaints = [
      ...promtool(['check', 'metrics'], text),
      ...promtool(['check', 'rules', join(monitoring, 'alerts.yml')]),
    ];
    const asked = await scraped(folder, port, complaints);
    const { head, deliveries } = await nexus.stats();
    return {
      version: versionOf(spawnSync('prometheus', ['--version'], { encoding: 'utf8' })),
      complaints,
      series: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
      scrape: asked.scrape,
      numbers: {
        events: { prometheus: asked.events, host: head },
        deadLetters: { prometheus: asked.dead, host: deliveries.dead },
      },
      rules: asked.rules,
      queries: asked.queries,
      failed: asked.failed,
    };
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    metrics.stop();
    await nexus.close({ timeoutMs: 0 });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Something of everything: failures, retries, children, refusals, a webhook that fails. */
async function busy(nexus: Nexus, port: number, events: number): Promise<void> {
  nexus.onEvent('PAID', { name: 'mint', orderBy: ({ payload }) => String(payload.n) }, (_, ctx) => {
    ctx.dispatch('MINTED', {});
  });
  nexus.onEvent('PAID', { name: 'flaky', retry: { maxAttempts: 2, initialMs: 1 } }, ({ n }, { attempt }) => {
    if (Number(n) % 3 === 0 && attempt === 1) throw new Error('the first time never works');
    if (Number(n) % 10 === 0) throw new Error('this one never works');
  });
  const post = async (n: number, key: string): Promise<void> => {
    const body = JSON.stringify({ event: 'PAID', payload: { n } });
    const signature = createHmac('sha256', key).update(body).digest('hex');
    const headers = {
      'content-type': 'application/json',
      'x-nexus-node': 'shop',
      'x-nexus-signature': signature,
    };
    await (await fetch(`http://127.0.0.1:${port}/nexus/events`, { method: 'POST', body, headers })).text();
  };
  for (let n = 0; n < events; n += 50)
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => post(n + i, (n + i) % 25 === 0 ? 'wrong' : secret)),
    );
  // What is to be tried again later is left for then: an endpoint that fails is, for days.
  while ((await nexus.stats()).deliveries.running > 0 || (await lagging(nexus)))
    await new Promise((resolve) => setTimeout(resolve, 20));
}

async function lagging(nexus: Nexus): Promise<boolean> {
  const reactors = (await nexus.reactors.list()).filter(({ name }) => !name.startsWith('webhook:'));
  return reactors.some(({ lag, counts }) => lag > 0 || counts.pending > 0);
}

/** Everything that it says, and how it ended, where that is not well. */
function promtool(args: readonly string[], input?: string): string[] {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8', input: input ?? '' });
  const said = `${stdout}${stderr}`.trim();
  // Of the metrics it says nothing where there is nothing to say.
  const isWell = status === 0 && (args[1] !== 'metrics' || said === '');
  return isWell ? [] : [`promtool ${args.slice(0, 2).join(' ')}: ${status} ${said}`];
}

async function scraped(
  folder: string,
  target: number,
  complaints: string[],
): Promise<{
  scrape: string;
  events: number;
  dead: number;
  rules: number;
  queries: number;
  failed: string[];
}> {
  const port = await freePort();
  const file = join(folder, 'prometheus.yml');
  writeFileSync(join(folder, 'nexus-token'), `${token}\n`, { mode: 0o600 });
  cpSync(join(monitoring, 'alerts.yml'), join(folder, 'alerts.yml'));
  writeFileSync(file, configuration(folder, target));
  complaints.push(...promtool(['check', 'config', file]));
  const flags = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${join(folder, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ];
  const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const ask = async (path: string): Promise<Answer> =>
    (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as Answer;
  const query = (expr: string): Promise<Answer> => ask(`query?query=${encodeURIComponent(expr)}`);
  const value = async (expr: string): Promise<number> =>
    Number((await query(expr)).data?.result?.[0]?.value[1] ?? Number.NaN);
  try {
    const scrape = await retried(async () => {
      const [only] = (await ask('targets')).data?.activeTargets ?? [];
      return only === undefined || only.health === 'unknown' ? undefined : `${only.health} ${only.lastError}`;
    });
    // Two scrapes, for rates are of two.
    await retried(async () => ((await value('count_over_time(nexus_up[1h])')) >= 2 ? true : undefined));
    const groups = await retried(async () => {
      const { groups: found = [] } = (await ask('rules')).data ?? {};
      return found.every(({ rules }) => rules.every(({ health }) => health !== 'unknown'))
        ? found
        : undefined;
    });
    const rules = groups.flatMap((group) => group.rules);
    const failed = rules
      .filter(({ health }) => health !== 'ok')
      .map(({ name, lastError }) => `${name}: ${lastError}`);
    const exprs = dashboardQueries();
    for (const expr of exprs) {
      const { status, error } = await query(expr);
      if (status !== 'success') failed.push(`${expr}: ${error}`);
    }
    return {
      scrape: scrape.trim(),
      events: await value('sum(nexus_events_total)'),
      dead: await value('max(nexus_dead_letters)'),
      rules: rules.length,
      queries: exprs.length,
      failed,
    };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

type Answer = {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result?: readonly { readonly value: readonly [number, string] }[];
    readonly activeTargets?: readonly { readonly health: string; readonly lastError: string }[];
    readonly groups?: readonly {
      readonly rules: readonly {
        readonly name: string;
        readonly health: string;
        readonly lastError: string;
      }[];
    }[];
  };
};

/** As examples/monitoring/README.md has it, for this host; looked at more often. */
function configuration(folder: string, target: number): string {
  const [, yaml = ''] =
    /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(monitoring, 'README.md'), 'utf8')) ?? [];
  const scrape = yaml
    .replace('/etc/prometheus/nexus-token', join(folder, 'nexus-token'))
    .replace('neobot.internal:3000', `127.0.0.1:${target}`);
  return `global: { scrape_interval: 1s, evaluation_interval: 1s }\nrule_files: [alerts.yml]\n${scrape}`;
}

/** With what Grafana puts in the places of its variables. */
function dashboardQueries(): string[] {
  const { panels } = JSON.parse(readFileSync(join(monitoring, 'dashboard.json'), 'utf8')) as {
    panels: { targets?: { expr: string }[] }[];
  };
  return panels
    .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
    .map((expr) => expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'));
}

function versionOf({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  return /version (\S+)/.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown';
}

/** Asks until there is an answer; a server that starts refuses at first. */
async function retried<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (tries > 300) throw error;
    }
    if (tries > 300) throw new Error('Prometheus did not come to an answer within 30 s');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function listen(server: Server, servers: Server[]): Promise<number> {
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const servers: Server[] = [];
  const port = await listen(createServer(), servers);
  await new Promise((closed) => servers[0]?.close(closed));
  return port;
}
