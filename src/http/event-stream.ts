/** `GET /events/stream`: the log as server-sent events, from a position on and live. */
import { createSeats } from '../core/seats.js';
import type { Follower, Ingress, LiveEvent } from '../nexus.js';
import { ipOf, type Incoming } from './incoming.js';
import { clientKey } from '../core/ip-address.js';
import type { StreamSettings } from './options.js';
import { problem, rateLimited, streaming, type Answer, type Outlet, type Stream } from './problem.js';

export interface EventStreams {
  /** What a node is answered that asks for a stream. Throws what keeps the log from being read. */
  open(request: Incoming, who: { readonly node: string; readonly token: string }): Promise<Answer>;
}

type Open = { readonly beat: () => void; readonly recheck: () => void; readonly end: () => void };
type Asked = { readonly types: readonly string[]; readonly after: number | undefined };

export function createEventStreams(door: Ingress, settings: StreamSettings): EventStreams {
  const seats = createSeats(settings);
  const streams = new Set<Open>();
  let beating: NodeJS.Timeout | undefined;
  let listening = false;

  const beat = (): void => {
    for (const stream of streams) stream.beat();
  };
  /** Once, when there is something to end: a handler that is thrown away leaves nothing behind before. */
  const listen = (): void => {
    if (listening) return;
    listening = true;
    door.onNodesChange(() => {
      for (const stream of streams) stream.recheck();
    });
    door.live.onEnd(() => {
      for (const stream of streams) stream.end();
    });
  };

  const start = (
    outlet: Outlet,
    { node, token, place, types, from }: Who & { readonly types: readonly string[]; readonly from: number },
  ): ReturnType<Stream> => {
    const left = [seats.take(node, place), door.live.connected('sse')];
    const asked = types.length === 0 ? undefined : new Set(types);
    let allowed = new Map<string, boolean>();
    let heldSince: number | undefined;
    let over = false;

    const may = (type: string): boolean => {
      let answer = allowed.get(type);
      if (answer === undefined)
        allowed.set(type, (answer = (asked?.has(type) ?? true) && door.may(node, 'read', type)));
      return answer;
    };
    const write = (bytes: Uint8Array): void => {
      if (!outlet.write(bytes)) heldSince = performance.now();
    };
    const close = (): void => {
      if (over) return;
      over = true;
      follower.close();
      for (const end of left) end();
      streams.delete(stream);
      if (streams.size > 0) return;
      clearInterval(beating);
      beating = undefined;
    };
    const end = (): void => {
      close();
      // What it does not take would keep it open.
      if (heldSince === undefined) outlet.end();
      else outlet.destroy();
    };
    const stream: Open = {
      end,
      beat: () => {
        if (heldSince === undefined) write(position(follower.position));
        else if (performance.now() - heldSince >= settings.slowLimitMs) {
          close();
          outlet.destroy();
        }
      },
      recheck: () => {
        allowed = new Map();
        const revoked = door.bearer(token) !== node || !door.reads(node);
        if (revoked || types.some((type) => !door.may(node, 'read', type))) end();
      },
    };
    streams.add(stream);
    beating ??= setInterval(beat, settings.heartbeatMs).unref();
    const follower: Follower = door.live.follow(
      {
        wants: may,
        room: () => heldSince === undefined && !over,
        take: (events) => write(join(events.map(eventBytes))),
        failed: (error) => {
          door.failed(error);
          end();
        },
      },
      from,
    );
    // Who is cut off before the first event comes back to where it began.
    write(Buffer.from(`retry: ${settings.retryMs}\nid: ${from}\n\n`));
    return {
      drain: () => {
        heldSince = undefined;
        follower.pump();
      },
      close,
    };
  };

  return {
    open: async (request, { node, token }) => {
      const asked = parseQuery(request);
      if (typeof asked === 'string') return problem(400, 'NEXUS_BAD_REQUEST', asked);
      const { types, after } = asked;
      const foreign = types.find((type) => !door.may(node, 'read', type));
      if (foreign !== undefined || !door.reads(node)) {
        door.denied({ node, reason: 'permission', ip: ipOf(request) });
        const what = foreign?.slice(0, 200).toWellFormed() ?? 'any event';
        return problem(403, 'NEXUS_PERMISSION_DENIED', `the node ${node} may not read ${what}`);
      }
      const place = request.address && clientKey(request.address).join();
      const shortage = seats.shortage(node, place);
      if (shortage === 'full')
        return problem(503, 'NEXUS_OVERLOADED', 'too many streams; connect again later');
      if (shortage) return rateLimited(1_000);
      const { position: from, logId } = await door.live.place(after);
      listen();
      const headers = { 'nexus-log-id': logId };
      return streaming((outlet) => start(outlet, { node, token, place, types, from }), headers);
    },
  };
}

type Who = { readonly node: string; readonly token: string; readonly place: string | undefined };

const encoded = new WeakMap<LiveEvent, Uint8Array>();

/** Made once for all streams. */
function eventBytes(event: LiveEvent): Uint8Array {
  let bytes = encoded.get(event);
  if (!bytes) encoded.set(event, (bytes = Buffer.from(formatEvent(event))));
  return bytes;
}

/** A block of the stream. Neither name nor data can begin a line of its own. */
export function formatEvent(event: Pick<LiveEvent, 'seq' | 'type' | 'text'>): string {
  return `id: ${event.seq}\nevent: ${oneLine(event.type)}\ndata: ${oneLine(event.text())}\n\n`;
}

/** In JSON a line break is white space, or is escaped. */
function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, ' ') : text;
}

/** A block without data tells nobody anything, but a browser comes back to its id. */
function position(seq: number): Uint8Array {
  return Buffer.from(`: alive\nid: ${seq}\n\n`);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const all = Buffer.allocUnsafeSlow(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function parseQuery({ query, header }: Incoming): Asked | string {
  const given = new URLSearchParams(query);
  for (const name of given.keys())
    if (name !== 'type' && name !== 'after')
      return `unknown parameter ${JSON.stringify(name.slice(0, 50))}; expected type, after`;
  if (given.getAll('after').length > 1) return '"after" is there twice';
  // Who comes back asks for the same address, with how far it came.
  const came = header('last-event-id') ?? '';
  const after = came === '' ? given.get('after') : came;
  if (after !== null && !/^\d{1,15}$/.test(after))
    return `"${came === '' ? 'after' : 'Last-Event-ID'}" must be a whole number`;
  const types = [...new Set(given.getAll('type'))];
  if (types.length > 100) return 'at most 100 types';
  return { types: types.includes('*') ? [] : types, after: after === null ? undefined : Number(after) };
}
