/** The system under test beside a small model of it: what must be in the log, which deliveries there must be, how they ended. */
import assert from 'node:assert/strict';
import { NonRetryableError, RetryAfterError } from '../../src/core/errors.js';
import { createNexus } from '../../src/create-nexus.js';
import type { Delivery, Dispatched, Nexus, ReactorContext } from '../../src/nexus.js';
import { createTestClock, turns } from '../support/test-clock.js';
import type { Action } from './actions.js';
import type { Backend } from './backend.js';
import { checkLedger, createLedger, createReplays, type Ledger } from './replays.js';

const MAX_ATTEMPTS = 3;
const LEASE_MS = 30_000;

type Parked = {
  seq: number;
  run: number;
  process: number;
  attempt: number;
  ctx: ReactorContext;
  resolve: () => void;
  reject: (error: unknown) => void;
  childOf: () => void;
  /** The delivery was cancelled, or another handler got it since: what this one says counts for nothing. */
  fenced: boolean;
};
type Process = { nexus: Nexus; kill: () => void; expire: () => void; superseded: boolean };
type Span = { type: string; after: number; until: number };

export type Tally = Record<string, number>;

export async function play(
  sequence: readonly Action[],
  createBackend: (clock: ReturnType<typeof createTestClock>) => Backend,
  tally: Tally,
): Promise<void> {
  const clock = createTestClock();
  const backend = createBackend(clock);
  const processes: (Process | undefined)[] = [undefined, undefined];
  let parked: Parked[] = [];
  let begun = 0;

  // The model.
  const log: { type: string; id: string }[] = [];
  const keys = new Map<string, { id: string; n: number; type: string }>();
  let spans: Span[] | undefined;
  let position = 0;
  let paused = false;
  const isPaused = (): boolean => paused;
  const live = createLedger();
  const { due, succeeded, cancelled, dead, attempts } = live;
  const replays = createReplays();
  const ledgerOf = (run: number): Ledger => replays.ledger(run) ?? live;
  const children = new Set<string>();

  const alive = (): Process | undefined => processes.find((each) => each !== undefined);
  const running = (): Process | undefined => processes.find((each) => each && !each.superseded);
  const rest = async (): Promise<void> => {
    await clock.advance(0);
    await turns(30);
    // A process on a file looks for others' writes by its own timer; a test does not wait for it.
    for (const each of processes)
      if (each) await each.nexus.reactors[isPaused() ? 'pause' : 'resume']('r').catch(() => undefined);
    await turns(10);
  };
  const catchUp = (): void => {
    if (!running() || !spans) return;
    for (let seq = position + 1; seq <= log.length; seq++) {
      const type = log[seq - 1]?.type;
      if (spans.some((span) => span.type === type && span.after < seq && seq <= span.until)) due.add(seq);
    }
    position = log.length;
  };
  const register = (types: readonly string[]): void => {
    if (!spans) {
      spans = types.map((type) => ({ type, after: log.length, until: Infinity }));
      position = log.length;
      return;
    }
    for (const span of spans)
      if (span.until === Infinity && !types.includes(span.type)) span.until = log.length;
    for (const type of types) {
      if (!spans.some((span) => span.type === type && span.until === Infinity))
        spans.push({ type, after: log.length, until: Infinity });
    }
  };
  const deliveries = async (nexus: Nexus): Promise<Map<number, Delivery>> => {
    const { items } = await nexus.deliveries.list({ limit: 1_000, reactor: 'r', run: 0 });
    return new Map(items.map((delivery) => [delivery.seq, delivery]));
  };
  const fence = (of: number, run = 0): void => {
    for (const handler of parked) if (handler.seq === of && handler.run === run) handler.fenced = true;
  };
  /** Whether what this handler says can still count: its lease is the current one. */
  const isCurrent = async (handler: Parked): Promise<boolean> => {
    const nexus = alive()?.nexus;
    const delivery = await nexus?.deliveries.get(handler.ctx.deliveryId);
    return delivery?.state === 'running' && !handler.fenced && !handler.ctx.signal.aborted;
  };
  const resolveOne = async (
    index: number,
    outcome: 'succeed' | 'fail' | 'giveUp' | 'postpone',
    child: boolean,
  ): Promise<boolean> => {
    const handler = parked[index % Math.max(1, parked.length)];
    if (!handler) return false;
    const counts = await isCurrent(handler);
    parked = parked.filter((each) => each !== handler);
    const { seq, run }: Parked = handler;
    const { attempts, succeeded, dead } = ledgerOf(run);
    const childPlace = replays.memoryOf(handler);
    if (child && outcome === 'succeed' && counts) {
      await replays.effect(handler, true, () => turns(8));
      handler.childOf();
    }
    if (counts) {
      if (outcome !== 'postpone') attempts.set(seq, (attempts.get(seq) ?? 0) + 1);
      if (outcome === 'succeed') {
        succeeded.add(seq);
        if (child && !children.has(childPlace)) {
          children.add(childPlace);
          log.push({ type: 'CHILD', id: '' });
        }
      }
      if (outcome === 'giveUp') dead.set(seq, 'not_retryable');
      if (outcome === 'fail' && (attempts.get(seq) ?? 0) >= MAX_ATTEMPTS) dead.set(seq, 'attempts_spent');
    }
    if (outcome === 'succeed') handler.resolve();
    else
      handler.reject(
        outcome === 'fail'
          ? new Error('fail')
          : outcome === 'giveUp'
            ? new NonRetryableError('giveUp')
            : new RetryAfterError(500),
      );
    await rest();
    return true;
  };

  const start = async (index: 0 | 1, types: readonly string[]): Promise<boolean> => {
    if (processes[index]) return false;
    const { storage, kill, expire } = backend.process();
    const nexus = createNexus({ storage, clock, logger: false, leaseMs: LEASE_MS });
    const mine: Process = { nexus, kill, expire, superseded: false };
    nexus.on('reactor:superseded', () => (mine.superseded = true));
    nexus.onEvent(
      types,
      {
        name: 'r',
        concurrency: 100,
        timeoutMs: 10_000_000,
        retry: { initialMs: 1_000, jitter: 0, maxAttempts: MAX_ATTEMPTS },
      },
      (_, ctx) => {
        begun += 1;
        const run = Number(ctx.deliveryId.split('-')[1]);
        fence(ctx.event.seq, run);
        return new Promise<void>((resolve, reject) => {
          parked.push({
            fenced: false,
            seq: ctx.event.seq,
            run,
            process: index,
            attempt: ctx.attempt,
            ctx,
            resolve,
            reject,
            childOf: () => void ctx.dispatch('CHILD', {}),
          });
        });
      },
    );
    await nexus.start();
    await nexus.reactors.list();
    processes[index] = mine;
    register(types);
    const other = processes[1 - index];
    await rest();
    if (other && spans) {
      const active = spans
        .filter(({ until }) => until === Infinity)
        .map(({ type }) => type)
        .sort()
        .join();
      assert.equal([...types].sort().join(), active);
    }
    return true;
  };

  const leave = (index: 0 | 1): void => {
    parked = parked.filter((each) => each.process !== index);
    processes[index] = undefined;
  };

  const act = async (action: Action): Promise<boolean> => {
    const any = alive();
    switch (action.do) {
      case 'dispatch': {
        if (!any) return false;
        const known = action.key === undefined ? undefined : keys.get(String(action.key));
        const said = await any.nexus
          .dispatch(
            action.type,
            { n: action.n },
            action.key === undefined ? {} : { idempotencyKey: String(action.key) },
          )
          .catch((error: unknown) => error as { code: string });
        if (known) {
          if (known.n === action.n && known.type === action.type)
            assert.deepEqual([(said as Dispatched).duplicate, (said as Dispatched).id], [true, known.id]);
          else assert.equal((said as { code: string }).code, 'NEXUS_IDEMPOTENCY_CONFLICT');
        } else {
          const { id, seq, duplicate } = said as Dispatched;
          assert.deepEqual([seq, duplicate], [log.length + 1, false]);
          log.push({ type: action.type, id });
          if (action.key !== undefined) keys.set(String(action.key), { id, n: action.n, type: action.type });
        }
        return true;
      }
      case 'succeed':
        return await resolveOne(action.which, 'succeed', action.child);
      case 'fail':
      case 'giveUp':
      case 'postpone':
        return await resolveOne(action.which, action.do, false);
      case 'start':
        return await start(action.process, action.types);
      case 'crash': {
        const mine = processes[action.process];
        if (!mine) return false;
        mine.kill();
        leave(action.process);
        return true;
      }
      case 'close': {
        const mine = processes[action.process];
        if (!mine) return false;
        const closed = mine.nexus.close({ timeoutMs: 0 });
        await clock.advance(0);
        await closed;
        leave(action.process);
        return true;
      }
      case 'expire': {
        const mine = processes[action.process];
        const other = processes[1 - action.process];
        if (!mine || !other) return false;
        mine.expire();
        // The other looks for the dead when it renews; the sleeper finds out when it wakes.
        await clock.advance(LEASE_MS / 3 + 1);
        await rest();
        return true;
      }
      case 'advance':
        await clock.advance(action.ms);
        return true;
      case 'pause':
      case 'resume':
        if (!any || !spans) return false;
        await any.nexus.reactors[action.do]('r');
        paused = action.do === 'pause';
        return true;
      case 'seekNow':
        if (!any || !spans) return false;
        await any.nexus.reactors.seek('r', 'now');
        position = log.length;
        return true;
      case 'seekBack': {
        if (!any || !spans || log.length === 0) return false;
        const to = Math.floor(log.length / 2);
        await any.nexus.reactors.seek('r', to);
        position = to;
        return true;
      }
      case 'redrive': {
        if (!any) return false;
        const { redriven } = await any.nexus.deadLetters.redrive();
        assert.equal(redriven, dead.size + replays.redrive());
        for (const seq of dead.keys()) attempts.delete(seq);
        dead.clear();
        return redriven > 0;
      }
      case 'replay':
        if (!any || !spans) return false;
        await replays.begin(any.nexus, action.fresh, log.length, rest);
        return true;
      case 'cancelReplay': {
        const run = any && (await replays.cancel(any.nexus, action.which));
        if (run === undefined) return false;
        for (const handler of parked) if (handler.run === run) handler.fenced = true;
        return true;
      }
      case 'effect': {
        const handler = parked[action.which % Math.max(1, parked.length)];
        if (!handler) return false;
        await replays.effect(handler, await isCurrent(handler), rest);
        return true;
      }
      case 'retry':
      case 'cancel': {
        if (!any) return false;
        const rows = [...(await deliveries(any.nexus)).values()];
        const target = rows[action.which % Math.max(1, rows.length)];
        if (!target) return false;
        const { seq, state, id } = target;
        await any.nexus.deliveries[action.do](id);
        if (action.do === 'retry' && state !== 'running') {
          succeeded.delete(seq);
          cancelled.delete(seq);
          dead.delete(seq);
          attempts.delete(seq);
        }
        if (action.do === 'cancel' && (state === 'running' || state === 'pending')) {
          cancelled.add(seq);
          fence(seq);
        }
        return true;
      }
    }
  };

  const check = async (): Promise<void> => {
    const nexus = alive()?.nexus;
    if (!nexus) return;
    const positionBefore = position;
    catchUp();
    const { items } = await nexus.events.list({ after: 0, limit: 1_000 });
    assert.deepEqual(
      items.map(({ type }) => type),
      log.map(({ type }) => type),
    );
    for (const [i, { id }] of log.entries()) if (id !== '') assert.equal(items[i]?.id, id);
    checkLedger((await deliveries(nexus)).values(), live, 0);
    await replays.check(nexus, {
      live,
      types: log.map(({ type }) => type),
      listensTo: (spans ?? []).filter(({ until }) => until === Infinity).map(({ type }) => type),
      positionBefore,
      able: running() !== undefined && !paused,
    });
  };

  try {
    for (const action of sequence) {
      const before = begun;
      const wasPaused = isPaused();
      const did = await act(action);
      await rest();
      if (did) tally[action.do] = (tally[action.do] ?? 0) + 1;
      if (wasPaused && isPaused()) assert.equal(begun, before, 'a paused reactor began a delivery');
      await check();
    }
    await finish();
  } finally {
    for (const each of processes) each?.kill();
    backend.remove();
  }

  /** Everything resumed, every handler succeeding: all must come to an end. */
  async function finish(): Promise<void> {
    if (!spans) return;
    for (const index of [0, 1] as const) {
      processes[index]?.kill();
      leave(index);
    }
    await start(
      0,
      spans.filter(({ until }) => until === Infinity).map(({ type }) => type),
    );
    const { nexus } = alive() ?? {};
    if (!nexus) return;
    await nexus.reactors.resume('r');
    paused = false;
    await rest();
    await check();
    for (let round = 0; round < 200; round++) {
      while (parked.length > 0) await resolveOne(0, 'succeed', true);
      catchUp();
      const open = [...(await deliveries(nexus)).values()].filter(
        ({ state }) => state === 'pending' || state === 'running',
      );
      await check();
      if (open.length === 0 && !replays.busy()) break;
      await clock.advance(2_000);
    }
    await check();
    const { deliveries: numbers, inFlight } = await nexus.stats();
    assert.deepEqual([numbers.pending, numbers.running, inFlight], [0, 0, 0]);
  }
}
