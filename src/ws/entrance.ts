/** Who may connect: origin, token, permission, room. All of it before a WebSocket exists. */
import type { IncomingMessage } from 'node:http';
import type { ClientAddress } from '../core/client-address.js';
import { clientKey, formatAddress } from '../core/ip-address.js';
import { createSeats } from '../core/seats.js';
import type { Ingress } from '../nexus.js';
import type { WebSocketSettings } from './options.js';
import type { Refusal } from './refusal.js';
import { bearerToken } from '../nodes/bearer-token.js';

/** Someone who is let in. */
export type Guest = { readonly node: string; readonly token: string; readonly address: string | undefined };

export interface Entrance {
  check(request: IncomingMessage): Guest | Refusal;
  /** Counts a guest. Returns its end. */
  enter(guest: Guest): () => void;
}

export function createEntrance(
  door: Ingress,
  settings: WebSocketSettings,
  clientOf: ClientAddress,
): Entrance {
  const seats = createSeats(settings);

  return {
    check: (request) => {
      const { origin } = request.headers;
      if (origin !== undefined && settings.origins && !settings.origins.has(origin)) return foreignOrigin;
      const forwarded = request.headersDistinct['x-forwarded-for']?.join(', ');
      const address = clientOf(request.socket.remoteAddress, forwarded);
      const ip = address && formatAddress(address);
      const token = tokenOf(request, settings.queryToken);
      const node = token === undefined ? undefined : door.bearer(token);
      if (token === undefined || node === undefined) {
        door.denied({ node: undefined, reason: 'token', ip });
        return unauthenticated;
      }
      if (!door.reads(node)) {
        door.denied({ node, reason: 'permission', ip });
        return mayNothing;
      }
      const place = address && clientKey(address).join();
      const shortage = seats.shortage(node, place);
      if (shortage) return shortage === 'full' ? full : tooMany;
      return { node, token, address: place };
    },
    enter: ({ node, address }) => seats.take(node, address),
  };
}

/** The subprotocol that carries a token, for browsers, which cannot send headers. */
const TOKEN_PROTOCOL = /^nexus\.token\.([A-Za-z0-9\-._~+]+)$/;

function tokenOf(request: IncomingMessage, fromQuery: boolean): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return bearerToken(authorization);
  for (const protocol of request.headers['sec-websocket-protocol']?.split(',') ?? []) {
    const token = TOKEN_PROTOCOL.exec(protocol.trim())?.[1];
    if (token !== undefined) return token;
  }
  if (!fromQuery) return undefined;
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  return mark < 0 ? undefined : (new URLSearchParams(url.slice(mark + 1)).get('token') ?? undefined);
}

const unauthenticated: Refusal = {
  status: 401,
  code: 'NEXUS_UNAUTHENTICATED',
  detail: 'the request does not prove that it comes from a known node',
};
const foreignOrigin: Refusal = {
  status: 403,
  code: 'NEXUS_PERMISSION_DENIED',
  detail: 'pages of this origin may not connect',
};
const mayNothing: Refusal = {
  status: 403,
  code: 'NEXUS_PERMISSION_DENIED',
  detail: 'the node may not subscribe to anything',
};
const tooMany: Refusal = {
  status: 429,
  code: 'NEXUS_RATE_LIMITED',
  detail: 'too many connections; close one, or connect again later',
};
const full: Refusal = {
  status: 503,
  code: 'NEXUS_OVERLOADED',
  detail: 'too many connections; connect again later',
};
