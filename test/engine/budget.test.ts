import { describe, expect, it } from 'vitest';
import { createBudget, type Budget } from '../../src/engine/budget.js';
import { createLocalReactor, type LocalReactor } from '../../src/engine/local-reactor.js';
import { retryPolicy } from '../../src/core/retry.js';
import { createTestClock } from '../support/test-clock.js';

function reactor(name: string, concurrency = 16): LocalReactor {
  const local = createLocalReactor({
    name,
    types: ['A'],
    ordered: false,
    from: 'now',
    handler: () => undefined,
    orderBy: undefined,
    retry: retryPolicy(),
    timeoutMs: 60_000,
    maxAgeMs: Infinity,
    concurrency,
    rateLimit: undefined,
    still: false,
  });
  local.row = {
    key: 1,
    name,
    generation: 1,
    subscription: [],
    ordered: false,
    position: 0,
    prunedTo: 0,
    paused: false,
  };
  local.window = 1_000;
  return local;
}

const budgetOf = (maxInFlight: number): Budget => createBudget({ clock: createTestClock(), maxInFlight });

describe('the budget', () => {
  it('leaves everything to the only one that has something to do', () => {
    const budget = budgetOf(1_000);
    const busy = reactor('busy');
    expect(budget.room(busy)).toBe(1_000);
    budget.taken(busy, 900);
    expect(budget.room(busy)).toBe(100);
  });

  it('shares among those that have something, and gives it back when they have not', () => {
    const budget = budgetOf(1_000);
    const [one, two] = [reactor('one'), reactor('two')];
    budget.taken(one, 300);
    expect(budget.room(two)).toBe(500);
    budget.taken(two, 500);
    expect([budget.room(one), budget.room(two)]).toEqual([200, 0]);
    for (let i = 0; i < 300; i++) budget.given(one);
    expect([budget.room(one), budget.room(two)]).toEqual([500, 500]);
  });

  it('lets no one starve where another has taken everything, and stays bounded', () => {
    const budget = budgetOf(1_000);
    const hog = reactor('hog');
    budget.taken(hog, 1_000);
    const others = Array.from({ length: 10 }, (_, i) => reactor(`other-${i}`, 16));
    for (const other of others) {
      expect(budget.room(other)).toBe(16);
      budget.taken(other, 16);
      expect(budget.room(other)).toBe(0);
    }
    expect(budget.held()).toBe(1_160);
  });

  it('promises to one what it cannot promise to the next', () => {
    const budget = budgetOf(100);
    const [one, two] = [reactor('one', 1), reactor('two', 1)];
    expect(budget.room(one, 0)).toBe(100);
    expect(budget.room(two, 100)).toBe(1);
  });
});
