/** A storage with the few sentences in which the cases speak to it. */
import assert from 'node:assert/strict';
import type {
  Batch,
  Claimed,
  Committed,
  DeliveryRef,
  FanOut,
  Lease,
  Leased,
  Match,
  NewEvent,
  Outcome,
  ReactorRow,
  Registration,
  Settlement,
  Storage,
  StoredAttempt,
  StoredDelivery,
  Wants,
} from '../../storage/storage.js';

/** What to settle beside the outcome. */
export type Told = { readonly attempt?: number; readonly postponed?: number; readonly ms?: number };

export type ClaimOptions = {
  readonly lane?: Wants['lane'];
  readonly limit?: number;
  readonly suspects?: number;
  readonly crashed?: boolean;
  readonly except?: readonly DeliveryRef[];
};

export interface Instance {
  readonly storage: Storage;
  commit(batch: Partial<Batch>): Promise<Committed>;
  /** Appends events nobody has said before; returns their seqs. */
  append(...events: readonly NewEvent[]): Promise<number[]>;
  /** Registers for type `T`, unordered, from now, unless told otherwise. */
  register(name: string, options?: Partial<Registration>): Promise<ReactorRow>;
  /** Appends events and fans them all out to one reactor; leases them all unless told otherwise. */
  deliver(
    reactor: ReactorRow,
    events: readonly NewEvent[],
    options?: { readonly lease?: number; readonly match?: (index: number) => Omit<Match, 'event'> },
  ): Promise<{ readonly leases: readonly Lease[]; readonly refs: readonly DeliveryRef[] }>;
  settle(lease: Lease, outcome: Outcome, told?: Told): Promise<'settled' | 'lease_lost' | undefined>;
  claim(reactors: ReactorRow | readonly ReactorRow[], options?: ClaimOptions): Promise<Claimed>;
  /** Claims exactly one delivery. */
  claimOne(reactor: ReactorRow, options?: ClaimOptions): Promise<Leased>;
  /** The row of a delivery that exists. */
  row(ref: DeliveryRef): Promise<StoredDelivery>;
  attempts(ref: DeliveryRef): Promise<readonly StoredAttempt[]>;
  /** The row of a reactor that is not removed. */
  reactor(name: string): Promise<ReactorRow>;
}

export function createInstance(storage: Storage): Instance {
  const commit = async (batch: Partial<Batch>): Promise<Committed> =>
    storage.commit({ settlements: [], events: [], fanOuts: [], ...batch });
  const claim: Instance['claim'] = async (reactors, options = {}) => {
    const { lane = 'live', limit = 100, suspects = 0, crashed = false, except = [] } = options;
    const wanted = ('key' in reactors ? [reactors] : reactors).map(({ key, generation }) => ({
      reactor: key,
      generation,
      limit,
    }));
    const wants: Wants = { lane, reactors: wanted, suspects: { limit: suspects, crashed }, except };
    return storage.claim(wants);
  };

  return {
    storage,
    commit,
    append: async (...events) => {
      const { events: results } = await commit({ events });
      return results.map((result) => {
        if (result.outcome !== 'appended') assert.fail(`expected an append, got ${result.outcome}`);
        return result.seq;
      });
    },
    register: async (name, options = {}) =>
      storage.register({ name, types: ['T'], ordered: false, from: 'now', ...options }),
    deliver: async (reactor, events, { lease = events.length, match = () => ({}) } = {}) => {
      const matches = events.map((_, index) => ({ ...match(index), event: index }));
      const result = await commit({ events, fanOuts: [overBatch(reactor, matches, lease)] });
      const refs = result.events.map((appended) => {
        if (appended.outcome !== 'appended') assert.fail(`expected an append, got ${appended.outcome}`);
        return { reactor: reactor.key, run: 0, seq: appended.seq };
      });
      const [fannedOut] = result.fanOuts;
      if (fannedOut?.outcome !== 'done')
        assert.fail(`expected a fan-out, got ${fannedOut?.outcome ?? 'none'}`);
      return {
        refs,
        leases: fannedOut.leased.map(({ match: index, token }) => ({ ...at(refs, index), token })),
      };
    },
    settle: async (lease, outcome, told) =>
      (await commit({ settlements: [settlement(lease, outcome, told)] })).settlements[0],
    claim,
    claimOne: async (reactor, options) => {
      const { leased } = await claim(reactor, options);
      assert.equal(leased.length, 1, 'one delivery can be claimed');
      return at(leased, 0);
    },
    row: async (ref) => {
      const row = await storage.read.delivery(ref);
      assert.ok(row, `the delivery at ${ref.seq} exists`);
      return row;
    },
    attempts: async (ref) => storage.read.attempts(ref),
    reactor: async (name) => {
      const row = (await storage.read.reactors()).find((each) => each.name === name);
      assert.ok(row, `the reactor ${name} exists`);
      return row;
    },
  };
}

export function settlement(
  lease: Lease,
  outcome: Outcome,
  { attempt = 1, postponed = 0, ms = 5 }: Told = {},
): Settlement {
  return { lease, outcome, attempt, postponed, ms };
}

/** A fan-out of the events of the batch it goes with. */
export function overBatch(reactor: ReactorRow, matches: readonly Match[], lease = 0): FanOut {
  return { reactor: reactor.key, generation: reactor.generation, over: 'this-batch', matches, lease };
}

/** A fan-out of stored events. */
export function overRange(
  reactor: ReactorRow,
  range: { readonly after: number; readonly to: number },
  matches: readonly Match[],
  lease = 0,
): FanOut {
  return { reactor: reactor.key, generation: reactor.generation, over: range, matches, lease };
}

/** The item that must be there. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  assert.ok(item !== undefined, `there is an item ${index}`);
  return item;
}
