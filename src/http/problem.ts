/** Error answers: RFC 9457 problem details with a stable code. */
import { NexusError, type ErrorCode } from '../core/errors.js';

/** An answer, whatever the server. */
export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Instead of a body: what is sent as its reader takes it. */
  readonly stream?: Stream;
};

/** Begins to write, and is told when there is room again and when the other side has gone. */
export type Stream = (outlet: Outlet) => { drain(): void; close(): void };

/** Where a stream goes. */
export interface Outlet {
  /** False: no more until `drain`. */
  write(bytes: Uint8Array): boolean;
  end(): void;
  /** Ends it at once, with what is on its way. */
  destroy(): void;
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  NEXUS_UNKNOWN_EVENT: 422,
  NEXUS_INVALID_PAYLOAD: 422,
  NEXUS_PAYLOAD_TOO_LARGE: 413,
  NEXUS_PAYLOAD_TOO_DEEP: 422,
  NEXUS_PERMISSION_DENIED: 403,
  NEXUS_UNAUTHENTICATED: 401,
  NEXUS_RAW_BODY_CONSUMED: 500,
  NEXUS_IDEMPOTENCY_CONFLICT: 409,
  NEXUS_INVALID_OPTION: 422,
  NEXUS_NOT_FOUND: 404,
  NEXUS_POSITION_AHEAD: 409,
  NEXUS_POSITION_PRUNED: 410,
  NEXUS_EVENT_REDACTED: 409,
  NEXUS_NOT_SUPPORTED: 501,
  NEXUS_READ_ONLY: 409,
  NEXUS_OVERLOADED: 503,
  NEXUS_CLOSED: 503,
  NEXUS_STORAGE: 503,
  NEXUS_STORAGE_FULL: 503,
};

export function json(status: number, value: unknown, more?: Readonly<Record<string, string>>): Answer {
  return { status, headers: more ? { ...ofJson, ...more } : ofJson, body: JSON.stringify(value) };
}

export function problem(
  status: number,
  code: ErrorCode,
  detail: string,
  more: { readonly headers?: Record<string, string>; readonly members?: Record<string, unknown> } = {},
): Answer {
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...always,
      ...(status === 503 && { 'retry-after': '1' }),
      ...more.headers,
    },
    body: JSON.stringify({
      type: 'about:blank',
      title: titles[status] ?? 'Error',
      status,
      code,
      detail,
      ...more.members,
    }),
  };
}

/** An answer that goes on: server-sent events, or lines of JSON. */
export function streaming(
  stream: Stream,
  more: Readonly<Record<string, string>>,
  contentType = 'text/event-stream; charset=utf-8',
): Answer {
  const headers = {
    ...more,
    'content-type': contentType,
    ...always,
    // For what compresses, and for nginx, which would both hold back what is little.
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  };
  return { status: 200, headers, body: '', stream };
}

/** Nothing here is for a cache, or for a browser to take for something else. */
const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;
const ofJson = { 'content-type': 'application/json; charset=utf-8', ...always } as const;

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

/** The one answer to everything that does not prove who it is, by signature or token: it tells nothing about why. */
export const unauthenticated: Answer = problem(
  401,
  'NEXUS_UNAUTHENTICATED',
  'the request does not prove that it comes from a known node',
  { headers: { 'www-authenticate': 'Nexus-Signature, Bearer' } },
);

export function rateLimited(waitMs: number): Answer {
  return problem(429, 'NEXUS_RATE_LIMITED', 'too many requests; send it again later', {
    headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) },
  });
}

/** What went wrong inside, as far as the other side may know. `stores`: what was asked for was that an event is stored. */
export function problemOf(error: unknown, { stores = false }: { readonly stores?: boolean } = {}): Answer {
  if (!NexusError.is(error))
    return problem(
      500,
      'NEXUS_INTERNAL',
      `something went wrong; nothing is known to have been ${stores ? 'stored' : 'done'}`,
    );
  const status = statusOf[error.code] ?? 500;
  // What concerns the storage is the operator's business: paths and disk errors stay here.
  if (status === 503)
    return problem(
      503,
      error.code,
      stores
        ? 'the event was not stored; send the same request again later'
        : 'that cannot be done at present; ask again later',
    );
  if (status === 500)
    return problem(
      500,
      error.code,
      error.code === 'NEXUS_RAW_BODY_CONSUMED' ? error.message : 'something went wrong',
    );
  const { issues } = error.details;
  return problem(status, error.code, error.message, issues === undefined ? {} : { members: { issues } });
}
