import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  activeTypes,
  covers,
  matchesType,
  resubscribe,
  subscribe,
  type Subscription,
} from '../../src/core/subscription.js';

describe('a subscription', () => {
  it('counts a type from its start', () => {
    const subscription = subscribe(['B', 'A', 'A'], 10);
    expect(activeTypes(subscription)).toEqual(['A', 'B']);
    expect(covers(subscription, { type: 'A', seq: 10 })).toBe(false);
    expect(covers(subscription, { type: 'A', seq: 11 })).toBe(true);
    expect(covers(subscription, { type: 'C', seq: 11 })).toBe(false);
  });

  it('counts new types from the head and dropped ones until it', () => {
    const changed = resubscribe(subscribe(['A', 'B'], 0), ['B', 'C'], 50);
    expect(activeTypes(changed)).toEqual(['B', 'C']);
    expect(covers(changed, { type: 'A', seq: 50 })).toBe(true);
    expect(covers(changed, { type: 'A', seq: 51 })).toBe(false);
    expect(covers(changed, { type: 'C', seq: 50 })).toBe(false);
    expect(covers(changed, { type: 'C', seq: 51 })).toBe(true);
    expect(covers(changed, { type: 'B', seq: 1 })).toBe(true);
  });

  it('keeps what was dropped, for the position may be moved back, but nothing that meant no event', () => {
    const dropped = resubscribe(subscribe(['A'], 0), ['B'], 50);
    expect(resubscribe(dropped, ['C'], 50)).toEqual([
      { type: 'A', after: 0, until: 50 },
      { type: 'C', after: 50 },
    ]);
  });

  it('matches every type with * but those of the library', () => {
    expect(matchesType('*', 'PAYMENT_RECEIVED')).toBe(true);
    expect(matchesType('*', 'nexus.log.gap')).toBe(false);
    expect(matchesType('nexus.log.gap', 'nexus.log.gap')).toBe(true);
  });

  it('through any changes covers exactly what was subscribed when each event was committed', () => {
    const types = fc.uniqueArray(fc.constantFrom<string>('A', 'B', 'C', '*'), { minLength: 1 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(types, fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { maxLength: 4 })), {
          minLength: 1,
          maxLength: 6,
        }),
        (steps) => {
          let subscription: Subscription | undefined;
          let head = 0;
          const truth: { type: string; seq: number; meant: boolean }[] = [];
          for (const [wanted, events] of steps) {
            subscription = subscription ? resubscribe(subscription, wanted, head) : subscribe(wanted, head);
            for (const type of events)
              truth.push({ type, seq: ++head, meant: wanted.includes(type) || wanted.includes('*') });
          }
          for (const { meant, ...event } of truth) expect(covers(subscription ?? [], event)).toBe(meant);
        },
      ),
    );
  });
});
