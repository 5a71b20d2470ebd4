import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NexusError } from '../../src/core/errors.js';
import { encodePayload, jsonPayload, type PayloadIssue } from '../../src/core/payload.js';

const encode = (payload: unknown, maxBytes = 262_144): string =>
  encodePayload('A', jsonPayload('A', payload), maxBytes);

function refusal(payload: unknown, maxBytes?: number): NexusError {
  try {
    encode(payload, maxBytes);
  } catch (error) {
    if (NexusError.is(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

function issues(payload: unknown): readonly PayloadIssue[] {
  const error = refusal(payload);
  expect(error.code).toBe('NEXUS_INVALID_PAYLOAD');
  return error.details.issues as readonly PayloadIssue[];
}

class Money {
  readonly amount = 1;
}

const sparse: unknown[] = [1];
sparse[2] = 3;
const withToJson = Object.assign([1], { toJSON: () => 'else' });

describe('encodePayload', () => {
  it('writes JSON and leaves undefined members out', () => {
    const nothing = Object.assign(Object.create(null) as object, { a: 1 });
    expect(encode({ a: [1, 'x', null, true, { b: {} }], c: undefined, d: { e: undefined } })).toBe(
      '{"a":[1,"x",null,true,{"b":{}}],"d":{}}',
    );
    expect(encode(nothing)).toBe('{"a":1}');
    expect(encode({})).toBe('{}');
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'got undefined'],
    ['null', null, 'got null'],
    ['a string', 'x', 'got a string'],
    ['a number', 7, 'got a number'],
    ['an array', [], 'got an array'],
    ['a function', () => 1, 'got a function'],
    ['a Date', new Date(0), 'got an instance of Date'],
    ['a Map', new Map(), 'got an instance of Map'],
    ['an instance', new Money(), 'got an instance of Money'],
    ['a Promise', Promise.resolve({}), 'got an instance of Promise'],
  ])('refuses %s instead of an object', (_what, payload, message) => {
    expect(issues(payload)).toEqual([{ path: [], message: `expected a JSON object, ${message}` }]);
  });

  it.each<[string, unknown, string]>([
    ['a BigInt', 1n, 'got a bigint'],
    ['a function', () => 1, 'got a function'],
    ['a symbol', Symbol('x'), 'got a symbol'],
    ['NaN', NaN, 'expected a finite number, got NaN'],
    ['Infinity', -Infinity, 'expected a finite number, got -Infinity'],
    ['a Date', new Date(0), 'got an instance of Date; use its ISO string or epoch milliseconds'],
    ['a Map', new Map([['a', 1]]), 'got an instance of Map'],
    ['a Set', new Set(), 'got an instance of Set'],
    ['bytes', new Uint8Array(2), 'got an instance of Uint8Array'],
    ['a boxed number', Object(1), 'got an instance of Number'],
    ['an instance', new Money(), 'got an instance of Money'],
    ['an error', new Error('x'), 'got an instance of Error'],
    ['a RegExp', /x/, 'got an instance of RegExp'],
    ['an object with toJSON', { toJSON: () => 1 }, 'got an object with its own toJSON'],
    ['an array with toJSON', withToJson, 'got an array with its own toJSON'],
    ['a lone high surrogate', 'a\ud800b', 'lone surrogate'],
    ['a lone low surrogate', '\udc00', 'lone surrogate'],
  ])('refuses %s and says where', (_what, value, message) => {
    const expected = expect.stringContaining(message) as string;
    expect(issues({ ok: 1, at: { list: [0, value] } })).toEqual([
      { path: ['at', 'list', 1], message: expected },
    ]);
    expect(issues({ at: value })).toEqual([{ path: ['at'], message: expected }]);
    expect(refusal({ at: { list: [0, value] } }).message).toContain(
      'the payload of A is not valid: at.list[1]: ',
    );
  });

  it('refuses undefined and holes in arrays, which would become null', () => {
    expect(issues({ a: [1, undefined] })).toEqual([
      { path: ['a', 1], message: 'expected JSON, got undefined' },
    ]);
    expect(issues({ a: sparse })).toEqual([{ path: ['a', 1], message: 'expected JSON, got undefined' }]);
  });

  it.each<[string, unknown, readonly string[], string]>([
    ['__proto__', JSON.parse('{"a":{"__proto__":{"x":1}}}'), ['a', '__proto__'], 'poison'],
    ['__proto__ with undefined', { ['__proto__']: undefined }, ['__proto__'], 'poison'],
    ['constructor.prototype', { constructor: { prototype: {} } }, ['constructor'], 'poison'],
    ['a lone surrogate', { 'a\ud800': 1 }, ['a\ufffd'], 'lone surrogate'],
  ])('refuses the key %s', (_what, payload, path, message) => {
    expect(issues(payload)).toEqual([{ path, message: expect.stringContaining(message) as string }]);
  });

  it('takes the harmless keys that look like them', () => {
    expect(encode({ constructor: 'ACME', prototype: {}, hasOwnProperty: 1, toString: 'x' })).toBe(
      '{"constructor":"ACME","prototype":{},"hasOwnProperty":1,"toString":"x"}',
    );
  });

  it('takes pairs of surrogates', () => {
    expect(JSON.parse(encode({ '🌍': 'é🎉' }))).toEqual({ '🌍': 'é🎉' });
  });

  const nested = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
    let value: unknown = {};
    for (let i = 1; i < levels; i++) value = wrap(value);
    return value;
  };

  it.each<[string, (inner: unknown) => unknown]>([
    ['objects', (inner) => ({ a: inner })],
    ['arrays in objects', (inner) => (Array.isArray(inner) ? { a: inner } : [inner])],
  ])('takes 64 levels of %s and refuses 65', (_what, wrap) => {
    const of = (levels: number): unknown => {
      const value = nested(levels, wrap);
      return Array.isArray(value) ? { a: value[0] as unknown } : value;
    };
    expect(() => encode(of(64))).not.toThrow();
    const one = of(64);
    const error = refusal({ a: one });
    expect(error.code).toBe('NEXUS_PAYLOAD_TOO_DEEP');
    expect(error.message).toMatch(/deeper than 64 levels.*flatten/);
  });

  it('refuses a cycle as too deep', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(refusal(cycle).code).toBe('NEXUS_PAYLOAD_TOO_DEEP');
  });

  it.each([
    ['one byte each', 'x', 1],
    ['two', 'é', 2],
    ['three', '€', 3],
    ['four', '🎉', 4],
    ['one, written as two', '\n', 2],
  ])('measures UTF-8: %s', (_what, unit, bytes) => {
    const limit = 1_002;
    const frame = '{"a":""}'.length;
    const most = Math.floor((limit - frame) / bytes);
    expect(Buffer.byteLength(encode({ a: unit.repeat(most) }, limit))).toBeLessThanOrEqual(limit);
    const error = refusal({ a: unit.repeat(most + 1) }, limit);
    expect(error.code).toBe('NEXUS_PAYLOAD_TOO_LARGE');
    expect(error.details).toEqual({ type: 'A', bytes: frame + bytes * (most + 1), maxBytes: limit });
    expect(error.message).toMatch(/send a reference, or raise maxPayloadBytes/);
  });

  it('names every offender, up to 100', () => {
    expect(
      issues({ a: NaN, b: [1n, { c: undefined }, undefined], d: 'fine' }).map(({ path }) => path),
    ).toEqual([['a'], ['b', 0], ['b', 2]]);
    const many = Array.from({ length: 300 }, (_, n) => n);
    expect(issues({ list: many.map(() => NaN) })).toHaveLength(100);
    expect(issues(Object.fromEntries(many.map((n) => [`${n}\ud800`, 1])))).toHaveLength(100);
    expect(refusal({ list: many.map(() => NaN) }).message).toContain('; and 90 more');
  });

  it('accepts only what comes back as it went in', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withTypedArray: true,
      withSparseArray: true,
      stringUnit: 'binary',
    });
    let accepted = 0;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(anything, fc.jsonValue())), (payload) => {
        let text: string;
        try {
          text = encode(payload);
        } catch (error) {
          expect(NexusError.is(error)).toBe(true);
          return;
        }
        accepted += 1;
        expect(text.isWellFormed()).toBe(true);
        expect(JSON.parse(text)).toEqual(withoutMinusZero(payload));
      }),
      { numRuns: 2_000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });

  it('accepts every JSON object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 10 })), (payload) => {
        const json = JSON.stringify(payload);
        fc.pre(!json.includes('"__proto__"'));
        expect(encode(JSON.parse(json))).toBe(json);
      }),
    );
  });
});

/** JSON has one zero. */
function withoutMinusZero(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(withoutMinusZero);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutMinusZero(member)]));
}

describe('jsonPayload', () => {
  it('is what JSON.parse would make of its text, with nothing shared', () => {
    const inner = { b: [-0, { c: 1 }] };
    const payload = { a: inner, zero: -0, none: undefined, [Symbol('s')]: 1 };
    const copy = jsonPayload('A', payload);
    expect(copy).toStrictEqual(JSON.parse(JSON.stringify(payload)));
    expect([Object.is(copy.zero, 0), Object.getOwnPropertySymbols(copy)]).toEqual([true, []]);
    inner.b.push(2);
    expect(copy).toStrictEqual({ a: { b: [0, { c: 1 }] }, zero: 0 });
  });

  it('asks a getter once, and says what it threw', () => {
    let asked = 0;
    const counting = {
      get n(): number {
        return ++asked;
      },
    };
    expect(encode(counting)).toBe('{"n":1}');
    const throwing = {
      get n(): number {
        throw new Error('not now');
      },
    };
    expect(issues({ a: throwing })).toEqual([{ path: [], message: 'cannot be read: not now' }]);
  });
});
