/** A node's way to a Nexus elsewhere: says events, and hears of them. */
import type { AnyCatalogue, Catalogue, InputOf, OutputOf, TypeOf } from '../core/catalogue.js';
import { NexusError } from '../core/errors.js';
import { dispatchFrom, type RemoteDispatched, type RemoteDispatchOptions } from './dispatch.js';
import { closed } from './failure.js';
import { followLog } from './follow-log.js';
import { settingsOf, type NexusClientOptions } from './options.js';
import { createLife, follow, pause } from './pause.js';
import type { RemoteEventOf } from './remote-event.js';
import {
  subscribe,
  teller,
  type RemoteContext,
  type SubscribeOptions,
  type Subscription,
  type Work,
} from './subscription.js';

/** A handler of remote events; what it returns is awaited. */
export type RemoteHandler<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> = (
  payload: OutputOf<E, T>,
  context: RemoteContext<RemoteEventOf<E, T>>,
) => unknown;

/** For `feed` of a client. */
export interface RemoteFeedOptions<T extends string = string> {
  /** @default all that the token may read */
  types?: readonly T[];
  /** Begin behind this `seq`. @default from now on */
  after?: number;
  /** Ends it. @default none: it ends when its loop is left */
  signal?: AbortSignal;
}

/** A Nexus elsewhere. */
export interface NexusClient<E extends Catalogue = AnyCatalogue> {
  /**
   * Says an event; resolves once it is durable. Tried again after network errors, 408, 429 and 5xx, as the same event.
   *
   * @throws NexusError with the code of the Nexus's answer, NEXUS_UNREACHABLE, NEXUS_INVALID_OPTION, NEXUS_CLOSED; `details` has `idempotencyKey` to go on with, and `outcome`: `not_stored` or `unknown`
   */
  dispatch<T extends TypeOf<E>>(
    type: T,
    payload: InputOf<E, T>,
    options?: RemoteDispatchOptions,
  ): Promise<RemoteDispatched<T>>;
  /**
   * Calls a handler for every event of some types, one after the other in the order of the log, each until it ends well. The
   * connection is opened again whenever it is lost, at the place where it was. One connection each: pass several types together.
   */
  onEvent<const T extends TypeOf<E>>(
    types: T | readonly T[] | '*',
    handler: RemoteHandler<E, T>,
    options?: SubscribeOptions<RemoteEventOf<E, T>>,
  ): Subscription;
  /**
   * The log as it grows, as fast as it is read; goes on over lost connections. Ends with the signal, the loop, or the client.
   *
   * @throws NexusError what trying again does not mend
   */
  feed<const T extends TypeOf<E> = TypeOf<E>>(
    options?: RemoteFeedOptions<T>,
  ): AsyncIterable<RemoteEventOf<E, T>>;
  /** Ends everything: no further event is handled, waits for the handlers that are running. */
  close(options?: {
    /** How long it waits, milliseconds. @default 15_000 */
    timeoutMs?: number;
  }): Promise<void>;
}

/**
 * A client of a Nexus, for Node and browsers. With a `secret` it dispatches, with a `token` it reads.
 *
 * @example
 * const nexus = createNexusClient<typeof protocolEvents>({ url: 'https://bus.example/nexus', node: 'flowpay', secret });
 * await nexus.dispatch('PAYMENT_RECEIVED', { orderId: 'o-1', amount: '129.90', payerId: 'ana' });
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function createNexusClient<E extends Catalogue = AnyCatalogue>(
  options: NexusClientOptions<E>,
): NexusClient<E> {
  const settings = settingsOf(options);
  const life = createLife();
  const subscriptions = new Set<Subscription>();

  const onEvent = (
    types: string | readonly string[],
    handler: Work['handler'],
    subscribeOptions: SubscribeOptions = {},
  ): Subscription => {
    if (life.aborted) throw closed();
    const abort = new AbortController();
    const subscription = subscribe({
      settings,
      types: typesOf(types),
      handler,
      options: subscribeOptions,
      abort,
    });
    subscriptions.add(subscription);
    void subscription.closed.then(() => subscriptions.delete(subscription));
    return subscription;
  };

  const feed = ({ types = [], after, signal }: RemoteFeedOptions = {}): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]: () => {
      const own = follow(life, signal);
      const tell = teller(settings.onState, types);
      const frames = followLog({ settings, types, after, logId: undefined, signal: own.signal, tell });
      const over = (error?: NexusError): void => {
        own.release();
        tell({ state: 'closed', error });
      };
      const next = async (): Promise<IteratorResult<unknown>> => {
        try {
          for (;;) {
            const { done, value } = await frames.next();
            if (done === true) break;
            if (value.kind === 'event') return { done: false, value: value.event };
          }
        } catch (error) {
          over(error as NexusError);
          throw error;
        }
        over();
        return { done: true, value: undefined };
      };
      return {
        next,
        return: async () => {
          // A generator that waits for an event would let its `return` wait as well.
          own.abort();
          await frames.return();
          over();
          return { done: true, value: undefined };
        },
      };
    },
  });

  const client = {
    dispatch: (type: string, payload: unknown, dispatchOptions: RemoteDispatchOptions = {}) =>
      dispatchFrom(settings, life, { type, payload, options: dispatchOptions }),
    onEvent,
    feed,
    close: async ({ timeoutMs = 15_000 } = {}) => {
      life.end();
      const over = new AbortController();
      const all = Promise.all([...subscriptions].map((each) => each.close()));
      await Promise.race([all, pause(timeoutMs, over.signal)]);
      over.abort();
    },
  };
  return client as unknown as NexusClient<E>;
}

function typesOf(types: string | readonly string[]): readonly string[] {
  if (types === '*') return [];
  const list = typeof types === 'string' ? [types] : types;
  if (list.length > 0) return list;
  throw new NexusError('NEXUS_INVALID_OPTION', "onEvent needs a type, several, or '*'; got an empty list");
}
