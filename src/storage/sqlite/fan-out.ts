/** Creates deliveries, conditional on generation and position. */
import type { Appended, FanOut, FannedOut, Match } from '../storage.js';
import type { HeadCache } from './head-cache.js';
import { BORN_LEASED } from './lease-floor.js';
import type { Attempts } from './settle.js';
import type { SqliteLike } from './sqlite-like.js';
import { createErased } from './erased.js';
import { CANCELLED, DEAD, PENDING, RUNNING } from './states.js';

export type FanOutAll = (
  fanOuts: readonly FanOut[],
  batch: {
    readonly events: readonly Appended[];
    readonly headBefore: number;
    readonly now: number;
    /** Undefined when it is lost: then nothing is leased to it. */
    readonly instance: number | undefined;
  },
) => FannedOut[];

export function createFanOut(db: SqliteLike, cache: HeadCache, attempts: Attempts): FanOutAll {
  const leased =
    db.prepare(`INSERT OR IGNORE INTO nexus_deliveries (reactor, run, seq, state, token, instance, order_key)
    VALUES (?, 0, ?, ${RUNNING}, ${CLAIMED_ONCE}, ?, ?)`);
  const fresh = db.prepare(`INSERT INTO nexus_deliveries (reactor, run, seq, state, token, instance)
    SELECT ?, 0, seq, ${RUNNING}, ${BORN_LEASED}, ? FROM nexus_events WHERE seq BETWEEN ? AND ?`);
  const pending =
    db.prepare(`INSERT OR IGNORE INTO nexus_deliveries (reactor, run, seq, state, due_at, order_key)
    VALUES (?, 0, ?, ${PENDING}, ?, ?)`);
  const bornDead =
    db.prepare(`INSERT OR IGNORE INTO nexus_deliveries (reactor, run, seq, state, reason, finished_at, error_code, error_message)
    VALUES (?, 0, ?, ${DEAD}, ?, ?, ?, ?)`);
  const bornCancelled =
    db.prepare(`INSERT OR IGNORE INTO nexus_deliveries (reactor, run, seq, state, reason, finished_at)
    VALUES (?, 0, ?, ${CANCELLED}, 'redacted', ?)`);
  const erasedIn = createErased(db);
  const earlier = db.prepare(`SELECT 1 FROM nexus_deliveries WHERE reactor = ? AND run = 0 AND order_key = ?
    AND order_key IS NOT NULL AND state IN (${PENDING}, ${RUNNING}) AND seq < ? LIMIT 1`);
  const move = db.prepare('UPDATE nexus_reactors SET position = ? WHERE key BETWEEN ? AND ?');

  const create = (
    reactor: number,
    match: Match,
    seq: number,
    room: boolean,
    now: number,
    instance: number | undefined,
  ): 'leased' | 'pending' | 'none' => {
    const key = match.orderKey ?? null;
    if (match.dead) {
      const { reason, error } = match.dead;
      if (bornDead.run(reactor, seq, reason, now, error.code, error.message).changes === 1) {
        attempts.add({ reactor, run: 0, seq }, { attempt: 0, outcome: 'dead', at: now, ms: 0, error });
      }
      return 'none';
    }
    const later = match.notBefore !== undefined && match.notBefore > now;
    const heldUp = key !== null && earlier.get(reactor, key, seq) !== undefined;
    if (room && !later && !heldUp) {
      return leased.run(reactor, seq, instance ?? null, key).changes === 1 ? 'leased' : 'none';
    }
    const dueAt = heldUp ? null : later ? (match.notBefore ?? now) : now;
    return pending.run(reactor, seq, dueAt, key).changes === 1 ? 'pending' : 'none';
  };

  return (fanOuts, { events, headBefore, now, instance }) => {
    /** Those that reach the head together. */
    const arrived: number[] = [];
    const results = fanOuts.map((fanOut): FannedOut => {
      const state = cache.reactor(fanOut.reactor);
      if (!state || state.removed || state.generation !== fanOut.generation) return { outcome: 'superseded' };
      const { over } = fanOut;
      if (state.position !== (over === 'this-batch' ? headBefore : over.after))
        return { outcome: 'moved', position: state.position };
      const position = over === 'this-batch' ? cache.head().seq : over.to;
      if (position !== state.position) {
        if (over === 'this-batch') arrived.push(fanOut.reactor);
        else move.run(position, fanOut.reactor, fanOut.reactor);
        state.position = position;
      }
      if (fanOut.matches.length === 0) return nothing;
      const plain = createRange((first, last) => fresh.run(fanOut.reactor, instance ?? null, first, last));
      const taken: { match: number; token: number }[] = [];
      let waiting = 0;
      const room = state.paused || instance === undefined ? 0 : fanOut.lease;
      const erased = over === 'this-batch' ? undefined : erasedIn(over);
      for (let i = 0; i < fanOut.matches.length; i++) {
        const match = fanOut.matches[i];
        if (!match) continue;
        const seq = over === 'this-batch' ? appendedSeq(events[match.event]) : match.event;
        if (seq === undefined) continue;
        if (isPlain(match) && over === 'this-batch' && taken.length < room) {
          // The common case: the event is new, so its delivery cannot exist yet.
          plain.add(seq);
          taken.push({ match: i, token: BORN_LEASED });
          continue;
        }
        if (erased?.has(seq)) {
          bornCancelled.run(fanOut.reactor, seq, now);
          continue;
        }
        if (match.orderKey !== undefined) state.keyed = true;
        const created = create(fanOut.reactor, match, seq, taken.length < room, now, instance);
        if (created === 'leased') taken.push({ match: i, token: CLAIMED_ONCE });
        else if (created === 'pending') waiting += 1;
      }
      plain.flush();
      return { outcome: 'done', leased: taken, pending: waiting };
    });
    const { seq: headNow } = cache.head();
    const neighbours = createRange((first, last) => move.run(headNow, first, last));
    for (const reactor of arrived.sort((a, b) => a - b)) neighbours.add(reactor);
    neighbours.flush();
    return results;
  };
}

const nothing: FannedOut = { outcome: 'done', leased: [], pending: 0 };

/** The token of other deliveries that are leased as they are made: these are found by their index. */
const CLAIMED_ONCE = BORN_LEASED + 1;

function isPlain(match: Match): boolean {
  return match.orderKey === undefined && match.notBefore === undefined && match.dead === undefined;
}

function appendedSeq(appended: Appended | undefined): number | undefined {
  return appended?.outcome === 'appended' ? appended.seq : undefined;
}

/** Joins ascending numbers to ranges without gaps. */
function createRange(each: (first: number, last: number) => void): { add(seq: number): void; flush(): void } {
  let first = 0;
  let last = -1;
  const flush = (): void => {
    if (last >= first) each(first, last);
    last = first - 1;
  };
  return {
    add: (seq) => {
      if (last >= first && seq !== last + 1) flush();
      if (last < first) first = seq;
      last = seq;
    },
    flush,
  };
}
