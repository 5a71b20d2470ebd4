/**
 * Posts to endpoints. The address that was checked is the one that is dialled: names are resolved here, literals are looked
 * at before (no lookup is asked for them), and once connected the socket is asked where it is.
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import type { buildConnector, Pool } from 'undici';
import { NexusError } from '../core/errors.js';
import { parseAddress } from '../core/ip-address.js';
import { refuseAddress, type Destination } from '../nodes/webhook-address.js';

export type Post = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly destination: Destination;
  /** For connecting, milliseconds; the rest is the signal's business. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** An answer whose body was read, or was cut off for its length. */
export type Answer = { readonly status: number; readonly retryAfter: string | readonly string[] | undefined };

export interface Dialer {
  /** @throws NexusError NEXUS_ADDRESS_BLOCKED, and whatever the network has */
  post(post: Post): Promise<Answer>;
  /** Ends every connection. */
  close(): void;
}

/** All addresses of a name; `dns.lookup`, unless a test says otherwise. */
export type Resolve = (
  hostname: string,
  options: { readonly all: true; readonly family?: number; readonly hints?: number },
  callback: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

/** Idle ones beyond these are closed, the longest unused first. */
const MOST_POOLS = 64;
/** More of a response is nobody's business. It is not decompressed either. */
const MOST_RESPONSE_BYTES = 64 * 1024;
const IDLE_CONNECTION_MS = 4_000;
const LONGEST_IDLE_CONNECTION_MS = 30_000;

type Used = { readonly pool: Pool; users: number };

export function createDialer(options: { resolve?: Resolve } = {}): Dialer {
  const resolve: Resolve = options.resolve ?? systemLookup;
  /** The longest unused first. */
  const pools = new Map<string, Used>();
  let closed = false;

  const poolOf = async ({ url, destination, timeoutMs }: Post): Promise<Used> => {
    const { allowance, at } = destination;
    // What is allowed is part of the key: one node's allowance is no way in for another with the same origin.
    const allowed = [allowance.allowPrivateNetwork === true, allowance.allowHttp === true];
    const key = JSON.stringify([url.origin, at, timeoutMs, ...allowed]);
    // It takes a while to load, so whoever has no webhooks never loads it.
    const undici = await import('undici');
    if (closed) throw new NexusError('NEXUS_CLOSED', 'this Nexus is closed; nothing more is sent');
    const used = pools.get(key) ?? {
      users: 0,
      pool: new undici.Pool(url.origin, {
        allowH2: false,
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: IDLE_CONNECTION_MS,
        keepAliveMaxTimeout: LONGEST_IDLE_CONNECTION_MS,
        connect: guarded(undici.buildConnector, destination, { resolve, timeoutMs }),
      }),
    };
    pools.delete(key);
    pools.set(key, used);
    return used;
  };

  const evict = (): void => {
    for (const [key, { pool, users }] of pools) {
      if (pools.size <= MOST_POOLS) return;
      if (users > 0) continue;
      pools.delete(key);
      pool.destroy().catch(nothing);
    }
  };

  return {
    post: async (post) => {
      const { url, signal } = post;
      const used = await poolOf(post);
      used.users += 1;
      try {
        const { statusCode, headers, body } = await used.pool.request({
          method: 'POST',
          path: `${url.pathname}${url.search}`,
          headers: post.headers,
          body: post.body,
          signal,
        });
        let bytes = 0;
        // Leaving the loop destroys the response, and its connection with it.
        for await (const chunk of body as AsyncIterable<Uint8Array>) {
          bytes += chunk.length;
          if (bytes > MOST_RESPONSE_BYTES) break;
        }
        return { status: statusCode, retryAfter: headers['retry-after'] };
      } finally {
        used.users -= 1;
        evict();
      }
    },
    close: () => {
      closed = true;
      for (const { pool } of pools.values()) pool.destroy().catch(nothing);
      pools.clear();
    },
  };
}

type BuildConnector = typeof buildConnector;

function guarded(
  build: BuildConnector,
  destination: Destination,
  { resolve, timeoutMs }: { readonly resolve: Resolve; readonly timeoutMs: number },
): ReturnType<BuildConnector> {
  const connect = build({ allowH2: false, timeout: timeoutMs, lookup: checkedLookup(resolve, destination) });
  return (options, callback) => {
    const literal = parseAddress(options.hostname) ? options.hostname : undefined;
    const refused = literal === undefined ? undefined : refuseAddress(literal, destination);
    if (refused) {
      queueMicrotask(() => callback(refused, null));
      return;
    }
    connect(options, (...[error, socket]) => {
      if (error) {
        callback(error, null);
        return;
      }
      const { remoteAddress } = socket;
      const wrong =
        remoteAddress === undefined
          ? new Error('the connection was closed as soon as it was made')
          : refuseAddress(remoteAddress, destination);
      if (!wrong) {
        callback(null, socket);
        return;
      }
      socket.destroy();
      callback(wrong, null);
    });
  };
}

/** Gives only addresses that were checked. A name that has one that may not be dialled is refused with all of them. */
function checkedLookup(resolve: Resolve, destination: Destination): LookupFunction {
  return (hostname, options, callback) => {
    const family = options.family === 4 || options.family === 6 ? { family: options.family } : {};
    const hints = options.hints === undefined ? {} : { hints: options.hints };
    resolve(hostname, { all: true, ...family, ...hints }, (error, addresses) => {
      const [first] = error ? [] : addresses;
      if (!first) {
        callback(error ?? new Error(`${hostname} has no address`), '', 0);
        return;
      }
      const refused = addresses.map(({ address }) => refuseAddress(address, destination)).find(Boolean);
      if (refused) callback(refused, '', 0);
      else if (options.all === true) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    });
  };
}

function nothing(): void {
  return undefined;
}
