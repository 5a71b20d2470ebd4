/**
 * From what is stored to what is handed out. The one place that brings a payload to the version its schema has now; what is
 * stored is never changed.
 */
import type { Catalogue } from './catalogue.js';
import { describeFailure, NexusError } from './errors.js';
import { parsePayload, withPayload, type JsonObject, type NexusEvent, type StoredEvent } from './event.js';
import { fullDefinition, type FullDefinition, type Upcaster } from './event-definition.js';
import { jsonPayload } from './payload.js';

/** A view of a stored event, and why its payload is not of the version that is known here, if it is not. */
export type Read = { readonly event: NexusEvent; readonly problem: NexusError | undefined };

/** Every call parses anew, so no reader can change what another sees. */
export interface Versions {
  /** The types that are known, or undefined without a catalogue. */
  readonly types: ReadonlyMap<string, FullDefinition> | undefined;
  /** True when the event is of a version that only newer code knows. */
  isNewer(stored: StoredEvent): boolean;
  /** For code that was written for the version of now. @throws NexusError NEXUS_EVENT_NEWER, NEXUS_UPCAST_FAILED */
  payload(stored: StoredEvent): JsonObject;
  /** The event with such a payload, or with one that was made before. Throws as `payload`. */
  event(stored: StoredEvent, payload?: JsonObject): NexusEvent;
  /** For whoever decides what a problem means: with one, the event has its payload as stored. */
  read(stored: StoredEvent): Read;
  /** For pages: one event that cannot be upcast must not make the others unreadable; its `schemaVersion` tells. */
  view(stored: StoredEvent): NexusEvent;
  /** The payload of `view`, as JSON text. */
  text(stored: StoredEvent): string;
}

export function createVersions(catalogue: Catalogue | undefined): Versions {
  const types =
    catalogue &&
    new Map(Object.entries(catalogue).map(([type, entry]) => [type, fullDefinition(type, entry)] as const));

  /** What is erased, or of a type nothing is known of here, stays as it is. */
  const versionOf = (stored: StoredEvent): number =>
    stored.payload === null
      ? stored.schemaVersion
      : (types?.get(stored.type)?.version ?? stored.schemaVersion);

  const payload = (stored: StoredEvent): JsonObject => {
    const version = versionOf(stored);
    if (stored.schemaVersion === version) return parsePayload(stored);
    if (stored.schemaVersion > version) throw newer(stored, version);
    return upcast(stored, types?.get(stored.type)?.upcasters ?? []);
  };
  const event = (stored: StoredEvent, own = payload(stored)): NexusEvent =>
    withPayload(stored, own, versionOf(stored));
  const read = (stored: StoredEvent): Read => {
    try {
      return { event: event(stored), problem: undefined };
    } catch (error) {
      if (!NexusError.is(error)) throw error;
      return { event: withPayload(stored, parsePayload(stored), stored.schemaVersion), problem: error };
    }
  };

  return {
    types,
    isNewer: (stored) => stored.schemaVersion > versionOf(stored),
    payload,
    event,
    read,
    view: (stored) => read(stored).event,
    text: (stored) => {
      const asStored = stored.schemaVersion === versionOf(stored);
      return asStored ? (stored.payload ?? '{}') : JSON.stringify(read(stored).event.payload);
    },
  };
}

function upcast(stored: StoredEvent, upcasters: readonly Upcaster[]): JsonObject {
  let payload = parsePayload(stored);
  for (let from = stored.schemaVersion; from <= upcasters.length; from++) {
    try {
      const result: unknown = upcasters[from - 1]?.(payload);
      // Nobody will wait for it, and nobody else would hear of it.
      if (result instanceof Promise) result.catch(() => undefined);
      // The check that it is JSON; and what it shares with others is copied.
      payload = jsonPayload(stored.type, result);
    } catch (error) {
      throw upcastFailed(stored, from, error);
    }
  }
  return payload;
}

function newer({ id, seq, type, schemaVersion }: StoredEvent, known: number): NexusError {
  return new NexusError(
    'NEXUS_EVENT_NEWER',
    `event ${id} (${type}, seq ${seq}) has version ${schemaVersion} of its schema, this process knows up to ${known}; deploy the newer definition of ${type} here`,
    { details: { type, id, seq, schemaVersion, known } },
  );
}

function upcastFailed(
  { id, seq, type, schemaVersion }: StoredEvent,
  from: number,
  cause: unknown,
): NexusError {
  return new NexusError(
    'NEXUS_UPCAST_FAILED',
    `upcast ${from} of ${type} failed for event ${id} (seq ${seq}): ${describeFailure(cause).message}; mend the function, then redrive`,
    { details: { type, id, seq, schemaVersion, from }, cause },
  );
}
