/** The HTTP handler: mountable on node:http, Connect and Express, and as a fetch handler. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NexusError } from '../core/errors.js';
import type { Nexus } from '../nexus.js';
import { ingress } from '../nexus.js';
import { problem, problemOf, type Answer } from './problem.js';
import { readFetchBody, readNodeBody } from './request-body.js';
import { createRoutes, type Served } from './routes.js';
import type { WebhookSource } from './webhook-source.js';

/** For `createHttpHandler`. */
export interface HttpHandlerOptions {
  /** Where it is mounted, such as `/nexus`. @default what the framework says, else none */
  basePath?: string;
  /** `POST /webhook/<name>`. @default {} */
  webhooks?: Record<string, WebhookSource>;
  /** Largest request body, bytes. @default 262_144 */
  bodyLimitBytes?: number;
  /** How long a body may take to arrive, milliseconds. @default 10_000 */
  bodyTimeoutMs?: number;
}

/** Callable as `(req, res, next?)`, and as `fetch`. */
export interface HttpHandler {
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void;
  fetch(request: Request): Promise<Response>;
}

/**
 * Serves `POST /events`, `POST /webhook/<name>` and `GET /health` of a Nexus. `next` is called for every other path.
 *
 * @example createServer(createHttpHandler(nexus, { webhooks: protocolWebhooks })).listen(3000);
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function createHttpHandler(
  nexus: Pick<Nexus, 'health'>,
  options: HttpHandlerOptions = {},
): HttpHandler {
  if (!(ingress in nexus))
    throw new NexusError('NEXUS_INVALID_OPTION', 'createHttpHandler needs a Nexus made by createNexus');
  const basePath = checkBasePath(options.basePath ?? '');
  const limits = {
    limitBytes: options.bodyLimitBytes ?? 262_144,
    timeoutMs: options.bodyTimeoutMs ?? 10_000,
  };
  const routes = createRoutes(nexus as Served, new Map(Object.entries(options.webhooks ?? {})));

  const handler = (
    request: IncomingMessage,
    response: ServerResponse,
    next?: (error?: unknown) => void,
  ): void => {
    // A client that goes away while it is answered is no error of ours.
    response.on('error', () => undefined);
    const path = pathOf(request.url ?? '/', basePath);
    const answering =
      path === undefined
        ? undefined
        : routes({
            method: request.method ?? 'GET',
            path,
            header: (name) => {
              const value = request.headers[name.toLowerCase()];
              return Array.isArray(value) ? value.join(', ') : value;
            },
            body: async () => await readNodeBody(request, limits),
          });
    if (answering === undefined) {
      if (next) next();
      else send(response, request, notFound);
      return;
    }
    answering.then(
      (answer) => send(response, request, answer),
      (error: unknown) => send(response, request, problemOf(error)),
    );
  };

  const fetch = async (request: Request): Promise<Response> => {
    const path = pathOf(request.url.replace(/^[a-z]+:\/\/[^/?#]*/i, '') || '/', basePath);
    const answering =
      path === undefined
        ? undefined
        : routes({
            method: request.method,
            path,
            header: (name) => request.headers.get(name) ?? undefined,
            body: () => readFetchBody(request, limits),
          });
    const answer = await (answering ?? Promise.resolve(notFound)).catch(problemOf);
    const empty = request.method === 'HEAD' || answer.status === 204;
    const headers = new Headers(answer.headers);
    // A matter of the connection, which a fetch handler has none of.
    headers.delete('connection');
    return new Response(empty ? null : answer.body, { status: answer.status, headers });
  };

  return Object.assign(handler, { fetch });
}

const notFound = problem(404, 'NEXUS_NOT_FOUND', 'there is nothing at this path');

function checkBasePath(basePath: string): string {
  if (basePath === '' || basePath === '/') return '';
  if (/^(\/[\w.~-]+)+$/.test(basePath)) return basePath;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    `basePath must look like "/nexus"; got ${JSON.stringify(basePath)}`,
    { details: { option: 'basePath' } },
  );
}

/**
 * The path below the base, or undefined. Done by hand: for a target that is absolute, or begins with two slashes, a URL
 * parser takes the host from the target, and with it the decision where a request belongs.
 */
function pathOf(target: string, basePath: string): string | undefined {
  const path = target.split(/[?#]/, 1)[0] ?? '';
  if (!path.startsWith(`${basePath}/`)) return undefined;
  return path.slice(basePath.length);
}

function send(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  if (response.headersSent || response.destroyed) return;
  // An answer without content must not tell its length (RFC 9110, 8.6).
  const length = answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(answer.body) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
  response.end(request.method === 'HEAD' || answer.status === 204 ? undefined : answer.body);
}
