import { describe, expect, it } from 'vitest';
import { matchesType } from '../../src/core/subscription.js';
import { isAllowed, may } from '../../src/nodes/permissions.js';
import { registryOf } from './registry.js';

describe('a permission', () => {
  it.each<[string, string, boolean]>([
    ['PAYMENT_RECEIVED', 'PAYMENT_RECEIVED', true],
    ['PAYMENT_RECEIVED', 'PAYMENT_RECEIVED_2', false],
    ['PAYMENT_RECEIVED', 'payment_received', false],
    ['PAYMENT_*', 'PAYMENT_RECEIVED', true],
    ['PAYMENT_*', 'PAYMENT_', true],
    ['PAYMENT_*', 'MINT_CONFIRMED', false],
    ['FLOWPAY:*', 'FLOWPAY:PAYMENT_RECEIVED', true],
    ['shop.*', 'shopping', false],
    ['shop.*', 'shop.order', true],
    ['*', 'ANYTHING', true],
    ['*_RECEIVED', 'PAYMENT_RECEIVED', false],
    ['P*D', 'PAID', false],
    ['', 'A', false],
    ['*', 'nexus.log.gap', false],
    ['n*', 'nexus.log.gap', false],
    ['nexus.*', 'nexus.log.gap', false],
    ['nexus.log.*', 'nexus.log.gap', false],
    ['nexus.log.gap', 'nexus.log.gap', true],
    ['*', 'nexuses', true],
  ])('for %j means %j: %j', (pattern, type, means) => {
    expect(matchesType(pattern, type)).toBe(means);
    expect(isAllowed(['OTHER', pattern], type)).toBe(means);
  });

  it('is not there unless it is given', () => {
    expect(isAllowed(undefined, 'A')).toBe(false);
    expect(isAllowed([], 'A')).toBe(false);
    const registry = registryOf({ mute: { secrets: ['m'.repeat(16)] } });
    expect(registry.may('mute', 'dispatch', 'A')).toBe(false);
    expect(registry.may('nobody', 'dispatch', 'A')).toBe(false);
    expect(registry.may('__proto__', 'dispatch', 'A')).toBe(false);
  });

  it('to read is not one to speak', () => {
    const registry = registryOf({ reader: { secrets: ['r'.repeat(16)], subscribe: ['*'] } });
    expect(registry.may('reader', 'dispatch', 'A')).toBe(false);
  });

  it('for the types of the library is one to read, by name, of an admin', () => {
    const named = { subscribe: ['*', 'nexus.log.gap'], dispatch: ['*', 'nexus.log.gap'] };
    expect(may({ ...named, admin: true }, 'read', 'nexus.log.gap')).toBe(true);
    expect(may(named, 'read', 'nexus.log.gap')).toBe(false);
    expect(may({ subscribe: ['*'], admin: true }, 'read', 'nexus.log.gap')).toBe(false);
    expect(may({ ...named, admin: true }, 'dispatch', 'nexus.log.gap')).toBe(false);
  });

  it('to steer the host is that of an admin, whatever it may read', () => {
    expect(may({ admin: true }, 'administer')).toBe(true);
    expect(may({ subscribe: ['*'], dispatch: ['*'] }, 'administer')).toBe(false);
    expect(may({ admin: 'yes' as never }, 'administer')).toBe(false);
    expect(may(undefined, 'administer')).toBe(false);
  });

  it('for a replay is one of an admin who may read the type', () => {
    expect(may({ subscribe: ['A'], admin: true }, 'replay', 'A')).toBe(true);
    expect(may({ subscribe: ['A'] }, 'replay', 'A')).toBe(false);
    expect(may({ admin: true }, 'replay', 'A')).toBe(false);
    expect(may(undefined, 'replay', 'A')).toBe(false);
  });
});
