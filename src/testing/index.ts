/**
 * The test kit: the real engine on virtual time, and the storage contract as a suite.
 *
 * @module @neo-protocol/nexus/testing
 */
export {
  createTestNexus,
  type AsymmetricMatcher,
  type DrainOptions,
  type Partially,
  type TestNexus,
} from './test-nexus.js';
export { sleep } from './attempts.js';
export { matchers, type HasDispatched, type MatcherResult } from './matchers.js';
export {
  storageConformance,
  type ConformanceRunner,
  type StorageConformanceOptions,
} from './storage-conformance.js';
export type { DeliveredTwice } from './deliver-twice.js';
export type { Duration } from './duration.js';
export type { ExpectOptions } from './expectations.js';
export type { FakeAnswer, FakeAnswering, FakeNode, FakeRequest } from './fake-node.js';
export type { CrashOptions, CrashPoint } from './faults.js';
export type { AnyReactor, GivenEvent, TestNexusOptions } from './options.js';
export type { Drained, Drift } from './record.js';
export type { RunOptions, RunResult } from './run-reactor.js';
export type { SignedOptions, SignedRequest } from './signed.js';
export type { StorageFixture } from './storage-conformance/rig.js';
