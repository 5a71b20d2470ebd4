/** JSON from bytes that a stranger sent: valid UTF-8, bounded depth, and nothing in it that parsing would change in silence. */
import { isAscii } from 'node:buffer';
import { flawOf, type JsonFlaw } from '../core/json-text.js';
import { MAX_DEPTH } from '../core/payload.js';

/** A JSON object, or what is wrong with it. */
export type Parsed = { readonly value: Record<string, unknown> } | { readonly wrong: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function parseJson(bytes: Uint8Array): Parsed {
  let text: string;
  try {
    text = isAscii(bytes) ? latin1(bytes) : utf8.decode(bytes);
  } catch {
    return { wrong: 'the body is not valid UTF-8' };
  }
  // Before parsing: the parser takes a million levels, and a walk over its result would not come back.
  const flaw = flawOf(text, MAX_DEPTH);
  if (flaw) return { wrong: describe(flaw) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { wrong: 'the body is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { wrong: 'the body must be a JSON object' };
  return { value: value as Record<string, unknown> };
}

/** What is ASCII only is the same in Latin-1, which needs no decoder. */
function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

function describe(flaw: JsonFlaw): string {
  switch (flaw.flaw) {
    case 'too_deep':
      return `the body is nested deeper than ${MAX_DEPTH} levels`;
    case 'prototype_key':
      return `the key ${flaw.at} is not allowed`;
    case 'repeated_key':
      return `the key ${JSON.stringify(flaw.at.slice(0, 100).toWellFormed())} is there twice in one object`;
    case 'inexact_number':
      return `the number ${flaw.at} is too large to be read exactly; send it as text`;
  }
}
