/** A standalone service: a Nexus, its reactors, and a server of its own around the edges. */
import { existsSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, resolve } from 'node:path';
import { pino, type Logger } from 'pino';
import { discordAlerts } from '../../alerts/index.js';
import { createHttpHandler, protocolWebhooks } from '../../http/index.js';
import {
  createNexus,
  type AnyCatalogue,
  loadPermissions,
  loadReactors,
  type CloseReport,
  type Nexus,
  type NexusOptions,
  type NodeConfig,
} from '../../index.js';
import { createMetrics } from '../../metrics/index.js';
import { createWebSocketHandler, type WebSocketHandler } from '../../ws/index.js';
import { missing, usageError } from '../exit-codes.js';
import { messageOf } from '../message-of.js';
import type { ServeConfig } from './config.js';
import { createDrain } from './drain.js';
import { catalogueOf, withFile } from './load-config.js';

type Env = Readonly<Record<string, string | undefined>>;

export interface Service {
  readonly nexus: Nexus;
  readonly log: Logger;
  /** Where it listens. */
  readonly url: string;
  /** Reads the nodes and their variables again; where they are wrong, everything stays as it is. */
  readonly reread: () => Promise<void>;
  /** Stops taking connections, drains and closes; never rejects. */
  readonly stop: () => Promise<CloseReport & { readonly cut: number }>;
}

/** @throws CliError, NexusError of whatever is wrong with the configuration, and what keeps the storage or the port from opening */
export async function startService(config: ServeConfig, environment: Env): Promise<Service> {
  const variables = (): Env => withFile(config.envFile, environment);
  const env = variables();
  // Written at once: the last lines of a process that ends are those that are looked for.
  const log = pino(
    { name: config.node ?? 'nexus', level: env.LOG_LEVEL ?? config.logLevel ?? 'info' },
    pino.destination({ fd: 1, sync: true }),
  );
  const nodes = (): Record<string, NodeConfig> => {
    if (config.nodes === undefined) return {};
    if (!existsSync(config.nodes)) throw missing(`there is no file of nodes at ${config.nodes}`);
    const events = catalogueOf(config);
    return loadPermissions(config.nodes, variables(), events && { events });
  };
  const nexus: Nexus = createNexus({ ...nexusOptions(config, env), nodes: nodes(), logger: log });
  try {
    if (config.reactors !== undefined)
      for (const reactor of await loadReactors(config.reactors)) nexus.register(reactor);
    for (const reactor of config.definitions ?? []) nexus.register(reactor);
    await config.setup?.(nexus);
    tellDiscord(nexus, config, env, log);
    await nexus.start();
    const edges = createEdges(nexus, config, env);
    const drain = createDrain(edges.server);
    await listen(edges.server, hostOf(config, env), portOf(config, env));
    let closing: ReturnType<Service['stop']> | undefined;
    return {
      nexus,
      log,
      url: urlOf(edges.server),
      reread: async () => {
        try {
          await nexus.nodes.replace(nodes());
          log.info({ nodes: (await nexus.nodes.list()).length }, 'read the nodes again');
        } catch (error) {
          log.error(
            { reason: messageOf(error) },
            'the nodes could not be read again; those that were there stay',
          );
        }
      },
      stop: () => (closing ??= stop({ nexus, ws: edges.ws, drain, ...graceOf(config) })),
    };
  } catch (error) {
    await nexus.close({ timeoutMs: 0 });
    throw error;
  }
}

function nexusOptions(config: ServeConfig, env: Env): NexusOptions {
  const { node, retry, concurrency, maxInFlight, retention, maxPayloadBytes } = config;
  const events = catalogueOf(config);
  return {
    storage: databaseOf(config, env),
    // Opened by `start`, once everything is registered and right.
    autoStart: false,
    // A host that is configured cannot say at compile time what its payloads are.
    ...(events && { events: events as AnyCatalogue }),
    ...(node !== undefined && { node }),
    ...(retry && { retry }),
    ...(concurrency !== undefined && { concurrency }),
    ...(maxInFlight !== undefined && { maxInFlight }),
    ...(retention && { retention }),
    ...(maxPayloadBytes !== undefined && { maxPayloadBytes }),
  };
}

