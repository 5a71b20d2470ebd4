/** One request, from path to answer, in the order in which a stranger may make Nexus work. */
import type { Ingress } from '../nexus.js';
import { ingress } from '../nexus.js';
import { createAdminRoutes } from './admin/admin-routes.js';
import type { Guard } from './guard.js';
import { serveMetrics, type MetricsSource } from './metrics.js';
import type { Incoming, Served } from './incoming.js';
import { createHealth } from './health.js';
import { json, problem, problemOf, type Answer } from './problem.js';
import type { EventStreams } from './event-stream.js';
import { receiveEvent, receiveWebhook, type Entrance } from './receive.js';
import { listEvents, showEvent } from './read-events.js';
import { routeMethods, type Route } from './route.js';
import type { WebhookSource } from './webhook-source.js';

/** Undefined where the path is not one of Nexus's. */
export type Routes = (request: Incoming) => Promise<Answer> | undefined;

export function createRoutes(
  nexus: Served,
  options: {
    readonly guard: Guard;
    readonly webhooks: ReadonlyMap<string, WebhookSource>;
    readonly streams: EventStreams;
    readonly metrics: MetricsSource | undefined;
    readonly admin: boolean;
  },
): Routes {
  const { guard, webhooks, streams } = options;
  const door: Ingress = nexus[ingress];
  const entrance: Entrance = { door, guard };

  const reading = async (request: Incoming, read: (node: string) => Promise<Answer>): Promise<Answer> => {
    const passed = guard.byToken(request);
    return 'answer' in passed ? passed.answer : await read(passed.node);
  };
  const events: Route = {
    name: '/events',
    GET: (request) => reading(request, (node) => listEvents(nexus, node, request.query)),
    POST: (request) => receiveEvent(entrance, request),
    stores: true,
  };
  const event: Route = {
    name: '/events/:id',
    GET: (request) =>
      reading(request, (node) => showEvent(nexus, node, request.path.slice('/events/'.length))),
  };
  const stream: Route = {
    name: '/events/stream',
    GET: async (request) => {
      const passed = guard.byToken(request);
      return 'answer' in passed ? passed.answer : await streams.open(request, passed);
    },
  };
  const live: Route = { name: '/health/live', GET: async () => json(200, { status: 'ok' }), free: true };
  const health: Route = { name: '/health', GET: createHealth(nexus, guard), free: true };
  const metrics: Route | undefined = options.metrics && {
    name: '/metrics',
    GET: serveMetrics(options.metrics),
  };

  const admin = options.admin ? createAdminRoutes(nexus, guard) : undefined;

  const routeOf = (path: string): Route | undefined => {
    if (path === '/events') return events;
    if (path === '/events/stream') return stream;
    if (path === '/health' || path === '/health/ready') return health;
    if (path === '/health/live') return live;
    if (path === '/metrics') return metrics;
    if (/^\/events\/[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(path)) return event;
    const administered = admin?.(path);
    if (administered) return administered;
    const name = /^\/webhook\/([^/]+)$/.exec(path)?.[1];
    const source = name === undefined ? undefined : webhooks.get(name);
    return (
      source && {
        name: `/webhook/${name}`,
        POST: (request) => receiveWebhook(entrance, source, request),
        stores: true,
      }
    );
  };

  return (request) => {
    const route = routeOf(request.path);
    if (!route) return undefined;
    return respond(entrance, route, request);
  };
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What is answered, and told to whoever listens. */
async function respond(entrance: Entrance, route: Route, request: Incoming): Promise<Answer> {
  const began = performance.now();
  let answer: Answer;
  try {
    const answering = admit(entrance, route, request);
    answer = answering instanceof Promise ? await answering : answering;
  } catch (error) {
    answer = problemOf(error, { stores: route.stores === true && request.method === 'POST' });
    if (answer.status === 500) entrance.door.failed(error);
  }
  const { status } = answer;
  entrance.door.answered(() => ({
    route: route.name,
    method: methods.has(request.method) ? request.method : 'other',
    status,
    ms: performance.now() - began,
  }));
  return answer;
}

/** Method → limit of the address → what the route does. */
function admit({ guard }: Entrance, route: Route, request: Incoming): Answer | Promise<Answer> {
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const known = routeMethods.find((each) => each === method);
  const handle = known && route[known];
  if (!handle) return notAllowed(route, request.method);
  const limited = route.free ? undefined : guard.byAddress(request);
  return limited ?? handle(request);
}

function notAllowed(route: Route, method: string): Answer {
  const taken = routeMethods.filter((each) => route[each]);
  const allow = [...taken.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each])), 'OPTIONS'].join(
    ', ',
  );
  if (method === 'OPTIONS') return { status: 204, headers: { allow }, body: '' };
  return problem(405, 'NEXUS_METHOD_NOT_ALLOWED', `use one of ${allow}`, { headers: { allow } });
}
