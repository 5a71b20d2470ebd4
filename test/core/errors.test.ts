import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  describeFailure,
  errorCodes,
  NexusError,
  NonRetryableError,
  RetryAfterError,
  type ErrorCode,
} from '../../src/core/errors.js';

/** Codes that no line of src throws, and why they are there. */
const notThrown: Partial<Record<ErrorCode, string>> = {};

const source = fileURLToPath(new URL('../../src', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/^(testing[\\/]|core[\\/]errors\.ts)/.test(name))
  .map((name) => ({ name, text: readFileSync(join(source, name), 'utf8') }));

describe('errorCodes', () => {
  const codes = Object.keys(errorCodes) as ErrorCode[];

  it('says of every code what it means, in a sentence of its own', () => {
    const meanings = Object.values(errorCodes);
    expect(new Set(meanings).size).toBe(codes.length);
    for (const meaning of meanings) expect(meaning).toMatch(/^([A-Z]|orderBy ).*\.$/);
    for (const code of codes) expect(code).toMatch(/^NEXUS_[A-Z]+(_[A-Z]+)*$/);
  });

  it.each(codes)('%s is raised somewhere', (code) => {
    const raised = files.some(({ text }) => new RegExp(`(?<!is\\([^)]*)'${code}'`).test(text));
    if (notThrown[code] === undefined) expect(raised).toBe(true);
    const made = files.some(({ text }) => new RegExp(`NexusError\\(\\s*'${code}'`).test(text));
    if (notThrown[code] !== undefined) expect(made, 'take it off the list').toBe(false);
  });

  it('has every code that a NexusError is made with', () => {
    for (const { name, text } of files) {
      for (const [, code] of text.matchAll(/NexusError\(\s*'(\w+)'/g))
        expect(codes, `${name} raises ${String(code)}`).toContain(code);
    }
  });
});

describe('NexusError', () => {
  it('is told by its code', () => {
    const cause = new Error('deep');
    const error = new NexusError('NEXUS_CLOSED', 'closed', { cause, details: { a: 1 } });
    expect(error).toMatchObject({ name: 'NexusError', code: 'NEXUS_CLOSED', message: 'closed', cause });
    expect(error.details).toEqual({ a: 1 });
    expect(NexusError.is(error)).toBe(true);
    expect(NexusError.is(error, 'NEXUS_CLOSED')).toBe(true);
    expect(NexusError.is(error, 'NEXUS_STORAGE')).toBe(false);
    expect(new NexusError('NEXUS_CLOSED', 'x')).not.toHaveProperty('cause');
  });

  it.each([
    null,
    undefined,
    'NEXUS_CLOSED',
    7,
    {},
    { code: 'NEXUS_CLOSED', name: 'NexusError' },
    new Error('x'),
  ])('is not %s', (value) => {
    expect(NexusError.is(value)).toBe(false);
    expect(NonRetryableError.is(value)).toBe(false);
    expect(RetryAfterError.is(value)).toBe(false);
  });

  it('is recognised across copies of the module', async () => {
    const path = '../../src/core/errors.js?copy';
    const copy = (await import(path)) as {
      NexusError: typeof NexusError;
      NonRetryableError: typeof NonRetryableError;
      RetryAfterError: typeof RetryAfterError;
    };
    expect(copy.NexusError).not.toBe(NexusError);
    const foreign = new copy.NexusError('NEXUS_CLOSED', 'x');
    expect(foreign).not.toBeInstanceOf(NexusError);
    expect(NexusError.is(foreign, 'NEXUS_CLOSED')).toBe(true);
    expect(NonRetryableError.is(new copy.NonRetryableError('x'))).toBe(true);
    expect(RetryAfterError.is(new copy.RetryAfterError(5))).toBe(true);
    expect(RetryAfterError.is(new copy.NonRetryableError('x'))).toBe(false);
  });

  it('does not show its brand', () => {
    expect(Object.keys(new NexusError('NEXUS_CLOSED', 'x')).sort()).toEqual(['code', 'details', 'name']);
  });
});

describe('describeFailure', () => {
  const hostile = {
    get message(): string {
      throw new Error('no');
    },
    toString: (): string => {
      throw new Error('no');
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const coded = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  const numbered = Object.assign(new RangeError('odd'), { code: 42 });

  it.each<[string, unknown, { code: string; message: string }]>([
    ['an error', new TypeError('bad'), { code: 'TypeError', message: 'bad' }],
    ['an error with a code', coded, { code: 'ECONNREFUSED', message: 'refused' }],
    ['an error with an odd code', numbered, { code: 'RangeError', message: 'odd' }],
    ['null', null, { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw object: null' }],
    [
      'undefined',
      undefined,
      { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw undefined: undefined' },
    ],
    ['a string', 'oops', { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw string: oops' }],
    ['a symbol', Symbol('s'), { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw symbol: Symbol(s)' }],
    [
      'an object that throws',
      hostile,
      { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw a value that cannot be described' },
    ],
    [
      'a revoked proxy',
      revoked.proxy,
      { code: 'NEXUS_HANDLER_FAILED', message: 'a handler threw a value that cannot be described' },
    ],
  ])('describes %s', (_what, thrown, failure) => {
    expect(describeFailure(thrown)).toEqual(failure);
  });

  it('keeps it short and well-formed', () => {
    const { code, message } = describeFailure(
      Object.assign(new Error('🎉'.repeat(3_000)), { code: 'x'.repeat(300) }),
    );
    expect([code.length, message.length]).toEqual([100, 2_000]);
    expect(message.isWellFormed()).toBe(true);
    expect(describeFailure(new Error('\ud800')).message).toBe('\ufffd');
  });
});
