/** The options of `createHttpHandler`: checked, and with their defaults. */
import { invalidArgument, wholeArgument } from '../core/arguments.js';
import type { SeatLimits } from '../core/seats.js';
import type { MetricsSource } from './metrics.js';
import type { Rate } from './rate-limiter.js';
import type { WebhookSource } from './webhook-source.js';

/** For `createHttpHandler`. */
export interface HttpHandlerOptions {
  /** Where it is mounted, such as `/nexus`. @default what the framework says, else none */
  basePath?: string;
  /** `POST /webhook/<name>`. @default {} */
  webhooks?: Record<string, WebhookSource>;
  /** Requests of one address (IPv6: of one /64), token bucket; false for none. @default { perSecond: 10, burst: 20 } */
  rateLimit?:
    | {
        /** Requests a second that go on for ever. @default 10 */
        perSecond?: number;
        /** Requests at once, after a pause. @default 20 */
        burst?: number;
      }
    | false;
  /** Requests of one node, once it has proven who it is; false for none. @default { perSecond: 100, burst: 200 } */
  nodeRateLimit?:
    | {
        /** Requests a second that go on for ever. @default 100 */
        perSecond?: number;
        /** Requests at once, after a pause. @default 200 */
        burst?: number;
      }
    | false;
  /** Origins whose pages may ask, by exact match. @default none */
  cors?: {
    /** Such as `https://app.example`: as browsers send it, no wildcards. */
    origins: string[];
  };
  /** Proxies before this server: how many, or their addresses and CIDR ranges. Without, `X-Forwarded-For` is not read. @default 0 */
  trustProxy?: number | string[];
  /** Serves `GET /metrics`: what `createMetrics` gives, with a `token` where not everybody may ask. @default none */
  metrics?: MetricsSource;
  /** Serves `/admin/…`, where nodes with `admin: true` see and steer reactors, deliveries, replays and endpoints, and have the log verified. @default false */
  admin?: boolean;
  /** Largest request body, bytes. @default 262_144 */
  bodyLimitBytes?: number;
  /** How long a body may take to arrive, milliseconds. @default 10_000 */
  bodyTimeoutMs?: number;
  /** What the bodies on their way may hold in memory together, bytes; beyond it the answer is 503. @default 67_108_864 */
  bufferLimitBytes?: number;
  /** `GET /events/stream`: how many, and at what distances. @default {} */
  stream?: EventStreamOptions;
}

/** For `GET /events/stream`. */
export interface EventStreamOptions {
  /** Streams at once. @default 10_000 */
  maxConnections?: number;
  /** Streams of one node. @default 1_000 */
  maxConnectionsPerNode?: number;
  /** Streams of one address (IPv6: of one /64). @default 1_000 */
  maxConnectionsPerAddress?: number;
  /** Distance of the signs of life, milliseconds. @default 15_000 */
  heartbeatMs?: number;
  /** How long a client is asked to wait before it connects again, milliseconds. @default 3_000 */
  retryMs?: number;
  /** How long a client may take nothing before its stream ends, milliseconds. @default 60_000 */
  slowLimitMs?: number;
}

export type StreamSettings = SeatLimits & Readonly<Record<'heartbeatMs' | 'retryMs' | 'slowLimitMs', number>>;

export type HttpSettings = {
  readonly basePath: string;
  readonly admin: boolean;
  readonly rateLimit: Rate | undefined;
  readonly nodeRateLimit: Rate | undefined;
  readonly bodyLimitBytes: number;
  readonly bodyTimeoutMs: number;
  readonly bufferLimitBytes: number;
  readonly stream: StreamSettings;
};

/** @throws NexusError NEXUS_INVALID_OPTION */
export function httpSettings(options: HttpHandlerOptions): HttpSettings {
  const { bodyLimitBytes = 262_144, bodyTimeoutMs = 10_000, bufferLimitBytes = 67_108_864 } = options;
  wholeArgument(bodyLimitBytes, 'bodyLimitBytes', 1, 64 * 1024 * 1024);
  wholeArgument(bodyTimeoutMs, 'bodyTimeoutMs', 1, 600_000);
  wholeArgument(bufferLimitBytes, 'bufferLimitBytes', bodyLimitBytes, 2 ** 40);
  return {
    basePath: checkBasePath(options.basePath ?? ''),
    admin: checkFlag('admin', options.admin),
    rateLimit: rateOf('rateLimit', options.rateLimit, { perSecond: 10, burst: 20 }),
    nodeRateLimit: rateOf('nodeRateLimit', options.nodeRateLimit, { perSecond: 100, burst: 200 }),
    bodyLimitBytes,
    bodyTimeoutMs,
    bufferLimitBytes,
    stream: streamSettings(options.stream ?? {}),
  };
}

const LONGEST_MS = 2 ** 31 - 1;

function streamSettings(options: EventStreamOptions): StreamSettings {
  const settings = {
    maxConnections: 10_000,
    maxConnectionsPerNode: 1_000,
    maxConnectionsPerAddress: 1_000,
    heartbeatMs: 15_000,
    retryMs: 3_000,
    slowLimitMs: 60_000,
    ...options,
  };
  for (const name of ['maxConnections', 'maxConnectionsPerNode', 'maxConnectionsPerAddress'] as const)
    wholeArgument(settings[name], `stream.${name}`, 1, 1_000_000);
  for (const name of ['heartbeatMs', 'retryMs', 'slowLimitMs'] as const)
    wholeArgument(settings[name], `stream.${name}`, 10, LONGEST_MS);
  return settings;
}

function rateOf(option: string, given: HttpHandlerOptions['rateLimit'], defaults: Rate): Rate | undefined {
  if (given === false) return undefined;
  const { perSecond = defaults.perSecond, burst = defaults.burst } = given ?? {};
  if (!Number.isFinite(perSecond) || perSecond <= 0 || perSecond > 1_000_000)
    throw invalidArgument(`${option}.perSecond`, 'a number above 0 and up to 1,000,000', perSecond);
  wholeArgument(burst, `${option}.burst`, 1, 1_000_000);
  return { perSecond, burst };
}

/** A word such as "false" out of the environment must not open anything. */
function checkFlag(option: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value;
  throw invalidArgument(option, 'true or false', value);
}

function checkBasePath(basePath: string): string {
  if (basePath === '' || basePath === '/') return '';
  if (/^(\/[\w.~-]+)+$/.test(basePath)) return basePath;
  throw invalidArgument('basePath', 'like "/nexus"', basePath);
}
