/** What operators may have done over HTTP: the desks of a Nexus, a route for each act, for admins alone. */
import { NexusError } from '../../core/errors.js';
import { ingress } from '../../nexus.js';
import type { Guard, Passed } from '../guard.js';
import { ipOf, type Incoming, type Served } from '../incoming.js';
import { refusalOfBody, refusalOfForm } from '../json-body.js';
import { createLongAnswers } from '../json-lines.js';
import { parseJson } from '../parse-json.js';
import { problem, problemOf, type Answer } from '../problem.js';
import type { Route } from '../route.js';
import { shapeOfBody, shapeOfQuery } from '../shape.js';
import type { Act, Asked } from './act.js';
import { auditActs } from './audit.js';
import { deliveryActs } from './deliveries.js';
import { endpointActs } from './endpoints.js';
import { reactorActs } from './reactors.js';
import { replayActs } from './replays.js';

/** Undefined where the path is none of these. */
export function createAdminRoutes(nexus: Served, guard: Guard): (path: string) => Route | undefined {
  const door = nexus[ingress];
  const long = createLongAnswers((error) => door.failed(error));

  /** Token → admin → body → what the act does. Whatever is more than looking is told. */
  const perform = async (act: Act, request: Incoming): Promise<Answer> => {
    const { method, path, shape } = act;
    const passed = guard.byToken(request);
    if ('answer' in passed) return passed.answer;
    const { node } = passed;
    const ip = ipOf(request);
    if (!door.isAdmin(node)) {
      door.denied({ node, reason: 'permission', ip });
      return problem(403, 'NEXUS_PERMISSION_DENIED', `the node ${node} is no admin`);
    }
    const read = method === 'GET' ? fromQuery(request, shape) : await fromBody(request, shape);
    if ('answer' in read) return read.answer;
    const target = targetOf(path, request.path) ?? '';
    const tell = (status: number): void => {
      if (method === 'GET') return;
      const named = target === '' ? undefined : target.slice(0, 200).toWellFormed();
      door.administered({ node, act: `${method} ${path}`, target: named, ip, status });
    };
    try {
      const answer = await act.run({ ...read, target, node });
      tell(answer.status);
      return answer;
    } catch (error) {
      if (NexusError.is(error, 'NEXUS_PERMISSION_DENIED')) door.denied({ node, reason: 'permission', ip });
      tell(problemOf(error).status);
      throw error;
    }
  };

  const routes = routesOf(
    [
      ...reactorActs(nexus),
      ...deliveryActs(nexus, door),
      ...replayActs(nexus, { door, long }),
      ...endpointActs(nexus),
      ...auditActs(nexus, long),
    ],
    perform,
  );
  return (path) => {
    if (!path.startsWith('/admin/')) return undefined;
    return routes.get(path) ?? [...routes.values()].find(({ name }) => targetOf(name, path));
  };
}

function routesOf(
  acts: readonly Act[],
  perform: (act: Act, request: Incoming) => Promise<Answer>,
): ReadonlyMap<string, Route> {
  const routes = new Map<string, Route>();
  for (const act of acts)
    routes.set(act.path, {
      name: act.path,
      ...routes.get(act.path),
      [act.method]: (request: Incoming) => perform(act, request),
    });
  return routes;
}

/** What stands in a path where its pattern has a `:word`; undefined where it is another path, or has none. */
function targetOf(pattern: string, path: string): string | undefined {
  const expected = pattern.split('/');
  const given = path.split('/');
  const at = expected.findIndex((segment) => segment.startsWith(':'));
  if (at < 0 || given.length !== expected.length) return undefined;
  if (expected.some((segment, i) => i !== at && segment !== given[i])) return undefined;
  try {
    return decodeURIComponent(given[at] ?? '') || undefined;
  } catch {
    return undefined;
  }
}

function fromQuery({ query }: Incoming, shape: Act['shape']): Passed<Pick<Asked, 'given'>> {
  const given = shapeOfQuery(query, shape);
  return typeof given === 'string' ? { answer: problem(400, 'NEXUS_BAD_REQUEST', given) } : { given };
}

/** None is as good as an empty one. */
async function fromBody(request: Incoming, shape: Act['shape']): Promise<Passed<Pick<Asked, 'given'>>> {
  const unsupported = refusalOfForm(request);
  if (unsupported) return { answer: unsupported };
  const read = await request.body();
  if ('refused' in read) return { answer: refusalOfBody[read.refused] };
  if (read.bytes.length === 0) return { given: {} };
  const parsed = parseJson(read.bytes);
  if ('wrong' in parsed) return { answer: problem(400, 'NEXUS_BAD_REQUEST', parsed.wrong) };
  const given = shapeOfBody(parsed.value, shape);
  return typeof given === 'string' ? { answer: problem(422, 'NEXUS_INVALID_OPTION', given) } : { given };
}
