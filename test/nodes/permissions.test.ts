import { describe, expect, it } from 'vitest';
import { createNodeRegistry } from '../../src/nodes/node-registry.js';
import { isAllowed, meansType } from '../../src/nodes/permissions.js';

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
    expect(meansType(pattern, type)).toBe(means);
    expect(isAllowed(['OTHER', pattern], type)).toBe(means);
  });

  it('is not there unless it is given', () => {
    expect(isAllowed(undefined, 'A')).toBe(false);
    expect(isAllowed([], 'A')).toBe(false);
    const registry = createNodeRegistry({ mute: { secrets: ['m'.repeat(16)] } });
    expect(registry.mayDispatch('mute', 'A')).toBe(false);
    expect(registry.mayDispatch('nobody', 'A')).toBe(false);
    expect(registry.mayDispatch('__proto__', 'A')).toBe(false);
  });

  it('to read is not one to speak', () => {
    const registry = createNodeRegistry({ reader: { secrets: ['r'.repeat(16)], subscribe: ['*'] } });
    expect(registry.mayDispatch('reader', 'A')).toBe(false);
  });
});
