/**
 * Whether endpoints have done nothing but fail, and since when. After an hour that is written into the log, so that five
 * days of it are five days whatever is restarted; a delivery that is taken, in any process, ends it.
 */
import type { Clock } from '../core/clock.js';
import { describeFailure, type Failure } from '../core/errors.js';
import type { LoggerLike, ReactorContext } from '../nexus.js';
import type { Storage } from '../storage/storage.js';
import { reactorName, type Chapter, type EndpointStory } from './endpoint-story.js';

export interface EndpointHealth {
  /** A delivery was taken. */
  succeeded(node: string): Promise<void>;
  /** One was not. `failing`: for five days none was. */
  failed(
    node: string,
    ctx: Pick<ReactorContext, 'attempt' | 'deliveryId'>,
    error: unknown,
  ): Promise<'failing' | undefined>;
  lastSuccessAt(node: string): Promise<number | undefined>;
  lastFailure(node: string): Promise<{ readonly at: number; readonly error: Failure } | undefined>;
  /** Its story went on. */
  changed(node: string): void;
}

/** Since when it must have failed before that is written down: flapping endpoints leave a line an hour, not one a minute. */
const MARK_MS = 3_600_000;
const MOST_FAILING_MS = 5 * 24 * 3_600_000;
/** What another process wrote is noticed within this. */
const FRESH_MS = 60_000;
/** How far below the position deliveries are looked at. */
const NEWEST = 2_000;
const PAGE = 1_000;

type Known = {
  chapter: Chapter | undefined;
  readAt: number;
  failingSince: number | undefined;
  successAt: number | undefined;
  failure: { readonly at: number; readonly error: Failure } | undefined;
};

export function createEndpointHealth(options: {
  storage: Pick<Storage, 'read'>;
  story: EndpointStory;
  clock: Clock;
  logger: LoggerLike;
}): EndpointHealth {
  const { storage, story, clock, logger } = options;
  const byNode = new Map<string, Known>();

  const knownOf = (node: string): Known => {
    let known = byNode.get(node);
    if (!known) {
      known = {
        chapter: undefined,
        readAt: -Infinity,
        failingSince: undefined,
        successAt: undefined,
        failure: undefined,
      };
      byNode.set(node, known);
    }
    return known;
  };
  const readAgain = async (node: string, known: Known): Promise<void> => {
    known.chapter = await story.last(node);
    known.readAt = clock.now();
  };
  const fresh = async (node: string): Promise<Known> => {
    const known = knownOf(node);
    if (clock.now() - known.readAt > FRESH_MS) await readAgain(node, known);
    return known;
  };

  /** The last that was stored of its newest deliveries in a state. */
  const newest = async (
    node: string,
    state: 'succeeded' | 'dead',
  ): Promise<{ readonly at: number; readonly error: Failure | null } | undefined> => {
    const reactor = reactorName(node);
    const row = (await storage.read.reactors()).find(({ name }) => name === reactor);
    if (!row) return undefined;
    const { items } = await storage.read.deliveries({
      reactor,
      run: 0,
      states: [state],
      limit: PAGE,
      after: { reactor: row.key, run: 0, seq: Math.max(0, row.position - NEWEST) },
    });
    let last: { at: number; error: Failure | null } | undefined;
    for (const { finishedAt, error } of items)
      if (finishedAt !== null && finishedAt >= (last?.at ?? 0)) last = { at: finishedAt, error };
    return last;
  };
  const lastSuccessAt = async (node: string): Promise<number | undefined> => {
    const stored = (await newest(node, 'succeeded'))?.at;
    const own = byNode.get(node)?.successAt;
    return stored === undefined || own === undefined ? (stored ?? own) : Math.max(stored, own);
  };

  /** When the delivery failed first, also before a restart. */
  const firstFailure = async ({
    attempt,
    deliveryId,
  }: {
    attempt: number;
    deliveryId: string;
  }): Promise<number> => {
    if (attempt === 1) return clock.now();
    const [reactor = 0, run = 0, seq = 0] = deliveryId.split('-').map(Number);
    const [first] = await storage.read.attempts({ reactor, run, seq });
    return first?.at ?? clock.now();
  };

  /** Since when it has only failed, as far as storage and this process know. */
  const failingSince = async (
    node: string,
    known: Known,
    ctx: { attempt: number; deliveryId: string },
  ): Promise<number> => {
    const { chapter } = known;
    if (chapter?.kind === 'failing') return chapter.since ?? chapter.at;
    known.failingSince ??= await firstFailure(ctx);
    const since = Math.max(known.failingSince, chapter?.at ?? 0);
    if (clock.now() - since < MARK_MS) return since;
    const success = await lastSuccessAt(node);
    if (success !== undefined && success >= since) {
      known.failingSince = clock.now();
      return known.failingSince;
    }
    await story.say(node, 'failing', { after: chapter, payload: { since } });
    await readAgain(node, known);
    return since;
  };

  const recover = async (node: string, known: Known): Promise<void> => {
    if (known.chapter?.kind !== 'failing') return;
    await story.say(node, 'recovered', { after: known.chapter });
    await readAgain(node, known);
  };

  /** What becomes of a delivery does not depend on what can be read or written about its endpoint. */
  const unharmed = async <T>(node: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      logger.warn(
        { node, failure: describeFailure(error) },
        'the state of a webhook endpoint could not be kept',
      );
      return undefined;
    }
  };

  return {
    succeeded: async (node) => {
      const known = knownOf(node);
      known.successAt = clock.now();
      known.failingSince = undefined;
      if (clock.now() - known.readAt <= FRESH_MS && known.chapter?.kind !== 'failing') return;
      await unharmed(node, async () => await recover(node, await fresh(node)));
    },
    failed: async (node, ctx, error) => {
      knownOf(node).failure = { at: clock.now(), error: describeFailure(error) };
      return await unharmed(node, async () => {
        const known = await fresh(node);
        const since = await failingSince(node, known, ctx);
        if (clock.now() - since < MOST_FAILING_MS) return undefined;
        const success = await lastSuccessAt(node);
        if (success === undefined || success < since) return 'failing';
        await recover(node, known);
        return undefined;
      });
    },
    lastSuccessAt,
    lastFailure: async (node) => {
      const own = byNode.get(node)?.failure;
      if (own) return own;
      const dead = await newest(node, 'dead');
      return dead?.error ? { at: dead.at, error: dead.error } : undefined;
    },
    changed: (node) => {
      const known = knownOf(node);
      known.readAt = -Infinity;
      known.failingSince = undefined;
    },
  };
}
