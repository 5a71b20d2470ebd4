/** An event as it comes over the wire, and as it is handed on. */
import type { Catalogue, OutputOf, TypeOf } from '../core/catalogue.js';
import { NexusError } from '../core/errors.js';
import type { JsonObject, NexusEvent } from '../core/event.js';

/** An event as other programs than the host see it. */
export type RemoteEvent<T extends string = string, P = JsonObject> = Pick<
  NexusEvent<T, P>,
  'id' | 'seq' | 'type' | 'payload' | 'source' | 'timestamp'
>;

/** The events of some types of a catalogue, as a union that narrows by `type`. */
export type RemoteEventOf<E extends Catalogue, T extends TypeOf<E> = TypeOf<E>> =
  T extends TypeOf<E> ? RemoteEvent<T, OutputOf<E, T>> : never;

/**
 * What stands in a message of the WebSocket, of the stream or of a webhook. Times are epoch ms here, on the wire also ISO 8601.
 *
 * @throws NexusError NEXUS_INVALID_PAYLOAD
 */
export function remoteEvent(wire: unknown): RemoteEvent {
  const { id, seq, event, payload, source, timestamp } = (wire ?? {}) as Record<string, unknown>;
  const at = typeof timestamp === 'string' ? Date.parse(timestamp) : timestamp;
  if (
    typeof id === 'string' &&
    Number.isSafeInteger(seq) &&
    typeof event === 'string' &&
    typeof payload === 'object' &&
    payload !== null &&
    typeof source === 'string' &&
    Number.isFinite(at)
  )
    return {
      id,
      seq: seq as number,
      type: event,
      payload: payload as JsonObject,
      source,
      timestamp: at as number,
    };
  throw new NexusError(
    'NEXUS_INVALID_PAYLOAD',
    'expected an event with id, seq, event, payload, source and timestamp',
  );
}
