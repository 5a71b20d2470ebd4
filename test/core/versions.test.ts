import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineEvent } from '../../src/core/event-definition.js';
import type { StoredEvent } from '../../src/core/event.js';
import { createVersions } from '../../src/core/versions.js';

const schema = z.object({});

function stored(fields: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: 'id',
    seq: 7,
    type: 'A',
    source: 'nexus',
    timestamp: 1,
    correlationId: 'id',
    causationId: null,
    headers: null,
    schemaVersion: 1,
    notBefore: null,
    salt: 'salt',
    payload: '{"n":1}',
    payloadHash: '',
    hash: '',
    ...fields,
  };
}

const three = createVersions({
  A: defineEvent({
    schema,
    version: 3,
    upcast: {
      1: ({ n }) => ({ list: [n] }),
      2: ({ list }: { list: number[] }) => ({ list, length: list.length }),
    },
  }),
});

describe('versions', () => {
  it('bring a payload step by step to the one of now', () => {
    expect(three.payload(stored())).toEqual({ list: [1], length: 1 });
    expect(three.payload(stored({ schemaVersion: 2, payload: '{"list":[]}' }))).toEqual({
      list: [],
      length: 0,
    });
    expect(three.payload(stored({ schemaVersion: 3, payload: '{"x":1}' }))).toEqual({ x: 1 });
    expect(three.view(stored())).toMatchObject({ schemaVersion: 3, version: 1, seq: 7 });
  });

  it('leave what is stored alone', () => {
    const event = Object.freeze(stored());
    three.view(event);
    expect(event).toEqual(stored());
  });

  it('share nothing between readers, whatever an upcaster shares', () => {
    const defaults = { tags: ['a'] };
    const versions = createVersions({
      A: { schema, version: 2, upcast: { 1: (payload) => ({ ...payload, defaults }) } },
    });
    const first = versions.payload(stored()) as { defaults: { tags: string[] } };
    first.defaults.tags.push('mine');
    expect(versions.payload(stored())).toEqual({ n: 1, defaults: { tags: ['a'] } });
    expect(defaults).toEqual({ tags: ['a'] });
  });

  it('keep an erased payload empty, of whatever version', () => {
    for (const schemaVersion of [1, 3, 9]) {
      const erased = stored({ schemaVersion, salt: null, payload: null });
      expect(three.read(erased)).toMatchObject({ event: { payload: {}, schemaVersion }, problem: undefined });
      expect(three.isNewer(erased)).toBe(false);
    }
  });

  it('hand out what nobody here has a schema for as it is', () => {
    const event = stored({ type: 'OTHER', schemaVersion: 5 });
    for (const versions of [three, createVersions(undefined)])
      expect(versions.read(event)).toMatchObject({
        event: { payload: { n: 1 }, schemaVersion: 5 },
        problem: undefined,
      });
  });

  it('know what is newer, also where the catalogue has a schema alone', () => {
    const plain = createVersions({ A: schema });
    for (const [versions, known] of [[three, 3] as const, [plain, 1] as const]) {
      const event = stored({ schemaVersion: 4 });
      expect(versions.isNewer(event)).toBe(true);
      expect(() => versions.payload(event)).toThrow(
        expect.objectContaining({
          code: 'NEXUS_EVENT_NEWER',
          details: { type: 'A', id: 'id', seq: 7, schemaVersion: 4, known },
        }),
      );
      expect(versions.view(event)).toMatchObject({ payload: { n: 1 }, schemaVersion: 4 });
    }
  });

  it.each<[string, (payload: object) => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no n');
      },
      /: no n; mend/,
    ],
    ['returns nothing', () => undefined, /expected a JSON object, got undefined/],
    ['returns an array', () => [], /expected a JSON object, got an array/],
    ['returns a promise', async () => Promise.reject(new Error('late')), /an instance of Promise/],
    ['returns what is not JSON', () => ({ at: new Date() }), /at: expected JSON, got an instance of Date/],
    ['returns what refers to itself', circle, /nested deeper than 64/],
  ])('say which upcaster it is that %s', (_what, step, message) => {
    const versions = createVersions({
      A: { schema, version: 3, upcast: { 1: (payload) => payload, 2: step as (payload: object) => object } },
    });
    const { event, problem } = versions.read(stored());
    expect(event).toMatchObject({ payload: { n: 1 }, schemaVersion: 1 });
    expect(problem).toMatchObject({
      code: 'NEXUS_UPCAST_FAILED',
      details: { type: 'A', id: 'id', seq: 7, schemaVersion: 1, from: 2 },
    });
    expect(problem?.message).toMatch(/^upcast 2 of A failed for event id \(seq 7\)/);
    expect(problem?.message).toMatch(message);
    expect(() => versions.event(stored())).toThrow('upcast 2 of A failed');
  });
});

function circle(): object {
  const round: Record<string, unknown> = {};
  round.self = round;
  return round;
}
