/** A body as JSON text, or an error for what JSON would change in silence. */
import { NexusError } from '../core/errors.js';

/**
 * The text of `{ event, payload, … }`. Refused is what would arrive as something else: `NaN`, dates, maps, functions, cycles.
 *
 * @throws NexusError NEXUS_INVALID_PAYLOAD
 */
export function jsonBody(type: string, body: object): string {
  let at = '';
  try {
    return JSON.stringify(body, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
      at = key;
      // What `toJSON` made something else of is seen here as it was.
      if (isJson(this[key]) && !(value === undefined && Array.isArray(this))) return value;
      throw new TypeError('it would arrive as something else');
    });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NexusError('NEXUS_INVALID_PAYLOAD', `the payload of ${type} is not JSON, at ${at}: ${why}`, {
      cause,
      details: { type, issues: [{ path: [at], message: why }] },
    });
  }
}

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return !/^(function|symbol|bigint)$/.test(typeof value);
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm has another Object.prototype, which has none itself.
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}
