/** Reading the log over HTTP: with a token, and only what its node may read. */
import type { NexusEvent } from '../core/event.js';
import type { Delivery, EventFilter, Explanation } from '../nexus.js';
import { ingress } from '../nexus.js';
import type { Served } from './incoming.js';
import { json, problem, type Answer } from './problem.js';
import { shapeOfQuery } from './shape.js';

/** For one page, so many events are looked at where most are not for the node: a page may be short, but never slow. */
const LOOKS = 4;
const LOOK_AT = 500;

const parameters = {
  type: 'texts',
  source: 'text',
  correlationId: 'text',
  causationId: 'text',
  after: 'whole',
  before: 'whole',
  from: 'whole',
  to: 'whole',
  limit: 'limit',
} as const;

/** `GET /events`: a page, and the cursor for the next one under `next`. */
export async function listEvents(nexus: Served, node: string, query: string): Promise<Answer> {
  const asked = parseQuery(query);
  if (typeof asked === 'string') return problem(400, 'NEXUS_BAD_REQUEST', asked);
  const door = nexus[ingress];
  const foreign = asked.types.find((type) => !door.may(node, 'read', type));
  if (foreign !== undefined) return denied(nexus, node, foreign);
  const { limit, filter } = asked;
  const items: NexusEvent[] = [];
  let cursor = filter.after ?? filter.before;
  const up = filter.after !== undefined;
  for (let look = 0; look < LOOKS; look++) {
    const from = cursor === undefined ? {} : up ? { after: cursor } : { before: cursor };
    const exact = asked.types.length > 0;
    const page = await nexus.events.list({
      ...filter,
      ...from,
      limit: exact ? limit : Math.max(limit, LOOK_AT),
    });
    for (const event of page.items) {
      if (!door.may(node, 'read', event.type)) continue;
      items.push(event);
      if (items.length === limit) return pageOf(items, event.seq);
    }
    cursor = page.next;
    if (cursor === undefined || exact) break;
  }
  // A cursor of another log, or of one that was cut, must not wait for events that will not come.
  if (items.length === 0 && up && (await isAhead(nexus, filter.after ?? 0))) {
    return problem(409, 'NEXUS_POSITION_AHEAD', '"after" is above the head of the log');
  }
  return pageOf(items, cursor);
}

/** `GET /events/:id`: the event, its deliveries with their attempts, and its children as far as the node may see them. */
export async function showEvent(nexus: Served, node: string, id: string): Promise<Answer> {
  const door = nexus[ingress];
  const event = await nexus.events.get(id.toLowerCase());
  // What it may not read is not there for it.
  if (!event || !door.may(node, 'read', event.type))
    return problem(404, 'NEXUS_NOT_FOUND', 'there is no such event');
  const story = await nexus.explain(event.id);
  const view: View = { mayRead: (type) => door.may(node, 'read', type), isAdmin: door.isAdmin(node) };
  return json(200, toStory(story, view));
}

type View = { readonly mayRead: (type: string) => boolean; readonly isAdmin: boolean };

function toStory({ event, deliveries, children, truncated }: Explanation, view: View): object {
  return {
    event: onWire(event),
    deliveries: deliveries.map(({ attempts, ...delivery }) => ({
      ...toDelivery(delivery, view),
      attempts: attempts.map(({ error, ...attempt }) => ({ ...attempt, error: toError(error, view) })),
    })),
    children: children.filter((child) => view.mayRead(child.event.type)).map((child) => toStory(child, view)),
    truncated,
  };
}

function toDelivery(delivery: Delivery, view: View): object {
  const { id, reactor, run, state, reason, attempt, postponed, crashes, dueAt, finishedAt, ms, error } =
    delivery;
  const told = { id, reactor, run, state, reason, attempt, postponed, crashes, dueAt, finishedAt, ms };
  return { ...told, ...(error && { error: toError(error, view) }) };
}

/** What a handler's error says is the host's business: hosts, paths, payloads may be in it. */
function toError(error: { readonly code: string; readonly message: string }, { isAdmin }: View): object {
  return isAdmin ? error : { code: error.code };
}

/** An event as it is sent: its type under the name that the other side uses for it. */
function onWire(event: NexusEvent): object {
  const { id, seq, type, payload, source, timestamp, correlationId, causationId, headers, schemaVersion } =
    event;
  const { redacted } = event;
  return {
    id,
    seq,
    event: type,
    payload,
    source,
    timestamp,
    correlationId,
    causationId: causationId ?? null,
    headers,
    schemaVersion,
    ...(redacted && { redacted }),
  };
}

function pageOf(items: readonly NexusEvent[], next: number | undefined): Answer {
  return json(200, { items: items.map(onWire), next: next ?? null });
}

function denied(nexus: Served, node: string, type: string): Answer {
  nexus[ingress].denied({ node, reason: 'permission', ip: undefined });
  return problem(403, 'NEXUS_PERMISSION_DENIED', `the node ${node} may not read ${type.slice(0, 200)}`);
}

async function isAhead(nexus: Served, after: number): Promise<boolean> {
  const { head } = await nexus.health();
  return head !== undefined && after > head;
}

type Asked = { readonly types: readonly string[]; readonly limit: number; readonly filter: EventFilter };

/** What a query asks for, or what is wrong with it. */
function parseQuery(query: string): Asked | string {
  const given = shapeOfQuery(query, parameters);
  if (typeof given === 'string') return given;
  const { limit = 100, type: types = [], ...filter } = given;
  return { types, limit, filter: { ...filter, ...(types.length > 0 && { type: types }) } };
}
