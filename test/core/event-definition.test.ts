import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createNexus, defineEvent, defineEvents, memoryStorage, NexusError } from '@neo-protocol/nexus';
import type { Catalogue } from '../../src/core/catalogue.js';
import { fullDefinition } from '../../src/core/event-definition.js';

const schema = z.object({ amount: z.string() });
const same = (payload: object): object => payload;

function refused(entry: unknown): NexusError {
  try {
    defineEvents({ PAID: entry } as Catalogue);
  } catch (error) {
    if (NexusError.is(error, 'NEXUS_INVALID_OPTION')) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('defineEvent', () => {
  it('gives the definition back; a literal in the catalogue will do as well', () => {
    const definition = { schema, version: 3, upcast: { 1: same, 2: same } };
    expect(defineEvent(definition)).toBe(definition);
    const events = { PAID: definition, SENT: schema };
    expect(defineEvents(events)).toBe(events);
    expect(fullDefinition('PAID', definition)).toEqual({ schema, version: 3, upcasters: [same, same] });
  });

  it('is version 1 unless it says otherwise, as a schema alone is', () => {
    const first = { schema, version: 1, upcasters: [] };
    expect(fullDefinition('PAID', schema)).toEqual(first);
    expect(fullDefinition('PAID', defineEvent({ schema }))).toEqual(first);
    expect(fullDefinition('PAID', defineEvent({ schema, version: 1, upcast: {} }))).toEqual(first);
  });

  it.each<[string, object, RegExp]>([
    ['version 0', { version: 0 }, /version of PAID must be an integer from 1; got 0$/],
    ['a fraction', { version: 1.5 }, /must be an integer from 1; got 1\.5$/],
    ['NaN', { version: NaN }, /must be an integer from 1; got NaN$/],
    ['a text', { version: '2' }, /must be an integer from 1; got 2$/],
    ['no upcast', { version: 2 }, /must have a function 1 that leads from version 1 to 2; got none$/],
    ['a gap', { version: 4, upcast: { 1: same, 3: same } }, /a function 2 .* from version 2 to 3; got none$/],
    ['no function', { version: 2, upcast: { 1: {} } }, /must have a function 1 .*; got object$/],
    [
      'a key beyond',
      { version: 2, upcast: { 1: same, 2: same } },
      /has a key "2", but its version is 2: expected 1 to 1$/,
    ],
    ['a key of the first version', { upcast: { 1: same } }, /has a key "1", but version 1 is the first/],
    ['key 0', { version: 2, upcast: { 0: same, 1: same } }, /has a key "0"/],
    ['a fraction as key', { version: 2, upcast: { 1: same, 1.5: same } }, /has a key "1\.5"/],
    ['a name as key', { version: 2, upcast: { 1: same, v2: same } }, /has a key "v2"/],
    ['a padded key', { version: 2, upcast: { '01': same } }, /must have a function 1/],
    ['an array', { version: 2, upcast: [same] }, /must be an object with a function .*; got an array$/],
    ['null', { version: 2, upcast: null }, /must be an object with a function .*; got null$/],
    ['a function', { version: 2, upcast: same }, /must be an object with a function .*; got function$/],
  ])('with %s is refused, which says what is wrong', (_what, fields, message) => {
    const error = refused({ schema, ...fields });
    expect(error.message).toMatch(message);
    expect(error.details).toEqual({ type: 'PAID' });
  });

  it.each<[string, unknown]>([
    ['none', { version: 1 }],
    ['a plain object', { schema: { amount: 'string' } }],
    ['another definition', { schema: { schema } }],
  ])('with %s as its schema is refused', (_what, entry) => {
    expect(refused(entry).message).toMatch(/^the schema of PAID is not a Standard Schema/);
  });

  it('is checked by createNexus', () => {
    const create = (): unknown =>
      createNexus({ events: { PAID: { schema, version: 2 } }, storage: memoryStorage(), logger: false });
    expect(create).toThrow(/the upcast of PAID must have a function 1/);
  });
});
