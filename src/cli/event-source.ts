/** Where events are read from: a database file or a running host, behind one interface. */
import type { Delivery, EventFilter, Explanation, AttemptRecord, NexusEvent } from '../index.js';
import { reading } from './database.js';
import { missing } from './exit-codes.js';
import { followRemote } from './event-stream.js';
import { createRemote, queryOf, tokenOf } from './remote.js';
import type { Call, databaseOption, hostOption } from './verb.js';

/** An event as far as both tell it. */
export type ShownEvent = Pick<NexusEvent, 'id' | 'seq' | 'type' | 'payload' | 'source' | 'timestamp'> &
  Partial<Pick<NexusEvent, 'correlationId' | 'causationId' | 'headers'>>;

/** An explanation as far as both tell it. */
export type Story = Pick<Explanation, 'truncated'> &
  Partial<Pick<Explanation, 'waiting' | 'pruned'>> & {
    readonly event: ShownEvent;
    readonly deliveries: readonly (Omit<Delivery, 'seq' | 'eventId' | 'eventType' | 'error'> & {
      readonly error?: { readonly code: string; readonly message?: string } | undefined;
      readonly attempts: readonly (Omit<AttemptRecord, 'error'> & {
        readonly error: { readonly code: string; readonly message?: string };
      })[];
    })[];
    readonly children: readonly Story[];
  };

export interface EventSource {
  readonly page: (
    filter: EventFilter,
  ) => Promise<{ readonly items: readonly ShownEvent[]; readonly next: number | undefined }>;
  readonly explain: (id: string) => Promise<Story>;
  /** Live, behind `after` or from now on. */
  readonly follow: (from: {
    readonly after: number | undefined;
    readonly types: readonly string[];
  }) => AsyncIterable<ShownEvent>;
}

type SourceCall = Pick<
  Call<typeof databaseOption & typeof hostOption>,
  'options' | 'env' | 'signal' | 'terminal'
>;

/** Opens whichever was meant, for as long as it is used. */
export async function withEvents<T>(call: SourceCall, use: (source: EventSource) => Promise<T>): Promise<T> {
  if (call.options.url !== undefined) return await use(overHttp(call));
  return await reading(call, async (nexus) => {
    return await use({
      page: (filter) => nexus.events.list(filter),
      explain: async (id) => await nexus.explain(id),
      follow: ({ after, types }) =>
        nexus.feed({
          signal: call.signal,
          ...(after !== undefined && { after }),
          ...(types.length > 0 && { types }),
        }),
    });
  });
}

function overHttp(call: SourceCall): EventSource {
  const remote = createRemote(call);
  const token = tokenOf(call);
  return {
    page: async (filter) => {
      const { items, next } = await remote.get('/events', queryOf(filter));
      if (!Array.isArray(items)) throw missing('the host did not answer with events: is it a Nexus?');
      return {
        items: items.map((each) => fromWire(each as WireEvent)),
        next: typeof next === 'number' ? next : undefined,
      };
    },
    explain: async (id) =>
      storyOf((await remote.get(`/events/${encodeURIComponent(id)}`)) as unknown as WireStory),
    follow: async function* (from) {
      const how = { signal: call.signal, say: (line: string) => call.terminal.say(line) };
      for await (const { data } of followRemote(remote, { ...from, token }, how)) {
        const event = parse(data);
        if (event) yield fromWire(event);
      }
    },
  };
}

type WireEvent = Omit<ShownEvent, 'type'> & { readonly event: string };
type WireStory = Omit<Story, 'event' | 'children'> & {
  readonly event: WireEvent;
  readonly children: readonly WireStory[];
};

function fromWire({ event: type, id, seq, ...rest }: WireEvent): ShownEvent {
  return { id, seq, type, ...rest };
}

function storyOf({ event, children, ...rest }: WireStory): Story {
  return { event: fromWire(event), ...rest, children: children.map(storyOf) };
}

/** What is said beside events (where the reader is, that it is over) has no event in it. */
function parse(data: string): WireEvent | undefined {
  try {
    const value = JSON.parse(data) as WireEvent | null;
    return typeof value?.event === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
