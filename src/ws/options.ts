/** The options of `createWebSocketHandler`: checked, and with their defaults. */
import { invalidArgument, wholeArgument } from '../core/arguments.js';

/** For `createWebSocketHandler`. */
export interface WebSocketHandlerOptions {
  /** The one path that is served, as the client asks for it. @default '/nexus/ws' */
  path?: string;
  /** Whether `?token=` proves who it is; it ends up in the logs of servers and proxies. @default false */
  queryToken?: boolean;
  /** Origins whose pages may connect, by exact match; clients that are no browser send none. @default any, for a token is needed in any case */
  origins?: string[];
  /** Connections at once. @default 10_000 */
  maxConnections?: number;
  /** Connections of one node. @default 1_000 */
  maxConnectionsPerNode?: number;
  /** Connections of one address (IPv6: of one /64). @default 1_000 */
  maxConnectionsPerAddress?: number;
  /** Proxies before this server: how many, or their addresses and CIDR ranges. Without, `X-Forwarded-For` is not read. @default 0 */
  trustProxy?: number | string[];
  /** Largest message of a client, bytes. @default 16_384 */
  maxPayloadBytes?: number;
  /** Messages of one client, token bucket; who sends more is closed with 1008. @default { perSecond: 10, burst: 50 } */
  messageRate?: {
    /** Messages a second that go on for ever. @default 10 */
    perSecond?: number;
    /** Messages at once, after a pause. @default 50 */
    burst?: number;
  };
  /** What waits for one client in memory, bytes; beyond it, it is caught up from the log later. @default 1_048_576 */
  highWaterMarkBytes?: number;
  /** How long a client may stay at its high-water mark before it is closed with 1013, milliseconds. @default 60_000 */
  slowLimitMs?: number;
  /** Distance of the pings; a peer that answers none is gone within two of them, milliseconds. @default 30_000 */
  heartbeatMs?: number;
  /** How long a client may stay without a first message, milliseconds. @default 30_000 */
  handshakeMs?: number;
}

export type WebSocketSettings = {
  readonly path: string;
  readonly queryToken: boolean;
  readonly origins: ReadonlySet<string> | undefined;
  readonly maxConnections: number;
  readonly maxConnectionsPerNode: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxPayloadBytes: number;
  readonly messageRate: { readonly perSecond: number; readonly burst: number };
  readonly highWaterMarkBytes: number;
  readonly slowLimitMs: number;
  readonly heartbeatMs: number;
  readonly handshakeMs: number;
};

const LONGEST_MS = 2 ** 31 - 1;

/** @throws NexusError NEXUS_INVALID_OPTION */
export function webSocketSettings(options: WebSocketHandlerOptions): WebSocketSettings {
  const { path = '/nexus/ws', queryToken = false } = options;
  if (typeof path !== 'string' || !/^\/[^\s?#]*$/.test(path))
    throw invalidArgument('path', 'like "/nexus/ws"', path);
  if (typeof queryToken !== 'boolean') throw invalidArgument('queryToken', 'true or false', queryToken);
  const { perSecond = 10, burst = 50 } = options.messageRate ?? {};
  if (!Number.isFinite(perSecond) || perSecond <= 0 || perSecond > 1_000_000)
    throw invalidArgument('messageRate.perSecond', 'a number above 0 and up to 1,000,000', perSecond);
  return {
    path,
    queryToken,
    origins: originsOf(options.origins),
    maxConnections: wholeArgument(options.maxConnections ?? 10_000, 'maxConnections', 1, 1_000_000),
    maxConnectionsPerNode: wholeArgument(
      options.maxConnectionsPerNode ?? 1_000,
      'maxConnectionsPerNode',
      1,
      1e6,
    ),
    maxConnectionsPerAddress: wholeArgument(
      options.maxConnectionsPerAddress ?? 1_000,
      'maxConnectionsPerAddress',
      1,
      1_000_000,
    ),
    maxPayloadBytes: wholeArgument(options.maxPayloadBytes ?? 16_384, 'maxPayloadBytes', 128, 1_048_576),
    messageRate: { perSecond, burst: wholeArgument(burst, 'messageRate.burst', 1, 1_000_000) },
    highWaterMarkBytes: wholeArgument(
      options.highWaterMarkBytes ?? 1_048_576,
      'highWaterMarkBytes',
      1_024,
      2 ** 30,
    ),
    slowLimitMs: wholeArgument(options.slowLimitMs ?? 60_000, 'slowLimitMs', 1, LONGEST_MS),
    heartbeatMs: wholeArgument(options.heartbeatMs ?? 30_000, 'heartbeatMs', 10, LONGEST_MS),
    handshakeMs: wholeArgument(options.handshakeMs ?? 30_000, 'handshakeMs', 1, LONGEST_MS),
  };
}

function originsOf(origins: unknown): ReadonlySet<string> | undefined {
  if (origins === undefined) return undefined;
  const isOrigin = (each: unknown): each is string =>
    typeof each === 'string' && URL.canParse(each) && new URL(each).origin === each;
  if (Array.isArray(origins) && origins.every(isOrigin)) return new Set(origins);
  throw invalidArgument(
    'origins',
    'a list of origins such as "https://app.example.com", without path or wildcard',
    origins,
  );
}
