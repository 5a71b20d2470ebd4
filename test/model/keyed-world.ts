/**
 * A keyed reactor and a schedule beside a small model of them: which ticks there must be, that no delivery begins before an
 * earlier one of its key is final or before its time, and that none waits for another key.
 */
import assert from 'node:assert/strict';
import { NonRetryableError, RetryAfterError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import type { NexusEvent } from '../../src/core/event.js';
import type { Delivery, Nexus, ReactorContext } from '../../src/nexus.js';
import { createTestClock, turns } from '../support/test-clock.js';
import type { Backend } from './backend.js';
import type { KeyedAction, KeyedSequence } from './keyed-actions.js';

const MAX_ATTEMPTS = 3;
const LEASE_MS = 30_000;
const EVERY_MS = 1_000;

type Process = { nexus: Nexus; kill: () => void; expire: () => void };
type Parked = {
  seq: number;
  process: number;
  ctx: ReactorContext;
  resolve: () => void;
  reject: (error: unknown) => void;
  /** The delivery was cancelled, or another handler got it since. */
  fenced: boolean;
};
/** A handler began, and these earlier ones of its key were open then. */
type Begun = { seq: number; at: number; openBefore: readonly number[] };

export async function playKeyed(
  { missed, actions }: KeyedSequence,
  createBackend: (clock: ReturnType<typeof createTestClock>) => Backend,
  tally: Record<string, number>,
): Promise<void> {
  const clock = createTestClock();
  const backend = createBackend(clock);
  const processes: (Process | undefined)[] = [undefined, undefined];
  let parked: Parked[] = [];
  let begun: Begun[] = [];

  // The model.
  const said: { id: string; notBefore: number }[] = [];
  const ticks: number[] = [];
  let tickAt: number | undefined;
  let paused = false;
  const final = new Map<number, 'succeeded' | 'cancelled' | 'dead'>();
  /** What an operator made due at once, or a crash made a suspect: no longer bound to its first time. */
  const hurried = new Set<number>();
  const everBegun = new Set<number>();
  const attempts = new Map<number, number>();
  /** The log, as it was last read: by place. */
  let log: readonly NexusEvent[] = [];

  const alive = (): Process | undefined => processes.find((each) => each !== undefined);
  const keyOf = (seq: number): unknown => log[seq - 1]?.payload.key;
  const notBefore = (seq: number): number => {
    const id = log[seq - 1]?.id;
    return said.find((each) => each.id === id)?.notBefore ?? 0;
  };
  const rest = async (): Promise<void> => {
    await clock.advance(0);
    await turns(30);
    // A process on a file looks for others' writes by its own timer; a test does not wait for it.
    for (const each of processes)
      if (each) await each.nexus.reactors[paused ? 'pause' : 'resume']('k').catch(() => undefined);
    await turns(20);
  };
  const readLog = async (nexus: Nexus): Promise<void> => {
    log = (await nexus.events.list({ after: 0, limit: 1_000 })).items;
  };
  const deliveries = async (nexus: Nexus): Promise<Map<number, Delivery>> => {
    const { items } = await nexus.deliveries.list({ limit: 1_000 });
    return new Map(items.map((delivery) => [delivery.seq, delivery]));
  };
  /** Every instant up to now, for some process was there for each. */
  const tickOn = (): void => {
    for (let at = (tickAt ?? Infinity) + EVERY_MS; at <= clock.now(); at += EVERY_MS)
      ticks.push((tickAt = at));
  };
  /** Nobody was there: the newest, or each. */
  const comeBack = (): void => {
    const now = clock.now();
    tickAt ??= now;
    if (missed === 'skip') tickAt = Math.max(tickAt, Math.floor(now / EVERY_MS) * EVERY_MS - EVERY_MS);
    tickOn();
  };
  const fence = (seq: number): void => {
    for (const handler of parked) if (handler.seq === seq) handler.fenced = true;
  };

  const start = async (index: 0 | 1): Promise<boolean> => {
    if (processes[index]) return false;
    if (alive()) tickOn();
    else comeBack();
    const { storage, kill, expire } = backend.process();
    const nexus = createNexus({ storage, clock, logger: false, leaseMs: LEASE_MS });
    nexus.onEvent(
      ['A', 'TICK'],
      {
        name: 'k',
        orderBy: ({ payload }) => String(payload.key),
        concurrency: 100,
        timeoutMs: 10_000_000,
        retry: { initialMs: 1_000, jitter: 0, maxAttempts: MAX_ATTEMPTS },
      },
      (_, ctx) => {
        const { seq, payload } = ctx.event;
        fence(seq);
        everBegun.add(seq);
        const earlier = log.slice(0, seq - 1).filter((event) => event.payload.key === payload.key);
        begun.push({
          seq,
          at: clock.now(),
          openBefore: earlier.map((event) => event.seq).filter((each) => !final.has(each)),
        });
        return new Promise<void>((resolve, reject) => {
          parked.push({ seq, process: index, ctx, resolve, reject, fenced: false });
        });
      },
    );
    nexus.schedule({ everyMs: EVERY_MS }, 'TICK', { key: 't' }, { name: 's', missed });
    await nexus.start();
    await nexus.reactors.list();
    processes[index] = { nexus, kill, expire };
    return true;
  };
  const leave = (index: 0 | 1): void => {
    for (const { seq, process } of parked) if (process === index) hurried.add(seq);
    parked = parked.filter((each) => each.process !== index);
    processes[index] = undefined;
  };

  const resolveOne = async (
    which: number,
    outcome: 'succeed' | 'fail' | 'giveUp' | 'postpone',
  ): Promise<boolean> => {
    const handler = parked[which % Math.max(1, parked.length)];
    if (!handler) return false;
    const nexus = alive()?.nexus;
    const { seq, ctx, resolve, reject } = handler;
    const state = nexus && (await deliveries(nexus)).get(seq)?.state;
    parked = parked.filter((each) => each !== handler);
    if (state === 'running' && !handler.fenced && !ctx.signal.aborted) {
      if (outcome !== 'postpone') attempts.set(seq, (attempts.get(seq) ?? 0) + 1);
      if (outcome === 'succeed') final.set(seq, 'succeeded');
      if (outcome === 'giveUp') final.set(seq, 'dead');
      if (outcome === 'fail' && attempts.get(seq) === MAX_ATTEMPTS) final.set(seq, 'dead');
    }
    if (outcome === 'succeed') resolve();
    else if (outcome === 'fail') reject(new Error('fail'));
    else reject(outcome === 'giveUp' ? new NonRetryableError('giveUp') : new RetryAfterError(500));
    return true;
  };

  const act = async (action: KeyedAction): Promise<boolean> => {
    const nexus = alive()?.nexus;
    switch (action.do) {
      case 'say': {
        if (!nexus) return false;
        const due = action.afterMs === undefined ? undefined : clock.now() + action.afterMs;
        const { id } = await nexus.dispatch(
          'A',
          { key: action.key },
          due === undefined ? {} : { notBefore: due },
        );
        said.push({ id, notBefore: due ?? 0 });
        return true;
      }
      case 'succeed':
      case 'fail':
      case 'giveUp':
      case 'postpone':
        return await resolveOne(action.which, action.do);
      case 'start':
        return await start(action.process);
      case 'crash':
      case 'close': {
        const mine = processes[action.process];
        if (!mine) return false;
        if (action.do === 'crash') mine.kill();
        else {
          const closed = mine.nexus.close({ timeoutMs: 0 });
          await clock.advance(0);
          await closed;
        }
        leave(action.process);
        return true;
      }
      case 'expire': {
        const mine = processes[action.process];
        if (!mine || !processes[1 - action.process]) return false;
        mine.expire();
        for (const { seq } of parked) hurried.add(seq);
        // The other looks for the dead when it renews; the sleeper finds out when it wakes.
        await clock.advance(LEASE_MS / 3 + 1);
        return true;
      }
      case 'advance':
        await clock.advance(action.ms);
        return true;
      case 'pause':
      case 'resume':
        if (!nexus) return false;
        await nexus.reactors[action.do]('k');
        paused = action.do === 'pause';
        return true;
      case 'redrive': {
        if (!nexus) return false;
        const dead = [...final].filter(([, state]) => state === 'dead').map(([seq]) => seq);
        assert.equal((await nexus.deadLetters.redrive()).redriven, dead.length);
        dead.forEach(openAgain);
        return dead.length > 0;
      }
      case 'retry':
      case 'cancel': {
        if (!nexus) return false;
        const rows = [...(await deliveries(nexus)).values()];
        const target = rows[action.which % Math.max(1, rows.length)];
        if (!target) return false;
        const { seq, state, id } = target;
        const open = state === 'running' || state === 'pending';
        if (action.do === 'cancel' && open) {
          final.set(seq, 'cancelled');
          fence(seq);
        }
        if (action.do === 'retry' && state !== 'running') openAgain(seq);
        await nexus.deliveries[action.do](id);
        return true;
      }
    }
  };
  const openAgain = (seq: number): void => {
    final.delete(seq);
    attempts.delete(seq);
    hurried.add(seq);
  };

  const check = async (): Promise<void> => {
    const nexus = alive()?.nexus;
    if (!nexus) return;
    tickOn();
    await readLog(nexus);
    const spoken = log.filter(({ type }) => type === 'A').map(({ id }) => id);
    assert.deepEqual(
      spoken,
      said.map(({ id }) => id),
    );
    const made = log
      .filter(({ type }) => type === 'TICK')
      .map(({ headers }) => Number(headers['nexus-tick-at']));
    assert.deepEqual(made, ticks, 'the ticks in the log');

    const rows = await deliveries(nexus);
    assert.equal(rows.size, log.length, 'a delivery for each event');
    for (const [seq, { state, reason, attempt }] of rows) {
      if (state === 'dead' && reason === 'crashed') final.set(seq, 'dead');
      const expected = final.get(seq) ?? 'open';
      assert.equal(
        state === 'pending' || state === 'running' ? 'open' : state,
        expected,
        `delivery of ${seq}`,
      );
      assert.equal(attempt, attempts.get(seq) ?? 0, `attempts of ${seq}`);
    }
    for (const { seq, at, openBefore } of begun) {
      const overtaken = openBefore.filter((each) => !final.has(each));
      assert.deepEqual(overtaken, [], `${seq} began before these of its key were final`);
      if (!hurried.has(seq)) assert.ok(at >= notBefore(seq), `${seq} began before its time`);
    }
    begun = [];
    if (!paused) checkThatNoneWaits(rows);
  };

  /** The first of a key that was never tried and whose time has come has begun, whatever other keys do. */
  const checkThatNoneWaits = (rows: ReadonlyMap<number, Delivery>): void => {
    const heads = new Map<unknown, number>();
    for (const seq of [...rows.keys()].sort((a, b) => a - b))
      if (!final.has(seq) && !heads.has(keyOf(seq))) heads.set(keyOf(seq), seq);
    for (const seq of heads.values()) {
      const fresh = !everBegun.has(seq) && !hurried.has(seq);
      if (fresh && notBefore(seq) <= clock.now())
        assert.fail(`${seq} is the first of its key and has not begun`);
    }
  };

  /** Everything resumed, every handler succeeding: all must come to an end. */
  const finish = async (): Promise<void> => {
    for (const index of [0, 1] as const) {
      processes[index]?.kill();
      leave(index);
    }
    await start(0);
    const { nexus } = alive() ?? {};
    if (!nexus) return;
    await nexus.reactors.resume('k');
    paused = false;
    await rest();
    await check();
    // Ticks go on coming; what was open now must end.
    const open = (): number[] => log.map(({ seq }) => seq).filter((seq) => seq <= last && !final.has(seq));
    const last = log.length;
    for (let round = 0; open().length > 0; round++) {
      assert.ok(round < 300, `still open: ${open().join(', ')}`);
      if (!(await resolveOne(0, 'succeed'))) await clock.advance(700);
      await rest();
      await check();
    }
  };

  try {
    for (const action of actions) {
      const did = await act(action);
      await rest();
      if (did) tally[action.do] = (tally[action.do] ?? 0) + 1;
      await check();
    }
    await finish();
  } finally {
    for (const each of processes) each?.kill();
    backend.remove();
  }
}
