/** The catalogue: which event types there are and what their payloads look like. Any Standard Schema will do. */
import { optionsArgument } from './arguments.js';
import { NexusError } from './errors.js';
import { isLegalName, isReservedType, type JsonObject, type NexusEvent } from './event.js';
import { fullDefinition, type EventDefinition } from './event-definition.js';
import { invalidPayload, type PayloadIssue } from './payload.js';
import type { StandardSchemaV1 } from './standard-schema.js';

export type { StandardResult, StandardSchemaV1 } from './standard-schema.js';

/* eslint-disable @typescript-eslint/consistent-indexed-object-style -- editors show a Record by its parts, and these by their names */
/** Type → schema, alone or with its version and the way there from the versions before. */
export type Catalogue = { readonly [type: string]: StandardSchemaV1 | EventDefinition };

/** The catalogue when none is given: any type, any JSON object. */
export type AnyCatalogue = {
  readonly [type: string]:
    StandardSchemaV1<JsonObject, JsonObject> | EventDefinition<StandardSchemaV1<JsonObject, JsonObject>>;
};
/* eslint-enable @typescript-eslint/consistent-indexed-object-style */

/** The type names of a catalogue. */
export type TypeOf<E extends Catalogue> = keyof E & string;

/** The schema of an entry of a catalogue. */
export type SchemaOf<Entry> = Entry extends StandardSchemaV1
  ? Entry
  : Entry extends EventDefinition<infer S>
    ? S
    : never;

/** What `dispatch` takes for a type. */
export type InputOf<E extends Catalogue, T extends TypeOf<E>> =
  NonNullable<SchemaOf<E[T]>['~standard']['types']> extends { readonly input: infer I } ? I : JsonObject;

/** What handlers get for a type: the schema's output. */
export type OutputOf<E extends Catalogue, T extends TypeOf<E>> =
  NonNullable<SchemaOf<E[T]>['~standard']['types']> extends { readonly output: infer O } ? O : JsonObject;

/** The events of some types, as a union that narrows by `type`. */
export type EventOf<E extends Catalogue, T extends TypeOf<E> = TypeOf<E>> =
  T extends TypeOf<E> ? NexusEvent<T, OutputOf<E, T>> : never;

/**
 * A catalogue as a value, checked: its names are legal and every entry is a Standard Schema or one with its version.
 *
 * @example const events = defineEvents({ ORDER_PAID: z.object({ orderId: z.string() }) });
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function defineEvents<const E extends Catalogue>(events: E): E {
  optionsArgument(events, 'events');
  for (const [type, entry] of Object.entries(events)) {
    if (!isLegalName(type) || isReservedType(type)) {
      throw new NexusError(
        'NEXUS_INVALID_OPTION',
        `"${type}" cannot be an event type: expected 1 to 200 characters without white space or *, not beginning with nexus.`,
        { details: { type } },
      );
    }
    fullDefinition(type, entry);
  }
  return events;
}

/**
 * A payload as its schema lets it through. The output is what is stored.
 *
 * @throws NexusError NEXUS_INVALID_PAYLOAD, NEXUS_INVALID_OPTION (asynchronous schema)
 */
export function validate(type: string, schema: StandardSchemaV1, payload: unknown): unknown {
  const result = schema['~standard'].validate(payload);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new NexusError(
      'NEXUS_INVALID_OPTION',
      `the schema of ${type} is asynchronous; schemas run inside dispatch and must be synchronous, so do such checks in a reactor`,
      { details: { type } },
    );
  }
  if (result.issues === undefined) return result.value;
  throw invalidPayload(type, result.issues.map(toIssue));
}

function toIssue(issue: {
  message: string;
  path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}): PayloadIssue {
  const path = (issue.path ?? []).map((part) => {
    const key = typeof part === 'object' ? part.key : part;
    return typeof key === 'symbol' ? key.toString() : key;
  });
  return { path, message: issue.message };
}
