/** What may stand in a query or in a body, and what does: checked once, then typed. */

/** `texts`: several, or one in a list. `limit`: 1 to 1,000. A list: one of these words. `any`: whoever uses it looks at it. */
export type Kind = 'text' | 'texts' | 'whole' | 'limit' | 'flag' | 'any' | readonly string[];
export type Shape = Readonly<Record<string, Kind>>;

type ValueOf<K extends Kind> = K extends readonly (infer W)[]
  ? W
  : K extends 'text'
    ? string
    : K extends 'texts'
      ? readonly string[]
      : K extends 'whole' | 'limit'
        ? number
        : K extends 'flag'
          ? boolean
          : unknown;

/** What was given; what was not is not there. */
export type Shaped<S extends Shape> = { -readonly [K in keyof S]?: ValueOf<S[K]> };

const MOST_ITEMS = 1_000;
const MOST_TEXTS = 100;

/** Of what stands behind the question mark; a text says what is wrong with it. */
export function shapeOfQuery<const S extends Shape>(query: string, shape: S): Shaped<S> | string {
  const given = new URLSearchParams(query);
  const found: Record<string, unknown> = {};
  for (const name of new Set(given.keys())) {
    const kind = kindIn(shape, name);
    if (kind === undefined)
      return `unknown parameter ${JSON.stringify(name.slice(0, 50))}; expected ${expected(shape)}`;
    const values = given.getAll(name);
    if (kind === 'texts') {
      const texts = [...new Set(values)];
      if (texts.length > MOST_TEXTS) return `"${name}" may be there ${MOST_TEXTS} times at most`;
      found[name] = texts;
      continue;
    }
    const [value = ''] = values;
    if (values.length > 1) return `"${name}" is there twice`;
    const wrong = wrongWith(kind, (found[name] = isNumber(kind) ? numberOf(value) : value));
    if (wrong !== undefined) return `"${name}" must be ${wrong}`;
  }
  return found as Shaped<S>;
}

/** Of the members of a JSON object; a text says what is wrong with them. */
export function shapeOfBody<const S extends Shape>(
  body: Readonly<Record<string, unknown>>,
  shape: S,
): Shaped<S> | string {
  for (const [name, value] of Object.entries(body)) {
    const kind = kindIn(shape, name);
    if (kind === undefined)
      return `unknown member ${JSON.stringify(name.slice(0, 50))}; expected ${expected(shape)}`;
    const wrong = wrongWith(kind, value);
    if (wrong !== undefined) return `"${name}" must be ${wrong}`;
  }
  return body as Shaped<S>;
}

function kindIn(shape: Shape, name: string): Kind | undefined {
  return Object.hasOwn(shape, name) ? shape[name] : undefined;
}

function expected(shape: Shape): string {
  return Object.keys(shape).join(', ') || 'none';
}

function isNumber(kind: Kind): boolean {
  return kind === 'whole' || kind === 'limit';
}

function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

/** What it must be, where it is not. */
function wrongWith(kind: Kind, value: unknown): string | undefined {
  switch (kind) {
    case 'text':
      return typeof value === 'string' ? undefined : 'a text';
    case 'texts': {
      const isList = Array.isArray(value) && value.every((each) => typeof each === 'string');
      return isList && value.length > 0 && value.length <= MOST_ITEMS
        ? undefined
        : `a list of 1 to ${MOST_ITEMS} texts`;
    }
    case 'whole':
      return isWhole(value) ? undefined : 'a whole number';
    case 'limit':
      return isWhole(value) && value >= 1 && value <= MOST_ITEMS ? undefined : `from 1 to ${MOST_ITEMS}`;
    case 'flag':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'any':
      return undefined;
    default:
      return kind.includes(value as string) ? undefined : `one of ${kind.join(', ')}`;
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
