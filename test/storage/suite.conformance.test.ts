import { describe, expect, it } from 'vitest';
import { storageConformance, type StorageConformanceOptions } from '../../src/testing/storage-conformance.js';

/** Declares the suite with a runner that only takes notes. */
function declare(skip?: Record<string, string>): { titles: string[]; skipped: string[] } {
  const titles: string[] = [];
  const skipped: string[] = [];
  const note = Object.assign((title: string) => titles.push(title), {
    skip: (title: string) => skipped.push(title),
  });
  const options: StorageConformanceOptions = {
    name: 'noted',
    create: () => {
      throw new Error('declaring creates nothing');
    },
    describe: (_name, body) => body(),
    it: note,
    ...(skip && { skip }),
  };
  storageConformance(options);
  return { titles, skipped };
}

describe('the conformance suite', () => {
  it('gives every case a title of its own', () => {
    const { titles } = declare();
    expect(titles.length).toBeGreaterThan(200);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('shows a skipped case with its reason', () => {
    const { skipped } = declare({ 'settles once': 'because' });
    expect(skipped).toEqual(['settles once (not here: because)']);
  });

  it('skips every case with a need that is not met', () => {
    const all = declare().titles.length;
    const { titles, skipped } = declare({ reopening: 'gone with its connection' });
    expect(skipped.length).toBeGreaterThan(2);
    expect(titles.length + skipped.length).toBe(all);
  });

  it('refuses to skip what does not exist, or without a reason', () => {
    expect(() => declare({ 'settles thrice': 'because' })).toThrow('settles thrice');
    expect(() => declare({ 'settles once': ' ' })).toThrow('no reason');
  });
});
