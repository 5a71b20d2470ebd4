/** The HTTP handler: mountable on node:http, Connect and Express, and as a fetch handler. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpHandler } from '../contract/http-handler.js';
import { NexusError } from '../core/errors.js';
import { ingress } from '../nexus.js';
import { createClientAddress } from '../core/client-address.js';
import { createCors } from './cors.js';
import { createGuard } from './guard.js';
import { splitTarget, type Incoming, type Servable, type Served } from './incoming.js';
import { checkMetrics } from './metrics.js';
import type { HeaderOf } from '../nodes/signatures.js';
import { headerOf } from './node-header.js';
import { NodeRequest } from './node-request.js';
import { httpSettings, type HttpHandlerOptions } from './options.js';
import { createEventStreams } from './event-stream.js';
import { problem, type Answer, type Outlet, type Stream } from './problem.js';
import { createRoom } from './body-buffer.js';
import { createDeadlines, readFetchBody } from './request-body.js';
import { createRoutes } from './routes.js';

/**
 * Serves `POST /events`, `POST /webhook/<name>`, `GET /events`, `GET /events/:id`, `GET /events/stream`, `GET /health` and,
 * where it is told to, `GET /metrics` and `/admin/…` of a Nexus. `next` is called for every other path.
 *
 * @example createServer(createHttpHandler(nexus, { webhooks: protocolWebhooks })).listen(3000);
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function createHttpHandler(nexus: Servable, options: HttpHandlerOptions = {}): HttpHandler {
  if (!(ingress in nexus))
    throw new NexusError('NEXUS_INVALID_OPTION', 'createHttpHandler needs a Nexus made by createNexus');
  const settings = httpSettings(options);
  const clientOf = createClientAddress(options.trustProxy ?? 0);
  const cors = createCors(options.cors);
  const limits = {
    limitBytes: settings.bodyLimitBytes,
    timeoutMs: settings.bodyTimeoutMs,
    room: createRoom(settings.bufferLimitBytes),
    deadlines: createDeadlines(settings.bodyTimeoutMs),
  };
  const reading = { clientOf, limits };
  const served = nexus as Served;
  const routes = createRoutes(served, {
    guard: createGuard(served[ingress], settings),
    webhooks: new Map(Object.entries(options.webhooks ?? {})),
    streams: createEventStreams(served[ingress], settings.stream),
    metrics: options.metrics && checkMetrics(options.metrics),
    admin: settings.admin,
  });

  /** Undefined where the path is not one of Nexus's. */
  const respond = (request: Incoming): Promise<Answer> | undefined => {
    const answering = routes(request);
    return cors ? answering?.then((answer) => cors(answer, request)) : answering;
  };

  const handler: Listener = (given, givenResponse, next) => {
    // HTTP/2's have the same members, but for what is asked for with care below.
    const request = given as IncomingMessage & { readonly baseUrl?: unknown };
    const response = givenResponse as ServerResponse;
    // A client that goes away while it is answered is no error of ours.
    response.on('error', ignore);
    const place = splitTarget(targetOf(request, settings.basePath), settings.basePath);
    const answering = place && respond(new NodeRequest(request, place, reading));
    if (answering) void answering.then((answer) => send(response, request, answer));
    else if (next) next();
    else send(response, request, notFound);
  };

  const fetch = async (request: Request, from: { readonly ip?: string } = {}): Promise<Response> => {
    const target = request.url.replace(/^[a-z]+:\/\/[^/?#]*/i, '') || '/';
    const place = splitTarget(target, settings.basePath);
    const header: HeaderOf = (name) => request.headers.get(name) ?? undefined;
    const answering =
      place &&
      respond({
        ...place,
        method: request.method,
        header,
        address: clientOf(from.ip, header('x-forwarded-for')),
        body: () => readFetchBody(request, limits),
      });
    const answer = await (answering ?? notFound);
    const empty = request.method === 'HEAD' || answer.status === 204;
    const headers = new Headers(answer.headers);
    // A matter of the connection, which a fetch handler has none of.
    headers.delete('connection');
    const { stream, body } = answer;
    const full = (): string | ReadableStream => (stream ? readable(stream, request.signal) : body);
    return new Response(empty ? null : full(), { status: answer.status, headers });
  };

  return Object.assign(handler, { fetch });
}

type Listener = (...args: Parameters<HttpHandler>) => void;

function ignore(): void {
  return undefined;
}

const notFound = problem(404, 'NEXUS_NOT_FOUND', 'there is nothing at this path');

/** Where a framework has cut off the base path that was asked for, it is put back: it may have cut off more than that. */
function targetOf(
  { url = '/', baseUrl }: { readonly url?: string | undefined; readonly baseUrl?: unknown },
  basePath: string,
): string {
  return basePath !== '' && typeof baseUrl === 'string' ? baseUrl + url : url;
}

function send(response: ServerResponse, request: IncomingMessage, answer: Answer): void {
  if (response.headersSent || response.destroyed) {
    // Begun for nobody: what it holds is let go.
    answer.stream?.(nowhere).close();
    return;
  }
  if (answer.stream && request.method !== 'HEAD') {
    response.writeHead(answer.status, answer.headers);
    pour(answer.stream, response);
    return;
  }
  // A body that nobody reads would be taken in to its end before the next request: that end may be far.
  const unread = !request.readableDidRead && headerOf(request, 'transfer-encoding') !== undefined;
  const closes = unread ? 'close' : answer.headers.connection;
  // One by one: an object that is spread and added to costs 2 µs a request, here and where Node reads it.
  const headers: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(answer.headers))
    if (name !== 'connection') headers[name] = value;
  // An answer without content must not tell its length (RFC 9110, 8.6).
  if (answer.status !== 204 && !answer.stream) headers['content-length'] = Buffer.byteLength(answer.body);
  // HTTP/2 knows no such header, and has no need of it.
  if (closes !== undefined && request.httpVersionMajor < 2) headers.connection = closes;
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' || answer.status === 204 ? undefined : answer.body);
}

const nowhere: Outlet = { write: () => false, end: ignore, destroy: ignore };

function pour(stream: Stream, response: ServerResponse): void {
  const source = stream({
    write: (bytes) => response.write(bytes),
    end: () => response.end(),
    destroy: () => response.destroy(),
  });
  response.on('drain', () => source.drain()).on('close', () => source.close());
}

/** What lies ready for a reader of `fetch` that does not come for it. */
const READY_BYTES = 65_536;

function readable(stream: Stream, signal: AbortSignal): ReadableStream<Uint8Array> {
  let source: ReturnType<Stream> | undefined;
  let open = true;
  const leave = (): void => {
    source?.close();
    signal.removeEventListener('abort', leave);
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const shut = (how: () => void): void => {
          if (open) how();
          open = false;
        };
        source = stream({
          write: (bytes) => {
            if (open) controller.enqueue(bytes);
            return open && (controller.desiredSize ?? 0) > 0;
          },
          end: () => shut(() => controller.close()),
          destroy: () => shut(() => controller.error(new Error('the reader is too slow'))),
        });
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave);
      },
      pull: () => source?.drain(),
      cancel: () => {
        open = false;
        leave();
      },
    },
    { highWaterMark: READY_BYTES, size: (bytes) => bytes.byteLength },
  );
}
