/** Turns a payload into the JSON text that is stored, or says exactly what in it is not JSON. */
import { utf8Length } from './chain.js';
import { describeFailure, NexusError } from './errors.js';
import type { JsonObject } from './event.js';

/** Deepest nesting of a payload: `JSON.parse` takes a million levels, `JSON.stringify` dies at about 4,000. */
export const MAX_DEPTH = 64;

/** Most issues that one error names. */
const MAX_ISSUES = 100;

/** One thing that is wrong with a payload, and where. */
export interface PayloadIssue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * A copy of a payload that is exactly what `JSON.parse` would make of its text, with nothing shared: `undefined` members of
 * objects are left out, as `JSON.stringify` does; anything else that would not come back as it went in is refused.
 *
 * @throws NexusError NEXUS_INVALID_PAYLOAD, NEXUS_PAYLOAD_TOO_DEEP
 */
export function jsonPayload(type: string, payload: unknown): JsonObject {
  let copy: unknown;
  try {
    if (!isPlainObject(payload)) {
      throw invalidPayload(type, [{ path: [], message: `expected a JSON object, got ${nameOf(payload)}` }]);
    }
    copy = copyObject(payload, 1);
    if (copy === NOT_JSON) throw whatIsWrong(type, payload);
  } catch (error) {
    if (NexusError.is(error)) throw error;
    // A getter or a proxy of the caller's.
    throw invalidPayload(type, [{ path: [], message: `cannot be read: ${describeFailure(error).message}` }]);
  }
  return copy as JsonObject;
}

/** The JSON text of a payload that `jsonPayload` made. @throws NexusError NEXUS_PAYLOAD_TOO_LARGE */
export function encodePayload(type: string, payload: JsonObject, maxBytes: number): string {
  const text = JSON.stringify(payload);
  // Three bytes a unit is the most UTF-8 needs, so most payloads are not measured.
  if (text.length * 3 > maxBytes) {
    const bytes = utf8Length(text);
    if (bytes > maxBytes) {
      throw new NexusError(
        'NEXUS_PAYLOAD_TOO_LARGE',
        `the payload of ${type} is ${bytes} bytes of JSON, the limit is ${maxBytes}; store the large part elsewhere and send a reference, or raise maxPayloadBytes`,
        { details: { type, bytes, maxBytes } },
      );
    }
  }
  return text;
}

/** The error for a payload that is not what its type wants, with all its issues. */
export function invalidPayload(type: string, issues: readonly PayloadIssue[]): NexusError {
  const list = issues.slice(0, 10).map((issue) => `${formatPath(issue.path)}: ${issue.message}`);
  const more = issues.length > 10 ? `; and ${issues.length - 10} more` : '';
  return new NexusError(
    'NEXUS_INVALID_PAYLOAD',
    `the payload of ${type} is not valid: ${list.join('; ')}${more}`,
    {
      details: { type, issues },
    },
  );
}

const NOT_JSON = Symbol('not JSON');

function copyJson(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : NOT_JSON;
  // -0 has no JSON of its own: adding 0 makes it 0.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : NOT_JSON;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || depth > MAX_DEPTH) return NOT_JSON;
  if (Array.isArray(value)) return copyArray(value, depth);
  return isPlainObject(value) ? copyObject(value, depth) : NOT_JSON;
}

function copyArray(value: readonly unknown[], depth: number): unknown {
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return NOT_JSON;
  const copy: unknown[] = [];
  for (const item of value) {
    const own = copyJson(item, depth + 1);
    if (own === NOT_JSON) return NOT_JSON;
    copy.push(own);
  }
  return copy;
}

function copyObject(value: Record<string, unknown>, depth: number): unknown {
  // A spread copies whole shapes at once, and asks each getter once.
  const copy: Record<string | symbol, unknown> = { ...value };
  for (const key in copy) {
    const member = copy[key];
    if (isPrototypeKey(key, member) || !key.isWellFormed()) return NOT_JSON;
    if (member === undefined) Reflect.deleteProperty(copy, key);
    else {
      const own = copyJson(member, depth + 1);
      if (own === NOT_JSON) return NOT_JSON;
      if (!Object.is(own, member)) copy[key] = own;
    }
  }
  for (const symbol of Object.getOwnPropertySymbols(copy)) Reflect.deleteProperty(copy, symbol);
  return copy;
}

/** Walks again, slowly, to name every offender, up to a limit. */
function whatIsWrong(type: string, payload: unknown): NexusError {
  const issues: PayloadIssue[] = [];
  let tooDeep: readonly (string | number)[] | undefined;
  const walk = (value: unknown, path: readonly (string | number)[], depth: number): void => {
    if (issues.length >= MAX_ISSUES || tooDeep) return;
    const say = (message: string): unknown => issues.push({ path, message });
    if (typeof value === 'string') {
      if (!value.isWellFormed()) say('a string with a lone surrogate is not valid Unicode');
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value)) say(`expected a finite number, got ${value}`);
    } else if (typeof value === 'boolean' || value === null) {
      // JSON as it is.
    } else if (typeof value === 'object' && depth > MAX_DEPTH) {
      tooDeep = path;
    } else if (Array.isArray(value) && typeof (value as { toJSON?: unknown }).toJSON !== 'function') {
      for (let i = 0; i < value.length; i++) walk(value[i], [...path, i], depth + 1);
    } else if (isPlainObject(value)) {
      for (const key in value) {
        const wrong = whatIsWrongWithKey(key, value[key]);
        if (wrong !== undefined) issues.push({ path: [...path, key.toWellFormed()], message: wrong });
        else if (value[key] !== undefined) walk(value[key], [...path, key], depth + 1);
        if (issues.length >= MAX_ISSUES) return;
      }
    } else
      say(
        `expected JSON, got ${nameOf(value)}${value instanceof Date ? '; use its ISO string or epoch milliseconds' : ''}`,
      );
  };
  walk(payload, [], 1);
  if (tooDeep) {
    const at = formatPath(tooDeep.slice(0, 8));
    return new NexusError(
      'NEXUS_PAYLOAD_TOO_DEEP',
      `the payload of ${type} is nested deeper than ${MAX_DEPTH} levels, at ${at}…; flatten it`,
      {
        details: { type, maxDepth: MAX_DEPTH },
      },
    );
  }
  return invalidPayload(type, issues);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null)
    return false;
  return !Array.isArray(value) && typeof (value as { toJSON?: unknown }).toJSON !== 'function';
}

function whatIsWrongWithKey(key: string, value: unknown): string | undefined {
  if (isPrototypeKey(key, value)) return `the key ${key} is not allowed: it can poison prototypes`;
  return key.isWellFormed() ? undefined : 'a key with a lone surrogate is not valid Unicode';
}

/** The keys by which a careless merge would reach a prototype. */
function isPrototypeKey(key: string, value: unknown): boolean {
  return (
    key === '__proto__' ||
    (key === 'constructor' && typeof value === 'object' && value !== null && 'prototype' in value)
  );
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'toJSON' in value ? 'an array with its own toJSON' : 'an array';
  if (typeof value !== 'object') return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
  const name = (value.constructor as { name?: string } | undefined)?.name;
  return name && name !== 'Object' ? `an instance of ${name}` : 'an object with its own toJSON';
}

function formatPath(path: readonly (string | number)[]): string {
  if (path.length === 0) return '(payload)';
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? key : `.${key}`)).join('');
}
