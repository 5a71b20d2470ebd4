/** JSON from bytes that a stranger sent: valid UTF-8, bounded depth, no keys that poison prototypes. */
import { MAX_DEPTH } from '../core/payload.js';

/** A JSON object, or what is wrong with it. */
export type Parsed = { readonly value: Record<string, unknown> } | { readonly wrong: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseJson(bytes: Uint8Array): Parsed {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return { wrong: 'the body is not valid UTF-8' };
  }
  // Before parsing: the parser takes a million levels, and a walk over its result would not come back.
  if (deeperThan(text, MAX_DEPTH)) return { wrong: `the body is nested deeper than ${MAX_DEPTH} levels` };
  let value: unknown;
  const poison: string[] = [];
  try {
    value = JSON.parse(text, (key, member: unknown) => {
      if (key === '__proto__') poison.push(key);
      return member;
    });
  } catch {
    return { wrong: 'the body is not JSON' };
  }
  if (poison.length > 0) return { wrong: 'the key __proto__ is not allowed' };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { wrong: 'the body must be a JSON object' };
  return { value: value as Record<string, unknown> };
}

function deeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === BACKSLASH) i += 1;
      else if (unit === QUOTE) inString = false;
    } else if (unit === QUOTE) inString = true;
    else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      depth += 1;
      if (depth > limit) return true;
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth -= 1;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
