/** An event type with a history: its schema, the version the schema has, and the way there from the versions before. */
import { NexusError } from './errors.js';
import type { JsonObject } from './event.js';
import { isStandardSchema, type StandardSchemaV1 } from './standard-schema.js';

/** From the payload of one version to the payload of the next. Pure and synchronous: it runs at every read. */
export type Upcaster = {
  // Written as a method, so that a function of a payload of a known shape will do as well.
  step(payload: JsonObject): object;
}['step'];

/** An entry of the catalogue whose schema has had other versions. */
export interface EventDefinition<S extends StandardSchemaV1 = StandardSchemaV1> {
  /** What payloads look like now. */
  readonly schema: S;
  /** The version of `schema`, an integer from 1; new events are stored with it. @default 1 */
  readonly version?: number;
  /** By version, how its payload becomes one of the next version: one function for each version before this one. @default {} */
  readonly upcast?: Readonly<Record<number, Upcaster>>;
}

/**
 * A typed identity for an entry of the catalogue whose schema has changed: what is stored in older versions is upcast when
 * it is read. `defineEvents` and `createNexus` check it.
 *
 * @example
 * const paid = defineEvent({
 *   schema: z.object({ orderId: z.string(), amount: z.string(), currency: z.string() }),
 *   version: 2,
 *   upcast: { 1: (payload) => ({ ...payload, currency: 'BRL' }) },
 * });
 * const events = defineEvents({ PAID: paid, SENT: z.object({ parcel: z.string() }) });
 */
export function defineEvent<const S extends StandardSchemaV1>(
  definition: EventDefinition<S>,
): EventDefinition<S> {
  return definition;
}

/** An entry of the catalogue in full. */
export type FullDefinition = {
  readonly schema: StandardSchemaV1;
  readonly version: number;
  /** `upcasters[n - 1]` leads from version n to n + 1. */
  readonly upcasters: readonly Upcaster[];
};

/** An entry of the catalogue, checked and in full. @throws NexusError NEXUS_INVALID_OPTION */
export function fullDefinition(type: string, entry: unknown): FullDefinition {
  if (isStandardSchema(entry)) return { schema: entry, version: 1, upcasters: [] };
  const { schema, version = 1, upcast = {} } = (entry ?? {}) as Partial<EventDefinition>;
  if (!isStandardSchema(schema))
    throw invalid(
      type,
      `the schema of ${type} is not a Standard Schema; pass a schema of zod 4, valibot 1 or arktype 2, alone or as defineEvent({ schema })`,
    );
  if (!Number.isSafeInteger(version) || version < 1)
    throw invalid(type, `the version of ${type} must be an integer from 1; got ${String(version)}`);
  return { schema, version, upcasters: chainOf(type, version, upcast) };
}

function chainOf(type: string, version: number, upcast: unknown): Upcaster[] {
  if (typeof upcast !== 'object' || upcast === null || Array.isArray(upcast))
    throw invalid(
      type,
      `the upcast of ${type} must be an object with a function for each version before ${version}; got ${upcast === null ? 'null' : Array.isArray(upcast) ? 'an array' : typeof upcast}`,
    );
  const given = new Map<string, unknown>(Object.entries(upcast));
  const chain: Upcaster[] = [];
  for (let from = 1; from < version; from++) {
    const upcaster = given.get(String(from));
    if (typeof upcaster !== 'function')
      throw invalid(
        type,
        `the upcast of ${type} must have a function ${from} that leads from version ${from} to ${from + 1}; got ${upcaster === undefined ? 'none' : typeof upcaster}`,
      );
    chain.push(upcaster as Upcaster);
    given.delete(String(from));
  }
  const [beyond] = given.keys();
  if (beyond !== undefined)
    throw invalid(
      type,
      `the upcast of ${type} has a key ${JSON.stringify(beyond.slice(0, 80))}, but ${version === 1 ? 'version 1 is the first: there is nothing to upcast' : `its version is ${version}: expected 1 to ${version - 1}`}`,
    );
  return chain;
}

function invalid(type: string, message: string): NexusError {
  return new NexusError('NEXUS_INVALID_OPTION', message, { details: { type } });
}
