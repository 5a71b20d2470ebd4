/** Deliveries and dead letters: seen, driven again, given up. */
import { NexusError } from '../../core/errors.js';
import type { DeadLetterFilter, Delivery, DeliveryFilter, Ingress, Nexus } from '../../nexus.js';
import { json } from '../problem.js';
import { act, type Act, type Asked } from './act.js';
import { page } from './list.js';

const filter = {
  reactor: 'text',
  eventId: 'text',
  type: 'text',
  errorCode: 'text',
  run: 'whole',
  after: 'text',
  limit: 'limit',
} as const;

const selection = {
  ids: 'texts',
  reactor: 'text',
  type: 'text',
  errorCode: 'text',
  all: 'flag',
  limit: 'limit',
} as const;

export function deliveryActs(
  { deliveries, deadLetters }: Pick<Nexus, 'deliveries' | 'deadLetters'>,
  door: Pick<Ingress, 'may'>,
): readonly Act[] {
  /** What a handler's error says may repeat the payload: it is for who may read that. */
  const shown = (delivery: Delivery, node: string): object => {
    const { error } = delivery;
    if (!error || door.may(node, 'read', delivery.eventType)) return delivery;
    return { ...delivery, error: { code: error.code } };
  };
  const one = async (id: string, node: string): Promise<object> => {
    const found = await deliveries.get(id);
    if (found) return shown(found, node);
    throw new NexusError('NEXUS_NOT_FOUND', `there is no delivery ${JSON.stringify(id)}`);
  };

  return [
    act('GET /admin/deliveries', { ...filter, state: 'texts' }, async ({ given, node }) => {
      // The desk knows which states there are.
      const { items, next } = await deliveries.list(given as DeliveryFilter);
      return page({ items: items.map((each) => shown(each, node)), next });
    }),
    act('GET /admin/deliveries/:id', {}, async ({ target, node }) => json(200, await one(target, node))),
    act('POST /admin/deliveries/:id/retry', {}, async ({ target, node }) => {
      await deliveries.retry(target);
      return json(200, await one(target, node));
    }),
    act('POST /admin/deliveries/:id/cancel', {}, async ({ target, node }) => {
      await deliveries.cancel(target);
      return json(200, await one(target, node));
    }),
    act('GET /admin/dead-letters', filter, async ({ given, node }) => {
      const { items, next } = await deadLetters.list(given);
      return page({ items: items.map((each) => shown(each, node)), next });
    }),
    act('POST /admin/dead-letters/redrive', selection, async ({ given }) =>
      json(200, await deadLetters.redrive(which(given))),
    ),
    act('POST /admin/dead-letters/discard', selection, async ({ given }) =>
      json(200, await deadLetters.discard(which(given))),
    ),
  ];
}

/** A body that was forgotten must not mean all of them. */
function which({ all, ...given }: Asked<typeof selection>['given']): DeadLetterFilter {
  const { ids, reactor, type, errorCode } = given;
  if ((ids ?? reactor ?? type ?? errorCode) !== undefined || all === true) return given;
  throw new NexusError(
    'NEXUS_INVALID_OPTION',
    'say which: "ids", "reactor", "type", "errorCode", or "all": true',
  );
}
