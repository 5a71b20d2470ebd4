/** The options of a client: what they are, their defaults, and what is refused. */
import type { AnyCatalogue, Catalogue } from '../core/catalogue.js';
import { NexusError } from '../core/errors.js';
import type { SignatureName } from '../nodes/node-config.js';
import { invalidOption } from './failure.js';
import type { Backoff } from './pause.js';
import { checkSecret } from './sign-request.js';
import type { OnState } from './connection-state.js';

/** A secret or a token, or where to get the present one: asked again for each request and connection. */
export type Credential = string | (() => string | Promise<string>);

/** The part of `fetch` that is used. */
export type FetchLike = (url: string, init: RequestInit) => Promise<Response>;

/** The part of a WebSocket that is used; that of browsers, Node ≥ 22 and the package `ws` have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: object) => void): void;
}

/** A constructor of WebSockets. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** How a client hears of events. `auto`: a WebSocket where there is one, otherwise server-sent events. */
export type Transport = 'auto' | 'websocket' | 'sse';

/** For `createNexusClient`. */
export interface NexusClientOptions<E extends Catalogue = AnyCatalogue> {
  /** Where the HTTP handler is mounted, such as `https://bus.example/nexus`. */
  url: string;
  /** Our name among its nodes. Needed to dispatch. @default none */
  node?: string;
  /** What signs our requests. Needed to dispatch; never put one into a page. @default none */
  secret?: Credential;
  /** The bearer token with which we read. Needed for `onEvent` and `feed`. @default none */
  token?: Credential;
  /** Checks payloads before they are sent. The types alone need no code: `createNexusClient<typeof events>(…)`. @default nothing is checked */
  events?: E;
  /** How requests are signed; our entry among the nodes must allow it. @default 'nexus' */
  signature?: SignatureName;
  /** How events come. @default 'auto' */
  transport?: Transport;
  /** Where the WebSocket handler is. @default `url`/ws */
  webSocketUrl?: string;
  /** What sends the requests. @default globalThis.fetch */
  fetch?: FetchLike;
  /** What opens the sockets. @default globalThis.WebSocket, where there is one */
  WebSocket?: WebSocketConstructor;
  /** How `dispatch` is tried again. @default { maxAttempts: 8, initialMs: 250, maxMs: 10_000 } */
  retry?: {
    /** Attempts in all, the first one included. @default 8 */
    maxAttempts?: number;
    /** The longest that is waited after the first failure; doubles with each further one. Milliseconds. @default 250 */
    initialMs?: number;
    /** The longest that is ever waited, milliseconds. @default 10_000 */
    maxMs?: number;
  };
  /** For one request and for opening a connection, milliseconds. @default 10_000 */
  timeoutMs?: number;
  /** For a `dispatch` with all its attempts, milliseconds. @default 60_000 */
  deadlineMs?: number;
  /** How a lost connection is opened again. @default { initialMs: 1_000, maxMs: 30_000 } */
  reconnect?: {
    /** The longest that is waited after the first failure; doubles with each further one. Milliseconds. @default 1_000 */
    initialMs?: number;
    /** The longest that is ever waited, milliseconds. @default 30_000 */
    maxMs?: number;
  };
  /** How often a connection is asked whether it lives; one that is silent for twice as long is given up, milliseconds. @default 25_000 */
  heartbeatMs?: number;
  /** How many characters a WebSocket may bring before they are handled; beyond, it is closed, and opened again when that is done. @default 1_048_576 */
  bufferLimit?: number;
  /** Told of every change of a connection's state. @default what ends a subscription for good goes to console.error */
  onState?: OnState;
}

/** Options with their defaults. */
export type Settings = {
  readonly url: string;
  readonly webSocketUrl: string;
  readonly node: string | undefined;
  readonly secret: Credential | undefined;
  readonly token: Credential | undefined;
  readonly events: Catalogue | undefined;
  readonly signature: SignatureName;
  readonly transport: Transport;
  readonly fetch: FetchLike;
  readonly WebSocket: WebSocketConstructor | undefined;
  readonly retry: Backoff & { readonly maxAttempts: number };
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly reconnect: Backoff;
  readonly heartbeatMs: number;
  readonly bufferLimit: number;
  readonly onState: OnState | undefined;
};

/** @throws NexusError NEXUS_INVALID_OPTION */
export function settingsOf(options: NexusClientOptions<Catalogue>): Settings {
  const { url, webSocketUrl, secret, signature = 'nexus', transport = 'auto' } = options;
  const base = endpoint('url', url, /^https?:$/);
  if (typeof secret === 'string') checkSecret(secret);
  if (secret !== undefined && !options.node) throw invalidOption('node', 'our name, where there is a secret');
  const settings: Settings = {
    url: base,
    webSocketUrl:
      webSocketUrl === undefined
        ? `${base.replace(/^http/, 'ws')}/ws`
        : endpoint('webSocketUrl', webSocketUrl, /^wss?:$/),
    node: options.node,
    secret,
    token: options.token,
    events: options.events,
    signature,
    transport,
    fetch: options.fetch ?? ((to, init) => fetch(to, init)),
    WebSocket: options.WebSocket ?? globalThis.WebSocket,
    retry: { maxAttempts: 8, initialMs: 250, maxMs: 10_000, ...options.retry },
    timeoutMs: options.timeoutMs ?? 10_000,
    deadlineMs: options.deadlineMs ?? 60_000,
    reconnect: { initialMs: 1_000, maxMs: 30_000, ...options.reconnect },
    heartbeatMs: options.heartbeatMs ?? 25_000,
    bufferLimit: options.bufferLimit ?? 1_048_576,
    onState: options.onState,
  };
  const { retry, reconnect, timeoutMs, deadlineMs, heartbeatMs, bufferLimit } = settings;
  const numbers = { timeoutMs, deadlineMs, heartbeatMs, bufferLimit, maxAttempts: retry.maxAttempts };
  for (const [name, value] of Object.entries({ ...numbers, ...retry, ...reconnect }))
    if (!(value >= 1)) throw invalidOption(name, 'a number from 1 on');
  if (transport === 'websocket' && !settings.WebSocket)
    throw invalidOption(
      'WebSocket',
      'given: this platform has none (in Node before 22 pass that of the package ws)',
    );
  return settings;
}

/** The present secret or token. @throws NexusError NEXUS_INVALID_OPTION */
export async function credentialOf(
  name: 'secret' | 'token',
  given: Credential | undefined,
  purpose: string,
): Promise<string> {
  const value = typeof given === 'function' ? await given() : given;
  if (typeof value === 'string' && value !== '') return value;
  throw new NexusError('NEXUS_INVALID_OPTION', `${purpose} needs the option ${name}; is a variable unset?`, {
    details: { option: name },
  });
}

function endpoint(option: string, given: unknown, protocol: RegExp): string {
  if (typeof given === 'string' && URL.canParse(given) && protocol.test(new URL(given).protocol)) {
    const { origin, protocol: scheme, host, pathname } = new URL(given);
    return `${origin === 'null' ? `${scheme}//${host}` : origin}${pathname.replace(/\/+$/, '')}`;
  }
  throw invalidOption(option, 'an absolute address such as https://bus.example/nexus');
}
