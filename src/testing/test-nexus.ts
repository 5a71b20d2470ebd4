/** The test kit: the real engine on virtual time, and what a test asks of it. */
import { randomBytes } from 'node:crypto';
import type { AnyCatalogue, Catalogue, EventOf, InputOf, OutputOf, TypeOf } from '../core/catalogue.js';
import { optionsArgument } from '../core/arguments.js';
import type { Clock } from '../core/clock.js';
import type { NexusEvent } from '../core/event.js';
import { UUID_RANDOM_DIGITS, uuidv7 } from '../core/ids.js';
import type { Dispatched, DispatchOptions, Nexus, ReactorDefinition } from '../nexus.js';
import { memoryStorage } from '../storage/memory/index.js';
import { sqliteStorage } from '../storage/sqlite/index.js';
import type { Storage } from '../storage/storage.js';
import { sleepOn } from './attempts.js';
import { deliverAgain, type DeliveredTwice } from './deliver-twice.js';
import { milliseconds, type Duration } from './duration.js';
import { anything, fail, seek, type ExpectOptions } from './expectations.js';
import { startFakeNode, type FakeNode } from './fake-node.js';
import { createFaults, type CrashOptions, type CrashPoint } from './faults.js';
import { createHost } from './host.js';
import type { GivenEvent, TestNexusOptions } from './options.js';
import { createRecord, type Drained } from './record.js';
import { runReactor, startOf, type RunOptions, type RunResult } from './run-reactor.js';
import { signRequest, type SignedOptions, type SignedRequest } from './signed.js';
import { createTime } from './time.js';
import { createVirtualClock } from './virtual-clock.js';

/** For `drain`. */
export interface DrainOptions {
  /** Let time pass, too, until every delivery is final: retries, `notBefore`. @default false */
  untilDone?: boolean;
}

/** What is named of a payload, in any depth; asymmetric matchers (`expect.any(String)`) may stand in it. */
export type Partially<P> = P extends readonly unknown[]
  ? P
  : P extends object
    ? { readonly [K in keyof P]?: Partially<P[K]> | AsymmetricMatcher }
    : P;

/** What `expect.any`, `expect.stringMatching` and their like make. */
export type AsymmetricMatcher = { asymmetricMatch(actual: unknown): boolean };

/** A Nexus under test. */
export interface TestNexus<E extends Catalogue = AnyCatalogue> {
  /** The real one, of the process that lives: after a crash it is another. Give it to the code under test. */
  readonly nexus: Nexus<E>;
  /** Virtual time, for code that is given its clock. */
  readonly clock: Clock;
  /** How often `crashAfter` has struck. */
  readonly crashes: number;
  /** Says an event, as what the test takes for given: `dispatched` leaves it out. Throws as `nexus.dispatch`; NEXUS_CLOSED when the process dies meanwhile. */
  dispatch<T extends TypeOf<E>>(
    type: T,
    payload: InputOf<E, T>,
    options?: DispatchOptions,
  ): Promise<Dispatched<T>>;
  /**
   * Lets virtual time pass. Everything that comes due (retries, leases, timeouts, schedules, `maxAgeMs`) happens at its own
   * instant and in its order, and time stands still until what it sets off is over.
   *
   * @throws NexusError NEXUS_INVALID_OPTION
   */
  advance(duration: Duration): Promise<void>;
  /**
   * Works off what is due now, and with `untilDone` all there is; tells what ended since it was called last.
   *
   * @throws AssertionError with `untilDone`, when deliveries do not end however much time passes
   */
  drain(options?: DrainOptions): Promise<Drained>;
  /** Resolves when so much virtual time has passed: for handlers that take their time, and fakes of what they call. */
  sleep(duration: Duration): Promise<void>;
  /** What was dispatched, in the order of the log: by reactors, schedules, mounted handlers, the code under test; what the test said itself is left out. */
  dispatched(): readonly EventOf<E>[];
  dispatched<T extends TypeOf<E>>(type: T): readonly EventOf<E, T>[];
  /** The first such event. @throws AssertionError which shows what was dispatched instead */
  expectDispatched<T extends TypeOf<E>>(
    type: T,
    payload?: Partially<OutputOf<E, T>>,
    options?: ExpectOptions,
  ): EventOf<E, T>;
  /** @throws AssertionError which shows what was dispatched */
  expectNothingDispatched(type?: TypeOf<E>): void;
  /** Calls the handler of one reactor once, apart from everything else; see {@link RunResult}. Throws as `dispatch`. */
  run<T extends TypeOf<E>>(
    reactor: ReactorDefinition<E, T>,
    event: GivenEvent<E, T>,
    options?: RunOptions,
  ): Promise<RunResult<E>>;
  /**
   * Delivers an event, and when it has been handled, once more to each of its reactors, as after a crash that took the
   * outcome. See what comes of it, and what your fakes were asked twice.
   *
   * @throws AssertionError when a first run does not succeed, or nobody handles the event
   */
  deliverTwice<T extends TypeOf<E>>(event: GivenEvent<E, T>): Promise<DeliveredTwice>;
  /** The next calls of a reactor throw this instead of reaching its handler. @default one call */
  failNext(reactor: string | { readonly name?: string }, error: unknown, times?: number): void;
  /**
   * The process dies the next time that it gets there: an event is durable (`append`), a handler is about to be called
   * (`claim`), has succeeded (`handler`), its outcome is durable (`settle`); each before anybody hears of it. Another
   * process with the same reactors starts at once on the same storage.
   */
  crashAfter(point: CrashPoint, options?: CrashOptions): void;
  /** A server that stands in for another node. Closed with the kit. */
  fakeNode(name: string): Promise<FakeNode>;
  /** A request as a node signs it. A text is sent as it is, anything else as JSON. @throws NexusError NEXUS_NOT_FOUND */
  signed(node: string, body: unknown, options?: SignedOptions): SignedRequest;
  /** Ends it. Nothing keeps the process alive where this is forgotten, either. */
  close(): Promise<void>;
}

