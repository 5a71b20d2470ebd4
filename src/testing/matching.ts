/** Whether a value is like a partial one, and a text that shows where it is not. */
import { inspect } from 'node:util';

/**
 * True when everything that is named in `expected` is so in `actual`: objects are compared member by member, arrays whole,
 * and asymmetric matchers of test runners (`expect.any(String)`) are asked.
 */
export function isLike(actual: unknown, expected: unknown): boolean {
  if (isMatcher(expected)) return expected.asymmetricMatch(actual);
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, i) => isLike(actual[i], each))
    );
  }
  if (!isObject(expected)) return Object.is(actual, expected);
  return isObject(actual) && Object.entries(expected).every(([key, each]) => isLike(actual[key], each));
}

/** What `actual` has of what is named in `expected`, so that the two differ only where it matters. */
export function likeness(actual: unknown, expected: unknown): unknown {
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? expected : actual;
  if (!isObject(expected) || !isObject(actual)) return actual;
  const named = Object.keys(expected).filter((key) => key in actual);
  return Object.fromEntries(named.map((key) => [key, likeness(actual[key], expected[key])]));
}

/** In how many members two values are alike: who is most alike was probably meant. */
export function alikeness(actual: unknown, expected: unknown): number {
  if (!isObject(expected) || isMatcher(expected)) return isLike(actual, expected) ? 1 : 0;
  if (!isObject(actual)) return 0;
  return Object.entries(expected).reduce((sum, [key, each]) => sum + alikeness(actual[key], each), 0);
}

/** The lines of a difference: `-` was expected, `+` came. */
export function difference(actual: unknown, expected: unknown, path = ''): string[] {
  if (isLike(actual, expected)) return [];
  if (isObject(expected) && isObject(actual) && !isMatcher(expected)) {
    return Object.entries(expected).flatMap(([key, each]) =>
      difference(actual[key], each, path === '' ? key : `${path}.${key}`),
    );
  }
  const name = path === '' ? '' : `${path}: `;
  return [`- ${name}${show(expected)}`, `+ ${name}${show(actual)}`];
}

/** A value in a line or a few. */
export function show(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 100, maxArrayLength: 20, maxStringLength: 200 });
}

type Matcher = { asymmetricMatch(actual: unknown): boolean };

function isMatcher(value: unknown): value is Matcher {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Matcher>).asymmetricMatch === 'function'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
