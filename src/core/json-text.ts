/** What in a JSON text would not survive parsing as it was meant; found in one pass, before it is parsed. */

/** What is wrong, and the key or number where there is one. */
export type JsonFlaw =
  | { readonly flaw: 'too_deep' }
  | { readonly flaw: 'repeated_key' | 'prototype_key' | 'inexact_number'; readonly at: string };

/**
 * The first flaw of a text: deeper than `maxDepth`; a key that an object has twice, of which a parser keeps one in
 * silence; the key `__proto__`; a whole number that a double cannot hold, which would be stored as another. Whether the
 * text is JSON at all is for the parser to say.
 */
export function flawOf(text: string, maxDepth: number): JsonFlaw | undefined {
  /** Per open object where its keys begin, per open array {@link ARRAY}. */
  const open: number[] = [];
  /** The keys of all objects that are open, the innermost's last: a list for each would be most of what this leaves behind. */
  const keys: string[] = [];
  /** Of open objects with many keys, by where these begin. */
  let many: Map<number, Set<string>> | undefined;
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      const end = endOfString(text, i);
      if (expectsKey) {
        const key = keyOf(text.slice(i + 1, end));
        if (key === '__proto__') return { flaw: 'prototype_key', at: key };
        const from = open.at(-1) ?? 0;
        const repeated =
          keys.length - from < FEW_KEYS
            ? keys.includes(key, from)
            : !isFirst(key, keys, from, (many ??= new Map<number, Set<string>>()));
        if (repeated) return { flaw: 'repeated_key', at: key };
        keys.push(key);
        expectsKey = false;
      }
      i = end;
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (open.length >= maxDepth) return { flaw: 'too_deep' };
      expectsKey = unit === OPEN_BRACE;
      open.push(expectsKey ? keys.length : ARRAY);
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      const from = open.pop() ?? ARRAY;
      if (from !== ARRAY) {
        keys.length = Math.min(keys.length, from);
        many?.delete(from);
      }
      expectsKey = false;
    } else if (unit === COMMA) expectsKey = (open.at(-1) ?? ARRAY) !== ARRAY;
    else if (unit >= ZERO && unit <= NINE) {
      const end = endOfNumber(text, i);
      // Fewer digits than this are held by every double.
      if (end - i > 15 && !isExact(text.slice(i, end)))
        return { flaw: 'inexact_number', at: text.slice(i, Math.min(end, i + 40)) };
      i = end - 1;
    }
  }
  return undefined;
}

const ARRAY = -1;
/** Up to so many keys a look at each is less work than a set. */
const FEW_KEYS = 16;

/** Whether the innermost object, whose keys begin at `from`, does not have the key; its set has it from now on. */
function isFirst(
  key: string,
  keys: readonly string[],
  from: number,
  many: Map<number, Set<string>>,
): boolean {
  const set = many.get(from) ?? new Set(keys.slice(from));
  many.set(from, set);
  const { size } = set;
  return set.add(key).size > size;
}

function endOfString(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === BACKSLASH) i += 1;
    else if (unit === QUOTE) return i;
  }
  return text.length;
}

function endOfNumber(text: string, from: number): number {
  let i = from;
  while (i < text.length && /[0-9.eE+-]/.test(text.charAt(i))) i += 1;
  return i;
}

function isExact(number: string): boolean {
  return !/^\d+$/.test(number) || BigInt(number) === BigInt(Number(number));
}

/** A key as a parser reads it: with its escapes undone. */
function keyOf(written: string): string {
  if (!written.includes('\\')) return written;
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    return written;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
