/** One delivery to an endpoint, from the event to what its answer means. */
import { describeFailure, NonRetryableError, RetryAfterError } from '../core/errors.js';
import type { DeliveryDesk, Handler, LoggerLike, NexusLifecycle } from '../nexus.js';
import type { EndpointHealth } from './endpoint-health.js';
import type { Exchange } from './exchange.js';
import { messageOf } from './message.js';
import type { Target } from './target.js';
import { verdictOf, type Verdict } from './verdict.js';

/** Exchanges that are on their way, so that they can be ended when their endpoint changes. */
export type OnTheirWay = Set<AbortController>;

export type Deliver = (node: string, onTheirWay: OnTheirWay) => Handler;

/** A storage that could not be asked to disable an endpoint is asked again after this. */
const ASK_AGAIN_MS = 5_000;
/** What an endpoint asked for is lengthened by up to this share, so that not all come back at once. */
const JITTER = 0.1;

export function createDeliver(options: {
  exchange: Exchange;
  health: EndpointHealth;
  logger: LoggerLike;
  /** 0..1 */
  random: () => number;
  targetOf: (node: string) => Target | undefined;
  mayRead: (node: string, type: string) => boolean;
  deliveries: () => DeliveryDesk;
  disable: (node: string, reason: 'gone' | 'failing') => Promise<void>;
  tell: (moment: NexusLifecycle['webhook:attempt']) => void;
}): Deliver {
  const { exchange, health, random, targetOf } = options;

  const disable = async (node: string, reason: 'gone' | 'failing'): Promise<void> => {
    try {
      await options.disable(node, reason);
    } catch (error) {
      options.logger.error(
        { node, reason, failure: describeFailure(error) },
        'an endpoint could not be disabled',
      );
    }
  };

  return (node, onTheirWay) => async (_payload, ctx) => {
    const { event, attempt, deliveryId, signal } = ctx;
    const target = targetOf(node);
    if (!target) throw new RetryAfterError(ASK_AGAIN_MS, `the node ${node} has no webhook any more`);
    if (!options.mayRead(node, event.type)) throw mayNotRead(node, event.type);

    const abort = new AbortController();
    const giveUp = (): void => abort.abort(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    onTheirWay.add(abort);
    const delivery = `${deliveryId}; attempt=${attempt}`;
    const exchanged = await exchange({ target, message: messageOf(event), delivery, abort }).finally(() => {
      onTheirWay.delete(abort);
      signal.removeEventListener('abort', giveUp);
    });
    // What becomes of it is decided already: it was cancelled, or Nexus closes.
    if (signal.aborted) throw signal.reason;
    if (abort.signal.reason instanceof EndpointChanged)
      throw new RetryAfterError(0, abort.signal.reason.message);

    const postponed = exchanged.retryAfterMs === undefined ? 0 : await postponedBefore(deliveryId);
    const verdict = verdictOf(node, exchanged, postponed);
    const { status, ms } = exchanged;
    const error = verdict.outcome === 'delivered' ? undefined : verdict.error;
    const { id: eventId, type: eventType } = event;
    options.tell({
      node,
      deliveryId,
      eventId,
      eventType,
      attempt,
      status,
      ms,
      outcome: verdict.outcome,
      error,
    });
    await follow(node, verdict, ctx);
  };

  /** What becomes of an answer does not depend on whether this can be read. */
  async function postponedBefore(deliveryId: string): Promise<number> {
    const delivery = await options
      .deliveries()
      .get(deliveryId)
      .catch(() => undefined);
    return delivery?.postponed ?? 0;
  }

  async function follow(
    node: string,
    verdict: Verdict,
    ctx: { readonly attempt: number; readonly deliveryId: string },
  ): Promise<void> {
    if (verdict.outcome === 'delivered') {
      await health.succeeded(node);
      return;
    }
    const { error } = verdict;
    const state = await health.failed(node, ctx, error);
    if (verdict.outcome === 'gone' || state === 'failing') {
      await disable(node, verdict.outcome === 'gone' ? 'gone' : 'failing');
      // It waits, no attempt spent, for the endpoint to be enabled.
      throw new RetryAfterError(ASK_AGAIN_MS, error.message, { cause: error });
    }
    if (verdict.outcome !== 'postponed') throw error;
    const afterMs = Math.round(verdict.afterMs * (1 + JITTER * random()));
    throw new RetryAfterError(afterMs, error.message, { cause: error });
  }
}

/** Why an exchange was ended: its endpoint is not what it was. */
export class EndpointChanged extends Error {
  override readonly name: string = 'EndpointChanged';
}

function mayNotRead(node: string, type: string): Error {
  const message = `the node ${node} may not read ${type} any more; its "subscribe" list must name the type`;
  return Object.assign(new NonRetryableError(message), { code: 'NEXUS_PERMISSION_DENIED' });
}
