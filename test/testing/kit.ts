/** A test Nexus that is closed when the test ends. */
import { onTestFinished } from 'vitest';
import type { AnyCatalogue, Catalogue } from '../../src/core/catalogue.js';
import { createTestNexus, type TestNexus, type TestNexusOptions } from '../../src/testing/index.js';

export function kit<const E extends Catalogue = AnyCatalogue>(
  options: TestNexusOptions<E> = {},
): TestNexus<E> {
  const t = createTestNexus<E>(options);
  onTestFinished(() => t.close());
  return t;
}

/** What a call throws. */
export function thrownBy(act: () => unknown): { message: string; actual: unknown; expected: unknown } {
  try {
    act();
  } catch (error) {
    return error as never;
  }
  throw new Error('it threw nothing');
}