/** A volume is empty at first: the folder is made. */
function databaseOf(config: ServeConfig, env: Env): string {
  const path = config.database ?? env.NEXUS_DB ?? './nexus.db';
  if (path !== ':memory:') mkdirSync(dirname(resolve(path)), { recursive: true });
  return path;
}

function createEdges(
  nexus: Nexus,
  config: ServeConfig,
  env: Env,
): { server: Server; ws: WebSocketHandler | undefined } {
  const { webhooks, ...http } = config.http ?? {};
  const handler = createHttpHandler(nexus, {
    // Whom it is for, the file of the nodes says.
    admin: true,
    ...http,
    ...(webhooks !== undefined && { webhooks: webhooks === 'protocol' ? protocolWebhooks : webhooks }),
    ...metricsOf(nexus, config, env),
  });
  const server = createServer(handler);
  // Longer than the proxies before it keep theirs: otherwise they send into a connection that is being closed.
  server.keepAliveTimeout = 75_000;
  if (config.ws === false) return { server, ws: undefined };
  const { trustProxy } = http;
  const ws = createWebSocketHandler(nexus, {
    path: '/ws',
    ...(trustProxy !== undefined && { trustProxy }),
    ...config.ws,
  });
  ws.attach(server);
  return { server, ws };
}

function metricsOf(
  nexus: Nexus,
  { metrics }: ServeConfig,
  env: Env,
): { metrics?: ReturnType<typeof createMetrics> & { token?: string } } {
  if (metrics === undefined || metrics === false) return {};
  const made = createMetrics(nexus);
  const tokenEnv = metrics === true ? undefined : metrics.tokenEnv;
  return {
    metrics: tokenEnv === undefined ? made : { ...made, token: demand(env, tokenEnv, 'metrics.tokenEnv') },
  };
}

function tellDiscord(nexus: Nexus, { alerts }: ServeConfig, env: Env, log: Logger): void {
  if (!alerts) return;
  discordAlerts(nexus, {
    webhookUrl: demand(env, alerts.discordEnv, 'alerts.discordEnv'),
    onError: (error: unknown) => log.warn({ reason: messageOf(error) }, 'an alert could not be sent'),
  });
}

function demand(env: Env, name: string, option: string): string {
  const value = env[name];
  if (value !== undefined && value !== '') return value;
  throw usageError(`${option}: the environment variable ${name} is not set`);
}

function hostOf(config: ServeConfig, env: Env): string {
  return env.HOST !== undefined && env.HOST !== '' ? env.HOST : (config.host ?? '127.0.0.1');
}

function portOf(config: ServeConfig, env: Env): number {
  const { PORT } = env;
  if (PORT === undefined || PORT === '') return config.port ?? 3_000;
  if (/^\d{1,5}$/.test(PORT) && Number(PORT) <= 65_535) return Number(PORT);
  throw usageError(`PORT must be a number from 0 to 65535; got ${JSON.stringify(PORT)}`);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function graceOf({ graceMs = 20_000, drainDelayMs = 0 }: ServeConfig): {
  graceMs: number;
  drainDelayMs: number;
} {
  return { graceMs, drainDelayMs };
}

/** What the last commit and the end of the process may take. */
const LAST_MS = 1_000;

/** Not ready → no new connections → requests on their way are answered → handlers drain → closed. */
async function stop(parts: {
  nexus: Nexus;
  ws: WebSocketHandler | undefined;
  drain: ReturnType<typeof createDrain>;
  graceMs: number;
  drainDelayMs: number;
}): ReturnType<Service['stop']> {
  const { nexus, ws, drain, graceMs, drainDelayMs } = parts;
  const deadline = performance.now() + graceMs - LAST_MS;
  const left = (): number => Math.max(0, deadline - performance.now());
  await drain.unready(drainDelayMs);
  drain.shut();
  await ws?.close();
  // Most of the time is for handlers: a request that takes longer than this is cut off unanswered.
  const cut = await drain.answered(Math.min(left() / 4, 5_000));
  const report = await nexus.close({ timeoutMs: left() });
  drain.end();
  return { ...report, cut };
}
