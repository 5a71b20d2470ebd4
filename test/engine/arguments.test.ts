/** What a caller in JavaScript may pass: every refusal has a code, says what was expected, and leaves the Nexus at work. */
import { describe, expect, it } from 'vitest';
import { createNexus } from '../../src/create-nexus.js';
import { NexusError } from '../../src/core/errors.js';
import { sqliteStorage } from '../../src/storage/sqlite/index.js';
import { createBus } from '../support/bus.js';

type Loose = Record<string, (...args: readonly unknown[]) => unknown> &
  Record<
    'events' | 'deliveries' | 'deadLetters' | 'reactors',
    Record<string, (...args: readonly unknown[]) => unknown>
  >;

const loose = (value: unknown): Loose => value as Loose;
const create = createNexus as (options: unknown) => unknown;

async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (NexusError.is(error, 'NEXUS_INVALID_OPTION')) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('arguments of no legal type', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['options null', () => create(null), /options must be an object; got null/],
    ['events null', () => create({ events: null }), /events must be an object; got null/],
    ['events an array', () => create({ events: [] }), /events must be an object; got an array/],
    ['nodes null', () => create({ nodes: null }), /nodes must be an object; got null/],
    ['logger 7', () => create({ logger: 7 }), /logger must be a pino-like logger, or false; got 7/],
    ['clock {}', () => create({ clock: {} }), /clock must be a clock with now and setTimer/],
    ['retry null', () => create({ retry: null }), /retry must be an object; got null/],
    ['no path', () => loose({ sqliteStorage }).sqliteStorage?.(), /path must be a path/],
    ['path 7', () => loose({ sqliteStorage }).sqliteStorage?.({ path: 7 }), /path must be a path/],
  ])('%s', async (_, work, message) => {
    expect(await refusal(work)).toMatch(message);
  });

  it.each<[string, (nexus: Loose) => unknown, RegExp]>([
    ['register()', (nexus) => nexus.register?.(), /at least one event type/],
    ['register(null)', (nexus) => nexus.register?.(null), /a reactor must be an object; got null/],
    [
      'onEvent with null',
      (nexus) => nexus.onEvent?.('A', null, () => 1),
      /options must be an object; got null/,
    ],
    ['dispatch with null', (nexus) => nexus.dispatch?.('A', {}, null), /options must be an object; got null/],
    ['dispatchMany()', (nexus) => nexus.dispatchMany?.(), /items must be an array; got undefined/],
    [
      'dispatchMany([null])',
      (nexus) => nexus.dispatchMany?.([null]),
      /items\[0\] must be an object; got null/,
    ],
    ['settled with null', (nexus) => nexus.settled?.('x', null), /options must be an object; got null/],
    [
      'settled in "x" ms',
      (nexus) => nexus.settled?.('x', { timeoutMs: 'x' }),
      /timeoutMs must be milliseconds/,
    ],
    ['waitFor()', (nexus) => nexus.waitFor?.(), /type must be an event type; got undefined/],
    ['waitFor match 7', (nexus) => nexus.waitFor?.('A', { match: 7 }), /match must be a function; got 7/],
    ['waitFor after "x"', (nexus) => nexus.waitFor?.('A', { after: 'x' }), /after must be a seq/],
    ['events.list(null)', (nexus) => nexus.events.list?.(null), /filter must be an object; got null/],
    ['events.list after "x"', (nexus) => nexus.events.list?.({ after: 'x' }), /after must be a seq/],
    ['a date that is none', (nexus) => nexus.events.list?.({ from: new Date('x') }), /from must be epoch/],
    [
      'a state that is none',
      (nexus) => nexus.deliveries.list?.({ state: 'lost' }),
      /state must be pending, running/,
    ],
    ['ids 7', (nexus) => nexus.deadLetters.redrive?.({ ids: 7 }), /ids must be an array of delivery ids/],
    ['on without listener', (nexus) => nexus.on?.('event'), /listener must be a function; got undefined/],
  ])('%s', async (_, work, message) => {
    const { nexus } = createBus();
    expect(await refusal(() => work(loose(nexus)))).toMatch(message);
    expect(await nexus.dispatch('A', {})).toMatchObject({ seq: 1 });
  });

  it('types that are not strings', async () => {
    const { nexus } = createBus();
    expect(() => loose(nexus).onEvent?.([1], () => 1)).toThrow(/unknown event type/);
    expect(await loose(nexus).events.get?.()).toBeUndefined();
  });

  it('close never rejects, whatever it is given', async () => {
    for (const options of [null, 7, { timeoutMs: 'x' }])
      expect(await loose(createBus().nexus).close?.(options)).toMatchObject({ unrecorded: 0 });
  });
});
