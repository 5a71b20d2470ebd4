/** The log in process: an async iterable that catches up and then stays with it, at the pace of whoever reads. */
import { invalidArgument, optionsArgument, seqArgument, signalArgument } from '../core/arguments.js';
import type { NexusEvent } from '../core/event.js';
import { matchesType } from '../core/subscription.js';
import type { FeedOptions, Follower, Live, LiveEvent } from '../contract/live.js';

export type Feed = (options?: FeedOptions) => AsyncIterable<NexusEvent>;

type Place = Awaited<ReturnType<Live['place']>>;

export function createFeed(live: Live, stayAwake: () => () => void): Feed {
  return (options) => {
    const { after, types = ['*'], signal } = optionsArgument(options);
    seqArgument(after, 'after');
    checkTypes(types);
    signalArgument(signal);
    // Looked up now: what is dispatched after the call is in the feed, whenever it is first read.
    const place = live.place(after);
    place.catch(() => undefined);
    return { [Symbol.asyncIterator]: () => iterate(live, place, { types, signal, stayAwake }) };
  };
}

function iterate(
  live: Live,
  place: Promise<Place>,
  {
    types,
    signal,
    stayAwake,
  }: {
    readonly types: readonly string[];
    readonly signal: AbortSignal | undefined;
    readonly stayAwake: () => () => void;
  },
): AsyncIterator<NexusEvent, undefined> {
  let queue: LiveEvent[] = [];
  let follower: Follower | undefined;
  let trouble: { readonly error: unknown } | undefined;
  let over = false;
  let offEnd: (() => void) | undefined;
  /** Set while someone waits for an event. */
  let arrived: (() => void) | undefined;

  const end = (): void => {
    over = true;
    queue = [];
    follower?.close();
    offEnd?.();
    signal?.removeEventListener('abort', end);
    arrived?.();
  };
  const isOver = (): boolean => over;
  const wanted = new Map<string, boolean>();
  const open = async (): Promise<void> => {
    if (signal?.aborted) {
      end();
      return;
    }
    signal?.addEventListener('abort', end);
    const { position } = await place;
    if (isOver()) return;
    offEnd = live.onEnd(end);
    follower = live.follow(
      {
        wants: (type) => {
          let answer = wanted.get(type);
          if (answer === undefined)
            wanted.set(type, (answer = types.some((each) => matchesType(each, type))));
          return answer;
        },
        // Nothing is read ahead of who reads.
        room: () => queue.length === 0 && arrived !== undefined,
        take: (events) => {
          queue.push(...events);
          arrived?.();
        },
        failed: (error) => {
          trouble = { error };
          arrived?.();
        },
      },
      position,
    );
  };

  const next = async (): Promise<IteratorResult<NexusEvent, undefined>> => {
    try {
      if (!over && !follower) await open();
      while (!isOver()) {
        const event = queue.shift();
        if (event) return { done: false, value: event.event() };
        if (trouble) throw trouble.error;
        const mayEnd = stayAwake();
        await new Promise<void>((resolve) => {
          arrived = resolve;
          follower?.pump();
        });
        mayEnd();
        arrived = undefined;
      }
      return done;
    } catch (error) {
      // A loop that is thrown out of does not say so.
      end();
      throw error;
    }
  };

  let turn: Promise<unknown> = Promise.resolve();
  return {
    next: () => {
      const mine = turn.then(next, next);
      turn = mine;
      return mine;
    },
    return: () => {
      end();
      return Promise.resolve(done);
    },
  };
}

const done = { done: true, value: undefined } as const;

function checkTypes(types: readonly string[]): void {
  const isType = (each: unknown): boolean => typeof each === 'string' && each !== '';
  if (Array.isArray(types) && types.length > 0 && types.every(isType)) return;
  throw invalidArgument('types', 'a list of event types', types);
}
