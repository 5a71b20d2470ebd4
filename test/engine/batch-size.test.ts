import { expect, it } from 'vitest';
import { createBatchSize, type BatchSize } from '../../src/engine/batch-size.js';

/** Commits of all that fits, and now and then of what is left over. */
function afterCommits(msOf: (events: number) => number, most = 1_000): BatchSize {
  const size = createBatchSize(most);
  for (let i = 0; i < 200; i++) {
    const events = i % 4 === 0 ? 5 : size.events;
    size.learn(events, msOf(events));
  }
  return size;
}

it('begins with what is neither much nor little', () => {
  expect(createBatchSize(1_000).events).toBe(256);
  expect(createBatchSize(100).events).toBe(100);
});

it('holds what 8 ms have room for', () => {
  const { events } = afterCommits((count) => 0.5 + count * 0.02);
  expect(events).toBeGreaterThan(340);
  expect(events).toBeLessThan(410);
});

it('does not make batches small for a sync that takes long by itself', () => {
  for (const [syncMs, least] of [
    [6, 280],
    [8, 380],
    [20, 900],
  ] as const) {
    expect(afterCommits((count) => syncMs + count * 0.02).events).toBeGreaterThan(least);
  }
});

it('learns of a slow disk though nothing small is ever committed, and finds back from it', () => {
  const size = createBatchSize(1_000);
  const commits = (count: number, syncMs: number): void => {
    for (let i = 0; i < count; i++) size.learn(size.events, syncMs + size.events * 0.02);
  };
  commits(50, 60);
  expect(size.events).toBe(1_000);
  commits(100, 0.5);
  expect(size.events).toBeGreaterThan(300);
});

it('holds few events that take long each, and never fewer than 32', () => {
  expect(afterCommits((count) => 0.5 + count * 0.1).events).toBeLessThan(100);
  expect(afterCommits((count) => 1 + count * 50).events).toBe(32);
});

it('holds all that may be, where a commit takes no time, and learns nothing from one without events', () => {
  const size = createBatchSize(700);
  size.learn(0, 1_000);
  expect(size.events).toBe(256);
  size.learn(100, 0);
  expect(size.events).toBe(700);
});
