import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvents, validate, type StandardSchemaV1 } from '../../src/core/catalogue.js';
import { NexusError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import { memoryStorage } from '../../src/storage/memory/index.js';

type Validate = StandardSchemaV1['~standard']['validate'];

/** A schema of no library we depend on. */
function schema(validate: Validate): StandardSchemaV1 {
  return { '~standard': { version: 1, vendor: 'by-hand', validate } };
}

/** As valibot writes them: path items are objects with a key. */
const amount = schema((value) => {
  const given = (value as { amount?: unknown }).amount;
  return typeof given === 'number'
    ? { value: { amount: String(given) } }
    : { issues: [{ message: 'expected a number', path: [{ key: 'amount' }, { key: 0 }, Symbol('tag')] }] };
});

function thrown(work: () => unknown): NexusError {
  try {
    work();
  } catch (error) {
    if (NexusError.is(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('defineEvents', () => {
  it('gives the catalogue back, names with : and . included', () => {
    const events = { 'FLOWPAY:PAID': z.object({}), 'shop.order.paid': amount, 'órdem→paga': amount };
    expect(defineEvents(events)).toBe(events);
  });

  it.each([
    '',
    'a b',
    'a*',
    '*',
    'tab\t',
    'line\n',
    'x'.repeat(201),
    'nexus.log.gap',
    'nexus.',
    'zero\u200bwidth',
  ])('refuses the name %j', (type) => {
    const error = thrown(() => defineEvents({ [type]: amount }));
    expect(error.code).toBe('NEXUS_INVALID_OPTION');
    expect(error.message).toMatch(/cannot be an event type: expected 1 to 200 characters/);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a plain object', { amount: 'string' }],
    ['a function', () => true],
    ['a broken one', { '~standard': { version: 1, vendor: 'x' } }],
  ])('refuses %s instead of a schema', (_what, entry) => {
    const error = thrown(() => defineEvents({ PAID: entry as StandardSchemaV1 }));
    expect(error.code).toBe('NEXUS_INVALID_OPTION');
    expect(error.message).toMatch(/the schema of PAID is not a Standard Schema; pass a schema of zod 4/);
  });

  it('is what createNexus checks its events with', () => {
    expect(thrown(() => createNexus({ events: { PAID: {} as StandardSchemaV1 } })).code).toBe(
      'NEXUS_INVALID_OPTION',
    );
  });
});

describe('validate', () => {
  it('gives the output of the schema', () => {
    expect(validate('PAID', amount, { amount: 5 })).toEqual({ amount: '5' });
  });

  it('names every issue with its path, whatever form the library gives it', () => {
    const error = thrown(() => validate('PAID', amount, {}));
    expect(error.code).toBe('NEXUS_INVALID_PAYLOAD');
    expect(error.details.issues).toEqual([
      { path: ['amount', 0, 'Symbol(tag)'], message: 'expected a number' },
    ]);
    expect(error.message).toBe('the payload of PAID is not valid: amount[0].Symbol(tag): expected a number');
    const whole = schema(() => ({ issues: [{ message: 'never' }] }));
    expect(thrown(() => validate('PAID', whole, {})).message).toContain('(payload): never');
  });

  it('refuses an asynchronous schema, and swallows what it may still reject', () => {
    const asynchronous = schema(async () => await Promise.reject(new Error('late')));
    const error = thrown(() => validate('PAID', asynchronous, {}));
    expect(error.code).toBe('NEXUS_INVALID_OPTION');
    expect(error.message).toMatch(/is asynchronous.*must be synchronous/);
    const refined = z.object({}).refine(async () => await Promise.resolve(true));
    expect(thrown(() => validate('PAID', refined, {})).code).toBe('NEXUS_INVALID_OPTION');
  });

  it('does not let an output into the log that is not JSON', async () => {
    const nexus = createNexus({
      events: { DATED: z.object({ at: z.coerce.date() }), NOTHING: schema(() => ({ value: undefined })) },
      storage: memoryStorage(),
      logger: false,
    });
    await expect(nexus.dispatch('DATED', { at: '2026-01-01' })).rejects.toMatchObject({
      code: 'NEXUS_INVALID_PAYLOAD',
      details: { issues: [{ path: ['at'] }] },
    });
    await expect(nexus.dispatch('NOTHING', {})).rejects.toMatchObject({ code: 'NEXUS_INVALID_PAYLOAD' });
    expect((await nexus.stats()).head).toBe(0);
    await nexus.close();
  });
});
