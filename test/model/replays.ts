/** The model of replays and of what effects leave behind: what each run must have created, and how it must have ended. */
import assert from 'node:assert/strict';
import type { Delivery, Nexus, ReactorContext } from '../../src/nexus.js';

/** How the deliveries of a run ended, by `seq`; what is in none of these is open. */
export type Ledger = {
  readonly due: Set<number>;
  readonly succeeded: Set<number>;
  readonly cancelled: Set<number>;
  readonly dead: Map<number, string>;
  readonly attempts: Map<number, number>;
};

export function createLedger(): Ledger {
  return {
    due: new Set(),
    succeeded: new Set(),
    cancelled: new Set(),
    dead: new Map(),
    attempts: new Map(),
  };
}

function isOpen({ due, succeeded, cancelled, dead }: Ledger, seq: number): boolean {
  return due.has(seq) && !succeeded.has(seq) && !cancelled.has(seq) && !dead.has(seq);
}

/** Compares the deliveries of one run with its ledger. */
export function checkLedger(rows: Iterable<Delivery>, ledger: Ledger, run: number): void {
  const { due, succeeded, cancelled, dead, attempts } = ledger;
  const seen: number[] = [];
  for (const { seq, state, reason, attempt } of rows) {
    seen.push(seq);
    const crashed = reason === 'crashed' && state === 'dead';
    if (crashed && !dead.has(seq)) dead.set(seq, 'crashed');
    const expected = succeeded.has(seq)
      ? 'succeeded'
      : cancelled.has(seq)
        ? 'cancelled'
        : dead.has(seq)
          ? 'dead'
          : 'open';
    const place = `${seq} in run ${run}`;
    assert.equal(
      state === 'pending' || state === 'running' ? 'open' : state,
      expected,
      `delivery of ${place}`,
    );
    if (state === 'dead') assert.equal(reason, dead.get(seq));
    assert.equal(attempt, attempts.get(seq) ?? 0, `attempts of ${place}`);
  }
  assert.deepEqual(
    seen.sort((a, b) => a - b),
    [...due].sort((a, b) => a - b),
    `deliveries in run ${run}`,
  );
}

type Run = {
  readonly fresh: boolean;
  readonly until: number;
  readonly ledger: Ledger;
  created: boolean;
  state: 'running' | 'done' | 'cancelled';
};

export type ReplayAction =
  { do: 'replay'; fresh: boolean } | { do: 'cancelReplay' | 'effect'; which: number };

/** What the world tells the model of replays. */
export type Surroundings = {
  readonly live: Ledger;
  /** The types of the log's events, by `seq` from 1. */
  readonly types: readonly string[];
  /** What the reactor listens to now. */
  readonly listensTo: readonly string[];
  /** Its position before this step brought it to the head. */
  readonly positionBefore: number;
  /** Whether a process may create deliveries. */
  readonly able: boolean;
};

export interface Replays {
  begin(nexus: Nexus, fresh: boolean, until: number, rest: () => Promise<void>): Promise<void>;
  /** Cancels one of the running ones; which, if there is any. */
  cancel(nexus: Nexus, which: number): Promise<number | undefined>;
  /** Has a handler remember an effect; `counts` says whether its lease is the current one. */
  effect(
    handler: { readonly run: number; readonly seq: number; readonly ctx: ReactorContext },
    counts: boolean,
    rest: () => Promise<void>,
  ): Promise<void>;
  ledger(run: number): Ledger | undefined;
  /** Where what a handler leaves behind is remembered: fresh runs do for themselves. */
  memoryOf(handler: { readonly run: number; readonly seq: number }): string;
  /** Everything dead is open again; how many. */
  redrive(): number;
  check(nexus: Nexus, around: Surroundings): Promise<void>;
  /** True while a replay runs, or a delivery of one is open. */
  busy(): boolean;
}