/**
 * A Nexus for tests: the real engine in memory, on a clock that moves when you say so.
 *
 * @example
 * const t = createTestNexus({ events: protocolEvents, reactors: [mintOnPayment] });
 * await t.dispatch('PAYMENT_RECEIVED', payment);
 * await t.drain();
 * t.expectDispatched('MINT_REQUESTED', { amount: '10.00' });
 *
 * @throws NexusError NEXUS_INVALID_OPTION, and for reactors as `nexus.register`
 */
export function createTestNexus<const E extends Catalogue = AnyCatalogue>(
  options: TestNexusOptions<E> = {},
): TestNexus<E> {
  const given = optionsArgument(options) as TestNexusOptions<E>;
  const clock = createVirtualClock(startOf(given));
  const record = createRecord(given.events);
  const faults = createFaults();
  const host = createHost<E>({
    options: given,
    clock,
    storage: chooseStorage(given.storage, clock),
    record,
    faults,
  });
  const time = createTime({
    clock,
    rest: () => host.rest(),
    deliveries: () => host.nexus().deliveries,
    outcomes: () => record.settled().length,
  });
  /** What the test said itself. */
  const said = new Set<string>();
  const fakes: FakeNode[] = [];
  let closing: Promise<void> | undefined;

  const dispatch = async <T extends TypeOf<E>>(
    type: T,
    payload: InputOf<E, T>,
    how: DispatchOptions = {},
  ): Promise<Dispatched<T>> => {
    // Known beforehand, for a process that dies will not tell.
    const id = how.id ?? uuidv7(clock.now(), randomBytes(10).toString('hex').slice(0, UUID_RANDOM_DIGITS));
    said.add(id);
    return await host.nexus().dispatch(type, payload, { ...how, id });
  };
  const heard = (type?: string): readonly NexusEvent[] =>
    record.events().filter((event) => !said.has(event.id) && (type === undefined || event.type === type));

  return {
    get nexus() {
      return host.nexus();
    },
    get crashes() {
      return host.crashes();
    },
    clock: { now: () => clock.now(), setTimer: (fn, ms) => clock.setTimer(fn, ms) },
    dispatch,
    advance: (duration) => time.advance(duration),
    drain: async ({ untilDone = false } = {}) => {
      await (untilDone ? time.untilDone() : time.now());
      return record.take();
    },
    sleep: (duration) => sleepOn(clock, milliseconds(duration)),
    dispatched: heard as unknown as TestNexus<E>['dispatched'],
    expectDispatched: (type, partial, how) => {
      const { found, wrong } = seek(heard(), type, partial, how);
      if (wrong) fail(wrong, 'expectDispatched');
      return found[0] as never;
    },
    expectNothingDispatched: (type) => {
      const wrong = anything(heard(type));
      if (wrong) fail(wrong, 'expectNothingDispatched');
    },
    run: (reactor, event, how) =>
      runReactor(reactor, event, { ...how, nexus: { ...given, startAt: clock.now() } }),
    deliverTwice: async (event) => {
      const { type, payload, ...how } = event;
      const { id } = await dispatch(type, payload, how as DispatchOptions);
      return await deliverAgain(id, { nexus: () => host.nexus() as unknown as Nexus, record, time });
    },
    failNext: (reactor, error, times = 1) => {
      const name = typeof reactor === 'string' ? reactor : reactor.name;
      faults.failNext(name ?? '', error, times);
    },
    crashAfter: (point, how = {}) => faults.crashAfter(point, how),
    fakeNode: async (name) => {
      const fake = await startFakeNode(name, { now: () => clock.now(), stirred: () => host.stirred() });
      fakes.push(fake);
      return fake;
    },
    signed: (node, body, how) => signRequest(given.nodes ?? {}, node, body, { ...how, now: clock.now() }),
    close: async () => {
      closing ??= host.close().then(async () => {
        for (const fake of fakes) await fake.close();
      });
      await closing;
    },
  };
}

function chooseStorage(storage: TestNexusOptions['storage'] = 'memory', clock: Clock): Storage {
  if (typeof storage === 'function') return storage(clock);
  return storage === 'sqlite' ? sqliteStorage({ path: ':memory:', clock }) : memoryStorage({ clock });
}
