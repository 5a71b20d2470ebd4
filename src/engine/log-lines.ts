/** What the log says of each of the library's own moments: ids and outcomes, never payloads, headers or secrets. */
import { describeFailure } from '../core/errors.js';
import type { DeliveryMoment, NexusLifecycle } from '../nexus.js';

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** A line in the log. Where the level depends on the moment, the moment is made whether it is logged or not. */
export type Line<M> = {
  readonly level: Level | ((moment: M) => Level);
  readonly message: string;
  readonly fields: (moment: M) => object;
  /** There is one for every event, at the level {@link FREQUENT}. */
  readonly frequent?: true;
};

/** The level of what is said of every event. */
export const FREQUENT = 'debug';

/** `undefined`: not logged, for other lines say it. */
export const lines: { readonly [K in keyof NexusLifecycle]: Line<NexusLifecycle[K]> | undefined } = {
  started: { level: 'info', message: 'started', fields: same },
  event: {
    level: FREQUENT,
    frequent: true,
    message: 'an event was stored',
    fields: ({ id, type, seq, source, correlationId, causationId }) => ({
      eventId: id,
      eventType: type,
      seq,
      source,
      correlationId,
      causationId,
    }),
  },
  commit: undefined,
  'delivery:started': { level: FREQUENT, frequent: true, message: 'a handler is called', fields: same },
  'delivery:succeeded': { level: FREQUENT, frequent: true, message: 'a delivery succeeded', fields: same },
  'delivery:failed': {
    level: ({ counted }) => (counted ? 'warn' : 'info'),
    message: 'a delivery failed and will be retried',
    fields: withFailure,
  },
  'delivery:dead': { level: 'error', message: 'a delivery is dead', fields: withFailure },
  'delivery:cancelled': { level: 'warn', message: 'a delivery was cancelled', fields: same },
  'delivery:recovered': {
    level: ({ state }) => (state === 'dead' ? 'error' : 'info'),
    message: 'a delivery was taken back from an instance that died',
    fields: same,
  },
  'reactor:stuck': {
    level: 'error',
    message: 'a handler did not return after its timeout; its slot is given up for lost',
    fields: same,
  },
  'reactor:superseded': {
    level: 'warn',
    message: 'another registration of this reactor has replaced the one in this process',
    fields: same,
  },
  'schedule:superseded': {
    level: 'warn',
    message: 'another definition of this schedule has replaced the one in this process',
    fields: same,
  },
  'dispatch:duplicate': {
    level: 'debug',
    message: 'an event was said before',
    fields: ({ id, type, source }) => ({ eventId: id, eventType: type, source }),
  },
  'outbox:refused': {
    level: 'error',
    message: 'an event of an outbox was refused',
    fields: ({ id, type, outbox, error }) => ({
      eventId: id,
      eventType: type,
      outbox,
      failure: describeFailure(error),
    }),
  },
  'webhook:attempt': {
    level: ({ outcome }) => (outcome === 'delivered' ? 'debug' : 'warn'),
    message: 'an attempt to deliver to a webhook ended',
    fields: ({ error, ...rest }) => ({
      ...rest,
      ...(error !== undefined && { failure: describeFailure(error) }),
    }),
  },
  'endpoint:disabled': { level: 'error', message: 'a webhook endpoint is disabled', fields: same },
  'endpoint:enabled': { level: 'info', message: 'a webhook endpoint is enabled', fields: same },
  'auth:denied': { level: 'warn', message: 'a request was turned away', fields: same },
  'admin:acted': { level: 'info', message: 'an admin had something done over HTTP', fields: same },
  'http:answered': { level: 'debug', message: 'a request was answered', fields: same },
  'limit:refused': { level: 'debug', message: 'a request was one too many', fields: same },
  'storage:error': {
    level: 'error',
    message: 'the storage failed',
    fields: ({ error, retrying }) => ({ failure: describeFailure(error), retrying }),
  },
  'log:lost': { level: 'error', message: 'acknowledged events are missing from the log', fields: same },
  'audit:broken': { level: 'error', message: 'the log does not verify', fields: same },
  closed: { level: 'info', message: 'closed', fields: same },
};

function same(moment: object): object {
  return moment;
}

function withFailure({ error, ...rest }: DeliveryMoment & { readonly error: unknown }): object {
  return { ...rest, failure: describeFailure(error) };
}