export function createReplays(): Replays {
  const runs = new Map<number, Run>();
  const remembered = new Set<string>();

  const memoryOf: Replays['memoryOf'] = ({ run, seq }) => `${runs.get(run)?.fresh ? run : 0}-${seq}`;

  /** The deliveries of a run were created in this step: of what was in progress none, of all else each. */
  const checkCreated = (
    run: number,
    rows: readonly Delivery[],
    together: ReadonlySet<number>,
    around: Surroundings,
  ): void => {
    const mine = runs.get(run);
    if (!mine) return;
    const got = new Set(rows.map(({ seq }) => seq));
    for (let seq = 1; seq <= mine.until; seq++) {
      if (!around.listensTo.includes(around.types[seq - 1] ?? '')) {
        assert.ok(!got.has(seq), `run ${run} has ${seq}, which is not for the reactor`);
        continue;
      }
      const elsewhere = [...runs].filter(([other, { state }]) => other !== run && state === 'running');
      const open =
        isOpen(around.live, seq) ||
        elsewhere.some(([other, { ledger }]) => !together.has(other) && isOpen(ledger, seq));
      // Two replays that begin at once may take an event in either order, and a position on its way either way.
      const either =
        seq > around.positionBefore ||
        elsewhere.some(([other, { ledger }]) => together.has(other) && isOpen(ledger, seq));
      if (open) assert.ok(!got.has(seq), `run ${run} has ${seq}, which was in progress`);
      else if (!either) assert.ok(got.has(seq), `run ${run} left out ${seq}`);
      if (got.has(seq)) mine.ledger.due.add(seq);
    }
    assert.ok(
      [...got].every((seq) => seq <= mine.until),
      `run ${run} ends at ${mine.until}`,
    );
    mine.created = true;
  };

  return {
    memoryOf,
    ledger: (run) => runs.get(run)?.ledger,
    begin: async (nexus, fresh, until, rest) => {
      let begun: number | undefined;
      const replay = nexus.replay({ reactors: ['r'], fresh, onProgress: ({ run }) => (begun ??= run) });
      // It is not waited for: its process may die before.
      replay.catch(() => undefined);
      await rest();
      assert.equal(begun, runs.size + 1, 'the number of a replay');
      runs.set(runs.size + 1, { fresh, until, ledger: createLedger(), created: false, state: 'running' });
    },
    cancel: async (nexus, which) => {
      const running = [...runs].filter(([, { state }]) => state === 'running');
      const [run, mine] = running[which % Math.max(1, running.length)] ?? [];
      if (run === undefined || !mine) return undefined;
      await nexus.replays.cancel(run);
      mine.state = 'cancelled';
      for (const seq of mine.ledger.due) if (isOpen(mine.ledger, seq)) mine.ledger.cancelled.add(seq);
      return run;
    },
    effect: async (handler, counts, rest) => {
      const place = memoryOf(handler);
      let ran = false;
      let outcome: 'kept' | 'lost' | undefined;
      handler.ctx
        .once('effect', () => {
          ran = true;
          return handler.seq;
        })
        .then(
          (result) => {
            assert.equal(result, handler.seq);
            outcome = 'kept';
          },
          () => (outcome = 'lost'),
        );
      await rest();
      if (!counts) return;
      assert.equal(outcome, 'kept', `the effect of ${place}`);
      assert.equal(ran, !remembered.has(place), `whether the effect of ${place} ran`);
      remembered.add(place);
    },
    redrive: () => {
      let count = 0;
      for (const { ledger } of runs.values()) {
        count += ledger.dead.size;
        for (const seq of ledger.dead.keys()) ledger.attempts.delete(seq);
        ledger.dead.clear();
      }
      return count;
    },
    check: async (nexus, around) => {
      const stored = new Map(
        (await nexus.replays.list({ limit: 1_000 })).items.map((each) => [each.run, each]),
      );
      assert.deepEqual(
        [...stored.keys()].sort((a, b) => a - b),
        [...runs.keys()],
      );
      const { items } = await nexus.deliveries.list({ reactor: 'r', limit: 1_000 });
      const rowsOf = (run: number): Delivery[] => items.filter((row) => row.run === run);
      const together = new Set(
        [...runs]
          .filter(
            ([run, { created }]) =>
              !created && rowsOf(run).length + (stored.get(run)?.reactors[0]?.skipped ?? 0) > 0,
          )
          .map(([run]) => run),
      );
      for (const [run, mine] of runs) {
        const { state, done, total, from, to, reactors } = stored.get(run) ?? assert.fail(`replay ${run}`);
        assert.deepEqual([from, to], [1, mine.until]);
        // Wholly in one page, or not at all: the sequences are short.
        const through = done + (reactors[0]?.open ?? 0) === total;
        if (mine.state === 'running' && around.able) assert.ok(through, `run ${run} has not been created`);
        if (!mine.created && through) checkCreated(run, rowsOf(run), together, around);
        checkLedger(rowsOf(run), mine.ledger, run);
        const open = [...mine.ledger.due].filter((seq) => isOpen(mine.ledger, seq)).length;
        assert.equal(reactors[0]?.open, open);
        if (mine.state === 'running' && mine.created && open === 0) mine.state = 'done';
        assert.equal(state, mine.state, `the state of run ${run}`);
      }
    },
    busy: () =>
      [...runs.values()].some(
        ({ state, ledger }) => state === 'running' || [...ledger.due].some((seq) => isOpen(ledger, seq)),
      ),
  };
}
