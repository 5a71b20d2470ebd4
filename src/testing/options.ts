/** What a test Nexus is made from. */
import type { AnyCatalogue, Catalogue, InputOf, TypeOf } from '../core/catalogue.js';
import type { Clock } from '../core/clock.js';
import type { DispatchOptions, Nexus, NexusOptions, ReactorOptions } from '../nexus.js';
import type { Storage } from '../storage/storage.js';

/** A reactor made by `defineReactor`, of whatever types. */
export type AnyReactor = Omit<ReactorOptions, 'orderBy'> & {
  readonly on: string | readonly string[];
  handler(payload: never, ctx: never): unknown;
  orderBy?(event: never): string;
};

/** An event as a test gives it: its type, its payload, and how it is dispatched. */
export type GivenEvent<E extends Catalogue = AnyCatalogue, T extends TypeOf<E> = TypeOf<E>> = {
  [K in T]: { readonly type: K; readonly payload: InputOf<E, K> } & Readonly<DispatchOptions>;
}[T];

/** For `createTestNexus`: the options of `createNexus`, and what a test needs beside them. */
export interface TestNexusOptions<E extends Catalogue = AnyCatalogue> extends Omit<
  NexusOptions<E>,
  'storage' | 'clock'
> {
  /** Registered at every start, in this order. @default [] */
  reactors?: readonly AnyReactor[];
  /**
   * What the host does with a new Nexus: registers reactors and schedules, mounts handlers. Called at every start, so
   * after every crash, too; synchronous. @default nothing
   */
  setup?: ((nexus: Nexus<E>) => void) | undefined;
  /**
   * `'memory'`, `'sqlite'` (a database in memory), or a function that makes an adapter on the test's clock.
   * @default 'memory'
   */
  storage?: 'memory' | 'sqlite' | ((clock: Clock) => Storage);
  /** The virtual instant at which the test begins, epoch ms or a date. @default 2027-01-15T08:00:00Z */
  startAt?: number | Date;
  /**
   * How long the kit waits, real milliseconds, for a handler that keeps still (a request on its way, say) before it takes
   * it to be waiting for virtual time. @default 1_000
   */
  patienceMs?: number;
}
