/** The configuration of a standalone service: what may stand in it, and what is wrong with what does. */
import type { HttpHandlerOptions } from '../../http/index.js';
import {
  NexusError,
  type Catalogue,
  type Nexus,
  type NexusOptions,
  type ReactorDefinition,
} from '../../index.js';
import type { WebSocketHandlerOptions } from '../../ws/index.js';

/**
 * The default export of `nexus.config.mjs`, or what it returns where it is a function (it is given the variables of the
 * environment, and of a `.env` beside it); or the whole of `nexus.config.json`. Paths are as seen from the file. Secrets do
 * not stand in it: where one is needed, it names a variable of the environment.
 *
 * @example export default { database: './data/nexus.db', nodes: './permissions.json', reactors: './reactors' };
 */
export interface ServeConfig {
  /** The database file. @default NEXUS_DB, else './nexus.db' */
  database?: string;
  /** The name of this host among the nodes. @default 'nexus' */
  node?: string;
  /** The catalogue: `'protocol'` for that of the NEØ Protocol, or what `defineEvents` gives. @default any type, any JSON object */
  events?: 'protocol' | Catalogue;
  /** A folder of reactors, each loaded file of which exports some. @default none */
  reactors?: string;
  /** The file of the nodes, read again at SIGHUP. @default none: nobody may say anything over HTTP */
  nodes?: string;
  /** A file of variables, read where it is there, before anything else and again at SIGHUP; those of the environment win. @default './.env' */
  envFile?: string;
  /** Where to listen; HOST and PORT win. @default '127.0.0.1' */
  host?: string;
  /** @default 3000 */
  port?: number;
  /** Options of `createHttpHandler`; `webhooks: 'protocol'` has those of the NEØ Protocol. @default { admin: true } */
  http?: Omit<HttpHandlerOptions, 'webhooks' | 'metrics'> & {
    webhooks?: 'protocol' | HttpHandlerOptions['webhooks'];
  };
  /** Options of `createWebSocketHandler`, or false for none. @default { path: '/ws' } */
  ws?: false | WebSocketHandlerOptions;
  /** Serve `GET /metrics` (needs prom-client); `tokenEnv` names the variable that holds its token. @default false */
  metrics?: boolean | { tokenEnv?: string };
  /** Alerts on Discord; `discordEnv` names the variable that holds the URL of its webhook. @default none */
  alerts?: { discordEnv: string };
  /** How long after a signal it may take to end, milliseconds; the platform's own grace must be longer. @default 20_000 */
  graceMs?: number;
  /** How long after a signal it goes on taking connections while it says that it is not ready, milliseconds. @default 0 */
  drainDelayMs?: number;
  /** As for `createNexus`. */
  retry?: NexusOptions['retry'];
  concurrency?: number;
  maxInFlight?: number;
  retention?: NexusOptions['retention'];
  maxPayloadBytes?: number;
  /** The least level of the log: debug, info, warn, error, silent; LOG_LEVEL wins. @default 'info' */
  logLevel?: string;
  /** Called once before it starts: more reactors, schedules, listeners. */
  setup?: (nexus: Nexus) => unknown;
  /** More reactors, beside those of the folder. */
  definitions?: readonly ReactorDefinition[];
}

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'a text');
const variable: Check = (value) =>
  typeof value === 'string' && /^[A-Z_][A-Z0-9_]{0,199}$/.test(value)
    ? undefined
    : 'the name of an environment variable, such as METRICS_TOKEN (never the secret itself)';
const whole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `a whole number from ${least} to ${most}`;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object: Check = (value) => (isObject(value) ? undefined : 'an object');
const callable: Check = (value) => (typeof value === 'function' ? undefined : 'a function');

const checks: Readonly<Record<keyof ServeConfig, Check>> = {
  database: text,
  node: text,
  events: (value) => (value === 'protocol' || isObject(value) ? undefined : `'protocol' or a catalogue`),
  reactors: text,
  nodes: text,
  envFile: text,
  host: text,
  port: whole(0, 65_535),
  http: object,
  ws: (value) => (value === false || isObject(value) ? undefined : 'false or an object'),
  metrics: (value) =>
    typeof value === 'boolean'
      ? undefined
      : isObject(value)
        ? only(value, { tokenEnv: variable })
        : 'true, false or { tokenEnv }',
  alerts: (value) =>
    isObject(value) && 'discordEnv' in value ? only(value, { discordEnv: variable }) : '{ discordEnv }',
  graceMs: whole(1_000, 600_000),
  drainDelayMs: whole(0, 300_000),
  retry: object,
  concurrency: whole(1, 10_000),
  maxInFlight: whole(1, 100_000),
  retention: object,
  maxPayloadBytes: whole(1_024, 4 * 1024 * 1024),
  logLevel: (value) =>
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'].includes(String(value))
      ? undefined
      : 'one of debug, info, warn, error, silent',
  setup: callable,
  definitions: (value) => (Array.isArray(value) ? undefined : 'a list of reactors'),
};

/** Undefined where each is right. */
function only(value: Record<string, unknown>, parts: Readonly<Record<string, Check>>): string | undefined {
  for (const [key, each] of Object.entries(value)) {
    const wrong = parts[key] ? parts[key](each) : 'not there';
    if (wrong !== undefined) return `an object whose ${key} is ${wrong}`;
  }
  return undefined;
}

/** All that is wrong, at once. @throws NexusError NEXUS_INVALID_OPTION */
export function checkConfig(value: unknown, path: string): ServeConfig {
  if (!isObject(value)) throw refused(path, ['it must be an object (the default export of a module)']);
  const problems = Object.entries(value).flatMap(([key, each]) => {
    if (!Object.hasOwn(checks, key) && key !== '$schema')
      return [`there is no option ${JSON.stringify(key)}; there are ${Object.keys(checks).join(', ')}`];
    if (each === undefined || key === '$schema') return [];
    const expected = checks[key as keyof ServeConfig](each);
    return expected === undefined ? [] : [`${key} must be ${expected}`];
  });
  const { graceMs = 20_000, drainDelayMs = 0 } = value as ServeConfig;
  if (problems.length === 0 && drainDelayMs > graceMs / 2)
    problems.push('drainDelayMs must be at most half of graceMs, or nothing is left to end in');
  if (problems.length > 0) throw refused(path, problems);
  return value;
}

export function refused(path: string, problems: readonly string[], cause?: unknown): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', `${path}: ${problems.join('; ')}`, {
    details: { path, problems },
    ...(cause !== undefined && { cause }),
  });
}
